"""Makes the settings on the service of what the configuration file says."""

from __future__ import annotations

from filterd.config.raw_service import RawReach, RawService, RawWords
from filterd.config.service_settings import ReachSettings, ServiceSettings, WordsSettings


def service(raw: RawService) -> ServiceSettings:
    """The settings; what the file leaves out is empty."""
    return ServiceSettings(
        name=raw.name or "",
        price=_words(raw.price),
        contact=_reach(raw.contact),
        complaints=_reach(raw.complaints),
        complaint_days=raw.complaint_days or 0,
        public_url=(raw.public_url or "").rstrip("/"),
        privacy_notice=raw.privacy_notice or "",
    )


def _reach(raw: RawReach) -> ReachSettings:
    return ReachSettings(
        raw.phone or "", raw.email or "", raw.url or "", _words(raw.place), _words(raw.hours)
    )


def _words(raw: RawWords | None) -> WordsSettings | None:
    return None if raw is None else WordsSettings(raw.es, raw.en)

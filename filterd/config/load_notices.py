"""Makes the settings on notices of what the configuration file says."""

from __future__ import annotations

from pathlib import Path

from filterd.config.notice_settings import NoticeSettings, WebhookSettings
from filterd.config.raw_notices import RawNotices, RawReceiver


def notices(raw: RawNotices, base: Path) -> NoticeSettings:
    """The settings; relative paths are below ``base``."""
    return NoticeSettings(
        webhooks=tuple(receiver(each, base, each.events) for each in raw.webhooks),
        retry_for=raw.retry_for,
        keep=raw.keep,
        profile_changes=raw.profile_changes,
        most=raw.most,
    )


def receiver(raw: RawReceiver, base: Path, events: tuple[str, ...] = ()) -> WebhookSettings:
    """The settings of one receiver of signed messages."""
    ca = None if raw.ca is None else base / raw.ca
    return WebhookSettings(raw.id, raw.url, base / raw.secret_file, events, ca, raw.timeout)

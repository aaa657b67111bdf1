"""Makes the settings of the portal of what the configuration file says."""

from __future__ import annotations

from pathlib import Path

from filterd.config.portal_settings import OpenidSettings, PortalSettings
from filterd.config.raw_portal import RawPortal


def portal(raw: RawPortal, base: Path) -> PortalSettings:
    """The settings; relative paths are below ``base``."""
    openid = raw.openid
    found = None
    if openid is not None:
        secret = openid.client_secret_file
        found = OpenidSettings(
            issuer=openid.issuer,
            client_id=openid.client_id,
            client_secret_file=None if secret is None else base / secret,
            lines_claim=openid.lines_claim,
            scopes=tuple(dict.fromkeys(("openid", *openid.scopes))),
            ca=None if openid.ca is None else base / openid.ca,
        )
    return PortalSettings((raw.public_url or "").rstrip("/"), found)

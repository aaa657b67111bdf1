"""The settings of the subscriber's portal, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OpenidSettings:
    """The provider's own sign-in, by OpenID Connect."""

    issuer: str
    client_id: str
    client_secret_file: Path | None
    """None: a public client"""
    lines_claim: str
    """the claim of the ID token that has the ids of lines"""
    scopes: tuple[str, ...]
    """``openid`` is the first"""
    ca: Path | None
    """None: the system's authorities"""


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """The subscriber's portal."""

    public_url: str = ""
    """without a slash at its end; empty: no link can be made"""
    openid: OpenidSettings | None = None
    """None: there is none"""

"""The settings of the web process, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from filterd.config.portal_settings import PortalSettings
from filterd.config.value_types import Endpoint


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The certificate of a listener."""

    certificate: Path
    """a PEM file with the whole chain"""
    key: Path


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The listener of the API, and the limits on those who use it."""

    listen: Endpoint
    connections: int
    """at one time"""
    requests: int
    """of one token in a second, and as many at once"""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The web process."""

    api: ApiSettings
    tls: TlsSettings | None
    """None: plain HTTP"""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    public_url: str = ""
    """without a slash at its end; empty: links are paths"""
    health: Endpoint | None = None
    """the listener of health and metrics; None: there is none"""
    portal: PortalSettings = field(default_factory=PortalSettings)

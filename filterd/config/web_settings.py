"""The settings of the web process, as the rest of the program sees them."""

from __future__ import annotations

from collections.abc import Iterator
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
class PagesSettings:
    """A listener of pages."""

    listen: Endpoint
    connections: int
    """at one time"""
    public_url: str = ""
    """without a slash at its end; empty: links are paths"""
    test_zone: str = ""
    """of the public pages: the zone of the test page's names; empty: there are none"""


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The web process. Of its listeners at least one is there."""

    api: ApiSettings | None
    """None: no API is served"""
    tls: TlsSettings | None
    """None: plain HTTP"""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    public_url: str = ""
    """without a slash at its end; empty: links are paths"""
    health: Endpoint | None = None
    """the listener of health and metrics; None: there is none"""
    portal: PagesSettings | None = None
    """the pages of subscribers"""
    public: PagesSettings | None = None
    """the pages of everybody; on the portal's listener where both have one address"""
    desk: PagesSettings | None = None
    """the pages of the provider's own people"""
    regulator: PagesSettings | None = None
    """the pages of whoever oversees the provider"""
    sign_in: PortalSettings = field(default_factory=PortalSettings)
    """to the portal"""

    @property
    def pages(self) -> dict[str, PagesSettings]:
        """The listeners of pages by name."""
        each = {"portal": self.portal, "public": self.public, "desk": self.desk, "regulator": self.regulator}
        return {name: found for name, found in each.items() if found is not None}

    def listeners(self) -> Iterator[tuple[str, Endpoint]]:
        """Every address with its key, one for each socket."""
        if self.api is not None:
            yield "web.api.listen", self.api.listen
        taken: set[Endpoint] = set()
        for name, found in self.pages.items():
            if found.listen not in taken:
                yield f"web.{name}.listen", found.listen
            taken.add(found.listen)

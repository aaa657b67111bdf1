"""The schema of a listener of pages in the configuration file."""

from __future__ import annotations

from filterd.config.raw_types import Listener, PublicUrl, Section, key


class RawPages(Section):
    """Pages on a listener of their own."""

    listen: Listener | None = key(
        None,
        "Address and port. Absent: these pages are not served. On any address but loopback they need "
        "`web.tls`, or a proxy in front that speaks TLS.",
    )
    connections: int = key(
        1_000,
        "Connections open at one time; for a new one beyond, the one that has been idle longest is closed.",
        ge=8,
        le=100_000,
        strict=True,
    )
    public_url: PublicUrl | None = key(
        None,
        "The URL of these pages, such as https://filtro.isp.example. Links begin with it. Requests for "
        "another host get status 421; the port is not compared. Absent, or with a loopback address: these "
        "pages answer requests for the address of their listener and for localhost. A proxy in front must "
        "keep the Host header.",
    )

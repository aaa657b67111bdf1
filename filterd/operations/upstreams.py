"""The upstreams of the settings as a forwarder takes them."""

from __future__ import annotations

from filterd.config.settings import UpstreamSettings
from filterd.dataplane.upstream.forward_types import Server, Tls
from filterd.dataplane.upstream.streams import tls_context


def server_of(upstream: UpstreamSettings) -> Server:
    """The server to ask; reads the file of its certificates, where it has one."""
    address, tls = upstream.address, upstream.tls
    secured = None
    if tls is not None:
        secured = Tls(tls.name, tls_context(None if tls.ca is None else str(tls.ca)))
    return Server(str(address.address), address.port, upstream.trusted, upstream.outstanding, secured)

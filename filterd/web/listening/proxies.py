"""The client behind a proxy: what ``X-Forwarded-For`` and ``X-Forwarded-Proto`` of a trusted one say.

Of the addresses in ``X-Forwarded-For`` the last that is no trusted proxy's is the client: the ones before it
are what the client itself wrote. From anybody else the headers are taken off, so that nothing behind can
believe them. What cannot be read leaves the client unknown, and an unknown one is in no network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

FORWARDED = frozenset((b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"))
UNKNOWN = ("", 0)
Address = IPv4Address | IPv6Address
Trusted = Callable[[Address], bool]


def behind_proxies(app: ASGIApp, networks: Sequence[IPv4Network | IPv6Network]) -> ASGIApp:
    """The application, which gets the client's own address and scheme, and none of the headers about them."""

    def trusted(address: Address) -> bool:
        return any(address.version == each.version and address in each for each in networks)

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            told = [(name, value) for name, value in scope["headers"] if name.lower() in FORWARDED]
            if told:
                headers = [each for each in scope["headers"] if each[0].lower() not in FORWARDED]
                peer = _address((scope.get("client") or UNKNOWN)[0])
                scope = {**scope, "headers": headers}
                if peer is not None and trusted(peer):
                    scope |= _behind(scope, told, trusted)
        await app(scope, receive, send)

    return call


def _behind(scope: Scope, told: Sequence[tuple[bytes, bytes]], trusted: Trusted) -> Scope:
    found: Scope = {}
    values = {
        name: b",".join(value for each, value in told if each.lower() == name)
        for name in (b"x-forwarded-for", b"x-forwarded-proto")
    }
    if values[b"x-forwarded-for"]:
        client = client_of(values[b"x-forwarded-for"].decode("latin-1"), trusted)
        found["client"] = UNKNOWN if client is None else (str(client), 0)
    scheme = values[b"x-forwarded-proto"].decode("latin-1").rpartition(",")[2].strip().lower()
    if scheme in ("http", "https"):
        found["scheme"] = scheme
    return found


def client_of(forwarded: str, trusted: Trusted) -> Address | None:
    """The last address that is no trusted proxy's; the first where all are; None: one cannot be read."""
    address = None
    for text in reversed(forwarded.split(",")):
        address = _address(text.strip())
        if address is None or not trusted(address):
            return address
    return address


def _address(text: str) -> Address | None:
    """The address, of one with a port that alone; an IPv4 address in IPv6 as what it is."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address

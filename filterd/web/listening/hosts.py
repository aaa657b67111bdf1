"""The names under which a listener of pages answers.

DNS rebinding: a page of another site resolves its own name to the address of a listener, and then reads what
is served there as if it were its own. Browsers send that name in ``Host``, so a request under a name that is
not the listener's is refused before any page sees it. ``X-Forwarded-Host`` does not count: a proxy in front
passes ``Host`` on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import unquote, urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCALHOST = "localhost"
MISDIRECTED = 421
BAD_REQUEST = 400
TEXT = """\
Esta página no se abre bajo este nombre. Escriba la dirección que le dio su proveedor.
This page does not open under this name. Type the address that your provider gave you.

Operator: pages answer the host of their public_url alone, and without one the address of their
listener. Write the name in web.portal.public_url (web.public, web.desk, web.regulator), restart, and
let a proxy in front pass the Host header on.
"""
"""the reply to each such request. It has nothing of the request, and no name of ours: the page that rebinds
can read it"""
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]*))?")
_ABSOLUTE = re.compile(rb"https?://", re.IGNORECASE)

Address = IPv4Address | IPv6Address
Host = str | Address


class _BadHostError(ValueError):
    """A request that does not say, or not clearly, for which host it is."""


@dataclass(frozen=True, slots=True)
class OwnHosts:
    """The hosts of one listener."""

    hosts: frozenset[Host]
    zone: str = ""
    """a zone whose names are ours too; empty: there is none"""
    own_addresses: bool = False
    """also ``localhost``, and the address on which the request came in"""

    def has(self, host: Host, server: Address | None) -> bool:
        """Return whether a request that came in on the address ``server`` may name ``host``."""
        if host in self.hosts:
            return True
        if self.own_addresses and host in (LOCALHOST, server):
            return True
        return bool(self.zone) and isinstance(host, str) and f".{host}".endswith(f".{self.zone}")


def own_hosts(public_urls: Iterable[str], zone: str = "") -> OwnHosts:
    """The hosts of these URLs, of which an empty one stands for none.

    The listener's own addresses are among them where pages have no URL, or one of loopback, as those of the
    demonstration do.
    """
    hosts = {_normal(urlsplit(each).hostname or "") if each else None for each in public_urls}
    named = frozenset(each for each in hosts if each is not None)
    return OwnHosts(named, zone.lower(), None in hosts or any(map(_is_loopback, named)))


def answering(app: ASGIApp, own: OwnHosts) -> ASGIApp:
    """The application, which gets only requests for these hosts. The others get :data:`TEXT`."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                hosts, scope = _asked(scope)
            except _BadHostError:
                await _refuse(BAD_REQUEST, scope, receive, send)
                return
            server = _server(scope)
            if not all(own.has(each, server) for each in hosts):
                await _refuse(MISDIRECTED, scope, receive, send)
                return
        await app(scope, receive, send)

    return call


async def _refuse(status: int, scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(TEXT, status, _HEADERS)(scope, receive, send)


def _asked(scope: Scope) -> tuple[list[Host], Scope]:
    """Every host that a request names, and the request with a path as its target. Raises _BadHostError.

    An absolute target overrides ``Host`` (RFC 9112, 3.2.2); here both must be ours.
    """
    headers = scope["headers"]
    given = [value for name, value in headers if name.lower() == b"host"]
    if len(given) != 1:
        raise _BadHostError
    hosts = [_host(given[0])]
    target = scope.get("raw_path") or scope["path"].encode()
    if target.startswith(b"/"):
        return hosts, scope
    if _ABSOLUTE.match(target) is None:
        raise _BadHostError
    authority, slash, rest = target.partition(b"//")[2].partition(b"/")
    hosts.append(_host(authority))
    path = (slash or b"/") + rest
    others = [each for each in headers if each[0].lower() != b"host"]
    changed = {
        "path": unquote(path.decode("ascii", "replace")),
        "raw_path": path,
        "headers": [(b"host", authority), *others],
    }
    return hosts, {**scope, **changed}


def _host(authority: bytes) -> Host:
    """The host of ``HOST`` or ``HOST:PORT``, of whatever port: proxies in front have ports of their own."""
    found = _AUTHORITY.fullmatch(authority.decode("latin-1"))
    if found is None:
        raise _BadHostError
    return _normal(found["host"].strip("[]"))


def _normal(host: str) -> Host:
    """An address as such, of a name the lower-case form without the final dot."""
    try:
        return _plain(ip_address(host))
    except ValueError:
        return host.lower().removesuffix(".")


def _plain(address: Address) -> Address:
    return getattr(address, "ipv4_mapped", None) or address


def _is_loopback(host: Host) -> bool:
    return host == LOCALHOST if isinstance(host, str) else host.is_loopback


def _server(scope: Scope) -> Address | None:
    """The address on which the connection came in; None where there is none, as of a socket of a file."""
    text = (scope.get("server") or ("",))[0]
    try:
        return _plain(ip_address(text.partition("%")[0]))
    except ValueError:
        return None

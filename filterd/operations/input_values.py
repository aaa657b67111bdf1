"""Brings texts, names, prefixes and times as people write them into the store's form, or refuses them."""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from filterd.config.value_types import DEFAULT_ZONE
from filterd.feed.names import RefusedNameError, normalise
from filterd.model.audit_chain import canonical
from filterd.model.bound import (
    LAST_PORT,
    Bound,
    BoundError,
    IdentityBound,
    PrefixBound,
    parse_bound,
    parse_prefix,
)
from filterd.model.identity import BOUND_KINDS
from filterd.model.rule import Scope
from filterd.model.subscriber import AskerRole
from filterd.operations.errors import OperationError

EARLIEST, LATEST = 86_400, 253_370_764_800
"""Unix seconds: from 1970-01-02 to the year 9999. A store holds 0 for no time, and clocks show four digits"""
FUTURE = 300
"""seconds by which a moment that has passed may lie ahead: clocks differ"""
WIDEST = {4: 20, 6: 40}
"""bits of the widest prefix that a line is given without --wide: 4,096 addresses, 65,536 networks of /56. A
provider's own allocations (/10, /32) are wider, and are what is typed by mistake"""
MAX_TEXT = 256
"""characters of a field that people fill in"""
_PORT = re.compile("[0-9]{1,5}")
_SHA256 = re.compile("[0-9a-f]{64}")
_UNNAMED_IDENTITY = re.compile("[!-9;-~]{1,64}")
"""the text of an identity without its kind"""


def text(value: str, what: str, *, limit: int = MAX_TEXT, required: bool = True) -> str:
    """A line of text: trimmed, printable, of bounded length."""
    trimmed = value.strip()
    if required and not trimmed:
        message = f"{what} is empty"
        raise OperationError(message, f"give the {what}")
    if len(trimmed) > limit or not trimmed.isprintable():
        message = f"{what} is longer than {limit} characters or holds characters that cannot be printed"
        raise OperationError(message, f"shorten or retype the {what}")
    return trimmed


def sha256(value: str, what: str) -> str:
    """A SHA-256 in 64 hexadecimal digits, in lower case; empty where it is empty."""
    found = value.strip().lower()
    if found and not _SHA256.fullmatch(found):
        message = f"the {what} is no SHA-256"
        raise OperationError(message, "give the 64 hex digits that sha256sum prints")
    return found


def name(value: str) -> str:
    """A domain name: lower-case A-labels without the final dot (IDNA 2008)."""
    try:
        return normalise(value.strip())
    except RefusedNameError as refused:
        message = f"not a domain name: {value.strip()[:64]!r} ({refused})"
        raise OperationError(message, f"write it like {_host(value) or 'example.org'}") from refused


def site(value: str) -> str:
    """A domain name, or that of the site in a pasted URL, with or without its scheme."""
    if not is_url(value):
        return name(value)
    pasted = value.strip()
    host = _host(pasted if "//" in pasted.partition("?")[0] else f"//{pasted}")
    return host or name(value)


def is_url(value: str) -> bool:
    """True if the text is more than a name: a URL, or the part of one that browsers show."""
    return any(mark in value for mark in "/:?#")


def _host(url: str) -> str:
    """The host name in a URL, which is what was probably meant; empty where it is no URL."""
    try:
        return normalise(urlsplit(url.strip()).hostname or "")
    except (ValueError, RefusedNameError):
        return ""


def role(value: str) -> AskerRole:
    """The role of a person who asked, by its word."""
    try:
        return AskerRole(value.strip().lower())
    except ValueError:
        message = f"unknown role {value.strip()[:32]!r}"
        raise OperationError(message, f"choose one of: {', '.join(AskerRole)}") from None


def scope(value: str) -> Scope:
    """A scope by its word."""
    try:
        return Scope[value.upper()]
    except KeyError:
        words = ", ".join(each.word for each in Scope)
        message = f"unknown scope {value[:64]!r}"
        raise OperationError(message, f"choose one of: {words}") from None


def prefix(value: str) -> str:
    """An address or prefix in canonical text; IPv4 inside IPv6 is written as IPv4."""
    try:
        return str(parse_prefix(value.strip()))
    except BoundError as error:
        raise OperationError(str(error), error.remedy) from error


def client(value: str) -> tuple[str, int]:
    """The address and the port in ``192.0.2.1:1500``, ``[2001:db8::1]:1500`` or ``ADDRESS#1500``; the port is
    0 where there is none. The address may be none at all: that is for its reader. Raises OperationError."""
    text = value.strip()
    address, mark, port = text.rpartition("#")
    if not mark and text.startswith("["):
        address, _, rest = text[1:].partition("]")
        mark, port = rest[:1], rest[1:]
        if rest and mark != ":":
            address = ""
    elif not mark and text.count(":") == 1:
        address, mark, port = text.partition(":")
    if not mark:
        return address or text, 0
    if not address or not _PORT.fullmatch(port) or not 0 < int(port) <= LAST_PORT:
        message = f"not an address and a port: {text[:64]!r}"
        raise OperationError(message, "write it like 192.0.2.1:1500, [2001:db8::1]:1500 or 2001:db8::1#1500")
    return address.removeprefix("[").removesuffix("]"), int(port)


def bound(value: str) -> Bound:
    """The bound in a text: a prefix, ports of an address, or an identity."""
    try:
        return parse_bound(value)
    except BoundError as error:
        raise OperationError(str(error), error.remedy) from error


def identity(value: str) -> IdentityBound:
    """The identity in a text. Raises OperationError."""
    kind, colon, _ = value.strip().partition(":")
    if colon and kind.lower() in BOUND_KINDS:
        found = bound(value)
        if isinstance(found, IdentityBound):
            return found
    message = f"{value.strip()[:64]} is no identity"
    kinds = "mac:00:11:22:aa:bb:cc, device:TEXT or tlv:TEXT"
    unnamed = not colon and bool(_UNNAMED_IDENTITY.fullmatch(value.strip()))
    remedy = f"write cpe:{value.strip()}, {kinds}" if unnamed else f"write cpe:TEXT, {kinds}"
    raise OperationError(message, remedy)


def bound_of_line(value: str, *, wide: bool) -> Bound:
    """The bound that a binding gives one line. ``wide``: a prefix is meant which is wider than a line's."""
    found = bound(value)
    if not wide and isinstance(found, PrefixBound):
        _refuse_wide(found.network)
    return found


def prefix_of_line(value: str, *, wide: bool) -> str:
    """The same for an address or prefix alone, in canonical text."""
    canonical = prefix(value)
    if not wide:
        _refuse_wide(ip_network(canonical))
    return canonical


def _refuse_wide(network: IPv4Network | IPv6Network) -> None:
    if _is_wide(network):
        message = f"{network} {_covers(network)}: every client in it would be this one line"
        raise OperationError(message, "give the line's own prefix; if this one is meant, add --wide")


def is_wide(text: str) -> bool:
    """True for a prefix that holds more addresses than one line has, by all that is usual."""
    found = parse_bound(text)
    return isinstance(found, PrefixBound) and _is_wide(found.network)


def _is_wide(network: IPv4Network | IPv6Network) -> bool:
    return network.prefixlen < WIDEST[network.version]


def _covers(network: IPv4Network | IPv6Network) -> str:
    if network.prefixlen == 0:
        return f"is every IPv{network.version} address"
    return f"is wider than a line's prefix (/{WIDEST[network.version]} at most)"


def zone(value: str) -> str:
    """An IANA time zone."""
    if value not in _zones():
        message = f"unknown time zone {value[:64]!r}"
        raise OperationError(message, f"write it like {DEFAULT_ZONE}")
    return value


@cache
def _zones() -> frozenset[str]:
    """The zones that this system knows when a process asks first: they are read from hundreds of files."""
    return frozenset(available_timezones())


def is_address(value: str) -> bool:
    """True if the text is an IP address or prefix."""
    try:
        ip_address(value.strip().strip("[]").split("/")[0])
    except ValueError:
        return False
    return True


def when(value: str, what: str) -> int:
    """A moment in ISO 8601 with its offset (or ``Z``), as Unix seconds."""
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError as error:
        message = f"{what} is no time: {value[:64]!r}"
        raise OperationError(message, "write it like 2026-11-25T21:00:00-06:00") from error
    if moment.tzinfo is None:
        message = f"{what} has no offset from UTC: {value[:64]!r}"
        raise OperationError(message, "add the offset, as in 2026-11-25T21:00:00-06:00, or Z")
    return int(meant(moment.timestamp(), what, value))


def meant(at: float, what: str, written: str = "") -> float:
    """A moment (Unix seconds) that every clock can show. ``written``: the text that it was read from."""
    if not EARLIEST <= at <= LATEST:
        message = f"{what} is not a time that can be meant: {written[:64] or at!r}"
        raise OperationError(message, "give the right year; leave it out where there is no such time")
    return at


def past(at: float, now: float, what: str) -> float:
    """A moment (Unix seconds) that has passed, as far as clocks agree."""
    if at > now + FUTURE:
        message = f"{what} lies in the future"
        raise OperationError(message, "give the time at which it happened; mind the offset from UTC")
    return at


def sealed(seal: str, value: Any) -> str:
    """A digest of a personal value for the audit trail: HMAC-SHA-256 under the line's own seal.

    While the line exists, a claim about the value can be checked; once it is erased its seal is gone, and the
    digest says nothing any more.
    """
    return f"hmac-sha256:{hmac.digest(bytes.fromhex(seal), canonical(value).encode(), 'sha256').hex()}"

"""Format ``hosts``: an address and one or more host names a line, as in hosts(5).

Only addresses that lead nowhere block (0.0.0.0, ::, loopback, broadcast); a line with another address maps a
name to a host and is refused. The machine's own names, which every such file contains, are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from filterd.feed.names import clean_lines
from filterd.feed.parsers.entry import Bulk, ListEntry, Parser, RefusedListEntry, words

OWN_NAMES = frozenset(
    {
        "localhost",
        "localhost.localdomain",
        "localhost4",
        "localhost4.localdomain4",
        "localhost6",
        "localhost6.localdomain6",
        "local",
        "broadcasthost",
        "ip6-localhost",
        "ip6-loopback",
        "ip6-localnet",
        "ip6-mcastprefix",
        "ip6-allnodes",
        "ip6-allrouters",
        "ip6-allhosts",
        "0.0.0.0",  # noqa: S104 - a name here, as real files have it
    }
)
_BROADCAST = IPv4Address("255.255.255.255")


def blocks(address: IPv4Address | IPv6Address) -> bool:
    """True if an address leads nowhere, so that a name with it is blocked."""
    return address.is_unspecified or address.is_loopback or address == _BROADCAST


def read_line(line: str) -> Iterable[ListEntry | RefusedListEntry]:
    """Read one entry for each host name that is not the machine's own."""
    found = words(line)
    if not found:
        return ()
    try:
        address = ip_address(found[0])
    except ValueError:
        return (RefusedListEntry("no address at the start of the line"),)
    if len(found) == 1:
        return (RefusedListEntry("an address without a name"),)
    names = [name for name in found[1:] if name.lower().removesuffix(".") not in OWN_NAMES]
    if names and not blocks(address):
        return (RefusedListEntry("points the name to an address and blocks nothing"),)
    return [ListEntry(name) for name in names]


PARSER = Parser(
    read_line,
    bulk=tuple(
        Bulk(clean_lines(prefix, but_not=b"localhost"), prefix) for prefix in (b"0.0.0.0 ", b"127.0.0.1 ")
    ),
)

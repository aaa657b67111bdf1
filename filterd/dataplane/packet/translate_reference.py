"""The readable reference of :mod:`filterd.dataplane.packet.translate`.

A carrier-grade NAT that gives each inside address a block of ports by a fixed rule (RFC 7422), and the
mapping rules of MAP-E and MAP-T (RFC 7597 section 5): both tell the line of an outside address and a port, so
nothing has to be logged or looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from filterd.dataplane.packet.plane_types import MapRule, SharedRule

PORTS = 65_536
_MAPPED = bytes(10) + b"\xff\xff"


def inside_of(rule: SharedRule, outside: IPv4Address, port: int) -> bytes | None:
    """The inside address, in 16 bytes, whose block holds the port; None: nobody's does."""
    place = int(outside) - int(rule.outside.network_address)
    if port == 0 or port < rule.first_port:
        return None
    places = (PORTS - rule.first_port) // rule.ports
    block = (port - rule.first_port) // rule.ports
    if block >= places:  # the ports left over behind the last whole block
        return None
    if rule.order == "interleaved":
        line = block * rule.outside.num_addresses + place
    else:
        line = place * places + block
    return _MAPPED + rule.inside[line].packed if line < rule.inside.num_addresses else None


def end_user_prefix(rule: MapRule, address: IPv4Address, port: int) -> bytes | None:
    """The prefix of the line, in 16 bytes with zeros behind it; None: the port is in nobody's set.

    The EA bits are what follows the rule's prefix in the address and, where the address is shared, the port
    set's id, which stands in the port behind ``psid_offset`` bits that are not all 0.
    """
    suffix_bits = 32 - rule.ipv4.prefixlen
    bits = int(address) - int(rule.ipv4.network_address)
    psid_bits = max(rule.ea_bits - suffix_bits, 0)
    if psid_bits:
        if port == 0 or (rule.psid_offset and port >> 16 - rule.psid_offset == 0):
            return None
        psid = port >> 16 - rule.psid_offset - psid_bits & (1 << psid_bits) - 1
        bits = bits << psid_bits | psid
    else:
        bits >>= suffix_bits - rule.ea_bits
    behind = 128 - rule.ipv6.prefixlen - rule.ea_bits
    return (int(rule.ipv6.network_address) | bits << behind).to_bytes(16, "big")


def translate(
    shared: Sequence[SharedRule], maps: Sequence[MapRule], client: bytes, port: int
) -> bytes | None:
    """The address to look up for a client; its own where no rule is for it, None where the port is nobody's.

    Of rules for nested outside addresses the longest prefix counts, of equal ones the first that knows.
    """
    if not client.startswith(_MAPPED):
        return client
    address = IPv4Address(client[12:])
    rules = [
        (each.outside.prefixlen, inside_of(each, address, port)) for each in shared if address in each.outside
    ] + [(each.ipv4.prefixlen, end_user_prefix(each, address, port)) for each in maps if address in each.ipv4]
    if not rules:
        return client
    longest = max(length for length, _ in rules)
    return next((found for length, found in rules if length == longest and found is not None), None)

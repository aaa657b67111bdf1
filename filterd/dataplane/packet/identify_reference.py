"""The plain twin of the stage identify: the line of a query, in the order of trust."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from filterd.dataplane.packet.exchange_reference import Exchange, Identity, ReferencePlane, ReferenceUnread
from filterd.dataplane.packet.translate_reference import translate
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses
from filterd.model.identity import IdentityKind, Method
from filterd.policy.inquiry_reference import ReferenceLine

MAPPED = bytes(10) + b"\xff\xff"
MAC_SIZE = 6
_MAC_TEXT = re.compile(rb"[0-9A-Fa-f]{2}(?:([:-]?)[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4})")
_MAC_BASE64 = re.compile(rb"[0-9A-Za-z+/]{8}")
Found = tuple[Method, int]
"""a method, and the number of the line that it leads to"""


def take_identities(plane: ReferencePlane, x: Exchange, sender: bytes) -> None:
    """Note the identities that came with the query from those who may name them."""
    if (x.front if x.proxied else sender) in plane.edns_id_from:
        x.identities += [(Method.EDNS_ID, *each) for each in ids_of(*x.query.ids)]
    if x.tlv:
        x.identities.append((Method.PROXY_ID, IdentityKind.TLV, x.tlv))


def ids_of(mac: bytes, device: bytes, cpe: bytes) -> Iterator[Identity]:
    """The identities in the options 65001, 65073 and 65074. The second one is a hardware address in
    hexadecimal or base64, or else a device's text, which may happen to look like base64."""
    if len(mac) == MAC_SIZE:
        yield IdentityKind.MAC, mac
    if _MAC_TEXT.fullmatch(device):
        yield IdentityKind.MAC, bytes.fromhex(re.sub(rb"[:-]", b"", device).decode())
    elif device:
        if _MAC_BASE64.fullmatch(device):
            yield IdentityKind.MAC, base64.b64decode(device)
        yield IdentityKind.DEVICE, device
    if cpe:
        yield IdentityKind.CPE, cpe


def numbers(plane: ReferencePlane, x: Exchange) -> Iterator[Found]:
    """The lines that each method leads to, in the order of trust."""
    unread = waited_for(plane) or ReferenceUnread()
    identities = {**plane.identities, **unread.identities}
    for method, kind, text in x.identities:
        if (kind, text) in identities:
            yield method, identities[kind, text]
    address = translate(plane.shared, plane.maps, x.client, x.port)
    if plane.sessions_used:
        for number in by_address(plane.session_ports, plane.sessions, x, address):
            yield Method.SESSION, number
    ports, addresses = both(plane.ports, unread.ports), both(plane.addresses, unread.addresses)
    for number in by_address(ports, addresses, x, address):
        yield Method.BINDING, number


def waited_for(plane: ReferencePlane) -> ReferenceUnread | None:
    """The lines with unread changes; None where an old choice is better than none, or all choices lack."""
    state = plane.state
    if state is None or state.parental_fail_open or not state.parental_ready:
        return None
    return plane.unread


def both(known: ReferenceAddresses, unread: ReferenceAddresses) -> ReferenceAddresses:
    """The table as it will be with the unread bindings."""
    return ReferenceAddresses({**known.values, **unread.values}, known.until)


def leads_to_unread(plane: ReferencePlane, x: Exchange) -> bool:
    """True if the first method that leads to a line leads to one with unread changes."""
    unread = waited_for(plane)
    if unread is None:
        return False
    for _, number in numbers(plane, x):
        if number in unread.lines or number > unread.highest:
            return True
        if number in plane.lines:
            return False
    return False


def by_address(
    ports: ReferenceAddresses, addresses: ReferenceAddresses, x: Exchange, address: bytes | None
) -> Iterator[int]:
    """The lines of the client's address and port, and of its address; None: nothing is known by that."""
    found: list[int | None] = []
    if x.port and x.client.startswith(MAPPED):
        found.append(ports.find(x.client[12:] + x.port.to_bytes(2, "big") + bytes(10), x.ticks))
    if address is not None:
        found.append(addresses.find(address, x.ticks))
    yield from (number for number in found if number is not None)


def recognise(plane: ReferencePlane, x: Exchange) -> tuple[Method, ReferenceLine] | None:
    """The first method that leads to a line, and the line; None: the client is unknown."""
    for method, number in numbers(plane, x):
        line = plane.lines.get(number)
        if line is not None:
            return method, line
    return None


def is_known(plane: ReferencePlane, x: Exchange) -> bool:
    """True if the client's choices are known, or it is known to have none.

    While lines are not loaded, and the operator fails closed, a client that has a line, or may have one, gets
    nothing; while sessions are not loaded, one that may have a session and that nothing else recognises. In
    the pools a binding recognises nobody meanwhile: a session would come before it. A line with changes that
    were not read yet gets nothing either, nor one that got a policy which the state does not have.
    """
    state = plane.state
    if state is None or not state.ready:
        return False
    if state.parental_fail_open:
        return True
    if not state.parental_ready and (not plane.identity_ready or next(numbers(plane, x), None) is not None):
        return False
    if leads_to_unread(plane, x):
        return False
    found = recognise(plane, x) if state.parental_ready else None
    if found is not None and found[1].opted_in and found[1].policy >= len(state.policies):
        return False
    if found is not None and (found[0] is not Method.BINDING or plane.pools is None):
        return True
    return not may_have_session(plane, x)


def may_have_session(plane: ReferencePlane, x: Exchange) -> bool:
    """True if sessions that are not loaded yet may lead this client to a line."""
    if not plane.sessions_used or plane.sessions_ready:
        return False
    if plane.pools is None:
        return True
    address = translate(plane.shared, plane.maps, x.client, x.port)
    return x.client in plane.pools or (address is not None and address in plane.pools)

"""The readable reference of ``ech.pxd``: Encrypted Client Hello (RFC 9849) in SVCB and HTTPS records.

A line behind a filter by TLS server name may have the SvcParam ``ech`` taken out of its answers. It then sees
each record as a client without ECH does:

- the parameter is left out, all others stay as they are;
- a record that lists it in ``mandatory`` is left out, since such a client must ignore it (RFC 9460, 8);
- in AliasMode, where nobody reads any parameter (RFC 9460, 2.4.2), all of them are left out.

A record whose target is compressed, or whose parameters are cut short or not in strictly increasing order, is
damaged: nobody could say where in it a client would find the parameter.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from filterd.wire.codec_reference import RecordSpan, Refused, need, u16, walk
from filterd.wire.status import Status
from filterd.wire.upstream_answers_reference import read_target

SVCB, HTTPS, RRSIG = 64, 65, 46
MOST_LOOKED_AT = 4096
"""bytes of services' data in one answer"""
MANDATORY, ECH = 0, 5
"""keys of parameters (RFC 9460, 14.3.2)"""


@dataclass(frozen=True, slots=True)
class EchCut:
    """The bytes of a message that are to be taken out of one record; none where ``start`` is ``end``."""

    start: int = 0
    end: int = 0
    requires_ech: bool = False
    """a client without ECH ignores the record: all of it goes"""


NO_CUT = EchCut()


def find_ech(message: bytes, place: RecordSpan) -> EchCut:
    """The cut of an SVCB or HTTPS record."""
    _, start = read_target(message, place.data_offset, place.end)
    position, last, listed, cut = start, -1, False, NO_CUT
    while position < place.end:
        need(position + 4 <= place.end, Status.TRUNCATED)
        key, size = u16(message, position), u16(message, position + 2)
        behind = position + 4 + size
        need(behind <= place.end, Status.TRUNCATED)
        need(key > last, Status.BAD_DATA)
        if key == MANDATORY:
            listed = _lists_ech(message[position + 4 : behind])
        elif key == ECH:
            cut = EchCut(position, behind, listed)
        position, last = behind, key
    if cut is not NO_CUT and u16(message, place.data_offset) == 0:
        return EchCut(start, place.end)
    return cut


def _lists_ech(keys: bytes) -> bool:
    """True if the value of ``mandatory``, which is keys of two bytes, has ``ech``."""
    return any(u16(keys, at) == ECH for at in range(0, len(keys) - 1, 2))


def ech_types(message: bytes) -> frozenset[int]:
    """Those of SVCB and HTTPS of which a record has the parameter, or is damaged, as far as the message can
    be walked. Behind so many bytes nobody looks, to save time: both are taken to have it."""
    found, left = set(), MOST_LOOKED_AT
    with contextlib.suppress(Refused):
        for place in walk(message, owners=False):
            if place.type not in (SVCB, HTTPS):
                continue
            left -= place.end - place.data_offset
            if left < 0:
                return frozenset({SVCB, HTTPS})
            if _is_altered(message, place):
                found.add(place.type)
    return frozenset(found)


def _is_altered(message: bytes, place: RecordSpan) -> bool:
    """True if the record has the parameter, or nobody can say whether it has."""
    try:
        return find_ech(message, place) is not NO_CUT
    except Refused:
        return True


def signed_type(message: bytes, place: RecordSpan) -> int:
    """The type that an RRSIG signs (RFC 4034, 3.1.1); 0 for any other record."""
    if place.type != RRSIG or place.end - place.data_offset < 2:
        return 0
    return u16(message, place.data_offset)

"""The invariant of hostile packets, and where the packets come from.

Invariant: a packet parses or gives a status, nothing else; an answer that we build parses in dnspython and is
for the question that was sent; nothing ever answers an answer.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.flags
import dns.message

from filterd.wire import codec, respond
from filterd.wire.codec_reference import walk
from filterd.wire.ech_reference import HTTPS, NO_CUT, SVCB, find_ech
from filterd.wire.message import StrippedAnswer
from filterd.wire.status import Status

CORPUS = Path(__file__).parent / "corpus"
SEED = int(os.environ.get("FILTERD_FUZZ_SEED", "20261125"))
QR = 0x80
TC = 0x02
SERVFAIL = 2
ANY = 255
CHECKED_TYPES = frozenset({2, 5, 6, 12, 15, 16})
CHECKED_IN_CLASS_IN = CHECKED_TYPES | {1, 28, 33}
"""types whose data strip() vouches for as a whole (of SVCB and HTTPS: target and hints); others go through"""
EDES = ((16, b""), (4, b"forged"))
TARGET = b"\x04safe\x07example\x00"

Query = codec.ParsedQuery
BUILDERS: tuple[Callable[[Query], bytes], ...] = (
    lambda q: respond.error(q, 2, ede=EDES, limit=1232),
    lambda q: respond.error(q, 16, ede=EDES),
    lambda q: respond.truncated(q, limit=512),
    lambda q: respond.blocked(q, 0, 1, ede=EDES, limit=512),
    lambda q: respond.blocked(q, 0, 0),
    lambda q: respond.blocked(q, 1, 1, ttl=5),
    lambda q: respond.blocked(q, 2, 1, ede=EDES),
    lambda q: respond.blocked(q, 3, 2, ipv4=bytes(4), ipv6=bytes(16), ede=EDES),
    lambda q: respond.local(q, 2),
    lambda q: respond.text(q, b"resolver-1"),
    lambda q: respond.rewrite(q, TARGET, b"", ede=EDES),
)


def corpus() -> dict[str, bytes]:
    """The committed packets, name -> bytes."""
    return {path.stem: path.read_bytes() for path in sorted(CORPUS.glob("*.bin"))}


def public_packets() -> dict[str, bytes]:
    """The packets of public corpora beside the repository, if they are there (not part of it)."""
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("FILTERD_TEST_DATA", beside)) / "packets"
    if not (folder / "index.json").is_file():
        return {}
    index = json.loads((folder / "index.json").read_text())
    return {entry["file"]: (folder / entry["file"]).read_bytes() for entry in index["packets"]}


def _flip_bits(rng: random.Random, packet: bytearray) -> None:
    for _ in range(rng.randint(1, 8)):
        packet[rng.randrange(len(packet))] ^= 1 << rng.randrange(8)


def _set_byte(rng: random.Random, packet: bytearray) -> None:
    packet[rng.randrange(len(packet))] = rng.choice((0, 1, 0x3F, 0x40, 0x80, 0xC0, 0xFF, rng.randrange(256)))


def _set_count(rng: random.Random, packet: bytearray) -> None:
    at = 4 + 2 * rng.randrange(4)
    packet[at : at + 2] = rng.choice((0, 1, 2, 3, 0xFFFF)).to_bytes(2, "big")


def _plant_pointer(rng: random.Random, packet: bytearray) -> None:
    at = rng.randrange(len(packet))
    packet[at : at + 2] = (0xC000 | rng.randrange(len(packet) + 4)).to_bytes(2, "big")


def _cut(rng: random.Random, packet: bytearray) -> None:
    del packet[rng.randrange(len(packet)) :]


def _extend(rng: random.Random, packet: bytearray) -> None:
    packet += rng.randbytes(rng.randint(1, 40))


def _remove(rng: random.Random, packet: bytearray) -> None:
    at = rng.randrange(len(packet))
    del packet[at : at + rng.randint(1, 6)]


def _repeat(rng: random.Random, packet: bytearray) -> None:
    at = rng.randrange(len(packet))
    packet[at:at] = packet[at : at + rng.randint(1, 40)]


MUTATIONS = (_flip_bits, _set_byte, _set_count, _plant_pointer, _cut, _extend, _remove, _repeat)


def mutate(rng: random.Random, packet: bytes) -> bytes:
    """One to three changes somewhere in the packet."""
    changed = bytearray(packet)
    for _ in range(rng.randint(1, 3)):
        if changed:
            rng.choice(MUTATIONS)(rng, changed)
    return bytes(changed)


def parses(wire: bytes) -> dns.message.Message:
    """The answer as dnspython reads it; bad data of types that we pass unread does not count."""
    message = dns.message.from_wire(wire, continue_on_error=True)
    records = codec.records(wire)
    assert isinstance(records, list)
    for found in message.errors:
        at = [r for r in records if r.data_offset <= found.offset <= r.data_offset + len(r.data)]
        assert at, (found.exception, found.offset)
        vouched = CHECKED_IN_CLASS_IN if at[0].rclass == 1 else CHECKED_TYPES
        assert at[0].type not in vouched, (found.exception, at[0].type)
    return message


def check_built(packet: bytes, built: bytes, question: bytes) -> None:
    """An answer that we built, for a packet of ours to answer."""
    message = parses(built)
    assert message.flags & dns.flags.QR
    assert built[:2] == packet[:2]
    assert built[12 : 12 + len(question)] == question
    assert not message.flags & dns.flags.AA


def check_as_query(packet: bytes, rng: random.Random) -> None:
    """The packet as a client's."""
    status, query = codec.read(packet)
    assert isinstance(status, Status)
    silent = len(packet) < 12 or packet[2] & QR
    if status is not Status.OK:
        built = respond.malformed(packet, limit=512)
        assert (built == b"") == bool(silent)
        if built:
            check_built(packet, built, query.question)
    else:
        assert not silent
        assert respond.malformed(packet) == b""
        check_built(packet, rng.choice(BUILDERS)(query), query.question)
    if silent:
        assert [build(query) for build in BUILDERS] == [b""] * len(BUILDERS)


def question_of(message: bytes) -> bytes:
    """The query that the message claims to answer: its question alone, RD and DO set."""
    opt = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00"
    return message[:2] + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + message[12:] + opt


def question_bytes(message: bytes) -> bytes:
    """The first question of a message, empty where there is none that stands in full."""
    found = codec.name_at(message, 12)
    return message[12 : found[1] + 4] if not isinstance(found, Status) else b""


def names_in(message: bytes) -> list[tuple[int, bytes, Any]]:
    """Type, owner and, where it has one, the target of each record (not OPT) of a sound message."""
    records = codec.records(message)
    assert isinstance(records, list)
    return [
        (r.type, r.owner, codec.name_at(message, r.data_offset) if r.type in (2, 5, 12, 39) else None)
        for r in records
        if r.type != 41
    ]


def check_as_answer(packet: bytes, rng: random.Random) -> None:
    """The packet as an upstream's: stripped, kept, and passed on to the client that asked its question."""
    stripped = codec.strip(packet)
    if isinstance(stripped, Status):
        assert stripped is not Status.OK
        return
    assert isinstance(stripped, StrippedAnswer)
    assert not isinstance(codec.answer_lifetime(stripped.message), Status)
    asked = question_of(packet[:12] + question_bytes(packet))
    query = codec.parse(asked)
    if isinstance(query, Status):
        return
    limit = rng.choice((512, 1232, 65535))
    built = respond.answer(query, stripped.message, limit=limit, age=rng.randrange(400), ede=stripped.edes)
    check_built(packet, built, query.question)
    assert len(built) <= limit
    if not built[2] & TC and built[3] & 15 != SERVFAIL:
        check_names(query, built, stripped.message)
    check_built(packet, respond.rewrite(query, TARGET, stripped.message, ede=EDES), query.question)
    for built in (
        respond.answer(query, stripped.message, limit=limit, strip_ech=True),
        respond.rewrite(query, TARGET, stripped.message, strip_ech=True),
    ):
        check_built(packet, built, query.question)
        places = [place for place in walk(built, owners=False) if place.type in (SVCB, HTTPS)]
        assert all(find_ech(built, place) is NO_CUT for place in places)


def check_names(query: codec.ParsedQuery, built: bytes, message: bytes) -> None:
    """Whatever has aged, the names have not. ANY is given one RRset of them (RFC 8482); of what is too long
    whole sections may go, the last ones first, and never what answers."""
    passed, whole = names_in(built), names_in(message)
    if query.qtype == ANY:
        # The second of a target's pair is where it ends, which moves with what was left out.
        kept = [(rtype, owner, target and target[0]) for rtype, owner, target in whole]
        assert all((rtype, owner, target and target[0]) in kept for rtype, owner, target in passed)
        return
    counts = [[int.from_bytes(m[at : at + 2], "big") for at in (6, 8)] for m in (built, message)]
    assert counts[0][0] == counts[1][0]
    assert len(passed) in (len(whole), sum(counts[1]), counts[1][0])
    assert passed == whole[: len(passed)]


def check(packet: bytes, rng: random.Random) -> None:
    """The invariant, for any bytes."""
    check_as_query(packet, rng)
    check_as_answer(packet, rng)

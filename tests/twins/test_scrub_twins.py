"""Native scrubbing gives what its reference gives, on answers whose names have much to do with each other."""

from __future__ import annotations

import struct

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from filterd.wire import codec, scrub, scrub_reference
from filterd.wire.names import name_from_text
from filterd.wire.status import Status
from tests.twins.test_wire_twins import messages, mutated, sound_answers
from tests.worlds.examples import examples

TEXTS = ("www.example", "WWW.Example", "a.example", "b.a.example", "example", ".", "other.test", "xample")
pooled = st.sampled_from([*map(name_from_text, TEXTS), b"\xc0\x0c", b"\xc0\x10", b"\1a\xc0\x10"])
whole = st.sampled_from([*map(name_from_text, TEXTS)])
TYPES = (1, 2, 5, 5, 5, 6, 15, 28, 33, 35, 39, 43, 46, 47, 50, 64, 65)


@st.composite
def related_record(draw: st.DrawFn) -> bytes:
    """A record about one of a few names, naming another of them where its type does."""
    kind = draw(st.sampled_from(TYPES))
    target = draw(pooled)
    covered = struct.pack("!H", draw(st.sampled_from(TYPES)))
    data = {
        1: bytes(4),
        2: target,
        5: target,
        6: target + target + bytes(20),
        15: b"\0\1" + target,
        28: bytes(16),
        33: bytes(6) + target,
        35: bytes(4) + b"\0\0\0" + target,
        39: target,
        46: covered + bytes(16) + b"\0signature",
        47: target + b"\0\1\x40",
        64: b"\0\0" + draw(whole),
        65: b"\0\1" + draw(whole),
    }.get(kind, b"opaque")
    rclass = draw(st.sampled_from([1] * 9 + [3]))
    return draw(pooled) + struct.pack("!HHIH", kind, rclass, 60, len(data)) + data


@st.composite
def related_answers(draw: st.DrawFn) -> bytes:
    """Answers of all kinds: what is kept of them, aliases that lead nowhere, referrals, contradictions."""
    sections = [draw(st.lists(related_record(), max_size=size)) for size in (8, 4, 6)]
    kind = draw(st.sampled_from([1, 1, 1, 28, 5, 15, 39, 46, 65, 255]))
    flags = draw(st.sampled_from([0x8180] * 6 + [0x8580, 0x8183, 0x8183, 0x8182, 0x8186, 0x8187]))
    header = struct.pack("!6H", 7, flags, 1, *map(len, sections))
    return header + b"\3wWw\7example\0" + struct.pack("!HH", kind, 1) + b"".join(map(b"".join, sections))


@settings(max_examples=examples(200), deadline=None)
@given(st.one_of(related_answers(), related_answers(), sound_answers()))
def test_twins_scrub_alike(message: bytes) -> None:
    stripped = codec.strip(message)
    if isinstance(stripped, Status):
        return
    found = scrub.scrubbed(stripped.message)
    assert found == scrub_reference.scrubbed(stripped.message)
    assert scrub.errors_of(stripped.message) == scrub_reference.errors_of(stripped.message)
    assert scrub.status_of(stripped.message) == scrub_reference.status_of(stripped.message)
    if isinstance(found, bytes):
        assert scrub.scrubbed(found) == found
        assert scrub.errors_of(found) == scrub.errors_of(stripped.message)
        assert isinstance(codec.records(found), list)


@settings(max_examples=examples(100), deadline=None)
@given(related_answers())
def test_what_is_no_answer_is_known_before_it_is_scrubbed(message: bytes) -> None:
    stripped = codec.strip(message)
    if isinstance(stripped, Status):
        return
    refused = scrub.status_of(stripped.message) is Status.NOT_AN_ANSWER
    assert (scrub.scrubbed(stripped.message) is Status.NOT_AN_ANSWER) == refused


@pytest.mark.parametrize("wanted", ["kept", "refused", "dangling"])
def test_every_kind_is_generated(wanted: str) -> None:
    def is_wanted(message: bytes) -> bool:
        stripped = codec.strip(message)
        if isinstance(stripped, Status):
            return False
        status, edes = scrub.status_of(stripped.message), scrub.errors_of(stripped.message)
        return wanted == ("refused" if status else "dangling" if edes else "kept")

    assert find(related_answers(), is_wanted, settings=settings(database=None, max_examples=20_000))


@settings(max_examples=examples(67), deadline=None)
@given(st.one_of(messages(), mutated(), st.binary(max_size=60)))
def test_anything_gives_an_answer_or_a_status(message: bytes) -> None:
    assert isinstance(scrub.scrubbed(message), bytes | Status)
    assert isinstance(scrub.status_of(message), Status)
    assert isinstance(scrub.errors_of(message), tuple)

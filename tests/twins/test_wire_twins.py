"""The native wire code gives what its plain-Python reference gives: statuses, values and bytes."""

from __future__ import annotations

import random
import struct
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.wire import (
    codec,
    codec_reference,
    queries_reference,
    respond,
    respond_reference,
    upstream_answers_reference,
)
from filterd.wire.options import AnswerOptions
from filterd.wire.status import Status
from tests.fuzz.packets import corpus, mutate, public_packets, question_bytes, question_of
from tests.worlds.examples import examples

SEEDS = sorted(corpus().items())
FIELDS = [name for name in queries_reference.ParsedQuery.__slots__ if not name.startswith("_")]
TARGET = b"\x04safe\x07example\x00"

labels = st.one_of(
    st.binary(min_size=1, max_size=5),
    st.binary(min_size=1, max_size=63),
    st.sampled_from([b"WWW", b"example"]),
)
pointers = st.integers(0, 80).map(lambda at: struct.pack("!H", 0xC000 | at))
endings = st.one_of(st.just(b"\0"), pointers, st.binary(max_size=2))


@st.composite
def names(draw: st.DrawFn) -> bytes:
    """A name in wire form, perhaps too long, compressed, or with a bad end."""
    parts = draw(st.lists(labels, max_size=6))
    return b"".join(bytes([len(part)]) + part for part in parts) + draw(endings)


@st.composite
def options(draw: st.DrawFn) -> bytes:
    """One EDNS option, sometimes of a false length."""
    code = draw(st.sampled_from([3, 8, 10, 11, 15, 65001, 65073, 65074]))
    subnets = st.sampled_from([b"\0\1\x18\0\xc0\0\2", b"\0\2\x38\0" + bytes(7), b"\0\1\x14\0\x0a\0\xff"])
    content = draw(st.one_of(st.binary(max_size=42), subnets, st.sampled_from([bytes(8), bytes(24)])))
    length = draw(st.sampled_from([len(content)] * 9 + [len(content) + 1]))
    return struct.pack("!HH", code, length) + content


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """A record with data that is often of its type and sometimes of a false length."""
    kind = draw(st.sampled_from([1, 2, 5, 6, 15, 16, 28, 33, 35, 39, 41, 46, 47, 64, 65, 250, 257]))
    owner = draw(st.one_of(names(), st.sampled_from([b"\0", b"\xc0\x0c"])))
    joined = st.tuples(st.binary(max_size=6), names(), st.binary(max_size=24)).map(b"".join)
    opts = st.lists(options(), max_size=4).map(b"".join)
    content = draw(st.one_of(joined, st.sampled_from([bytes(4), bytes(16)]), opts, st.binary(max_size=40)))
    rclass = draw(st.sampled_from([1, 1, 1, 3, 255, 1232]))
    ttl = draw(st.one_of(st.integers(0, 600), st.integers(0, 0xFFFFFFFF)))
    length = draw(st.sampled_from([len(content)] * 19 + [len(content) + 1]))
    return owner + struct.pack("!HHIH", kind, rclass, ttl, length) + content


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message of records made to measure: close enough to well-formed that reading gets far."""
    sections = [draw(st.lists(records(), max_size=size)) for size in (3, 2, 3)]
    flags = draw(st.sampled_from([0x0100, 0x8180, 0x8183, 0x0110, 0x2100, draw(st.integers(0, 0xFFFF))]))
    question = draw(st.one_of(names(), st.just(b"\x03WwW\x07example\0")))
    kind = draw(st.sampled_from([1, 5, 28, 65, 251, 255]))
    counts = [len(section) for section in sections]
    header = struct.pack(
        "!6H", draw(st.integers(0, 0xFFFF)), flags, draw(st.sampled_from([1] * 9 + [0, 2])), *counts
    )
    return header + question + struct.pack("!HH", kind, 1) + b"".join(map(b"".join, sections))


sound_names = st.one_of(
    st.lists(labels, max_size=3).map(lambda parts: b"".join(bytes([len(p)]) + p for p in parts) + b"\0"),
    st.lists(labels, max_size=2).map(
        lambda parts: b"".join(bytes([len(p)]) + p for p in parts) + b"\xc0\x0c"
    ),
    st.sampled_from([b"\xc0\x0c", b"\xc0\x10", b"\x04SAFE\x07example\0"]),
)
whole_names = st.lists(labels, max_size=3).map(
    lambda parts: b"".join(bytes([len(p)]) + p for p in parts) + b"\0"
)
hints = st.sampled_from([b"", b"\0\1\0\3\2h2", b"\0\4\0\x08" + bytes(8), b"\0\6\0\x10" + bytes(16)])
extended = st.tuples(
    st.integers(0, 40), st.one_of(st.text(max_size=90).map(str.encode), st.binary(max_size=9))
)


def opt_record(edes: list[tuple[int, bytes]], ttl: int) -> bytes:
    """An OPT record with these extended errors."""
    content = b"".join(struct.pack("!HHH", 15, 2 + len(words), code) + words for code, words in edes)
    return b"\0" + struct.pack("!HHIH", 41, 1232, ttl, len(content)) + content


@st.composite
def sound_records(draw: st.DrawFn) -> bytes:
    """A record whose data is of its type; its names may be compressed."""
    data: dict[int, st.SearchStrategy[bytes]] = {
        1: st.binary(min_size=4, max_size=4),
        28: st.binary(min_size=16, max_size=16),
        5: sound_names,
        2: sound_names,
        6: st.tuples(sound_names, sound_names, st.binary(min_size=20, max_size=20)).map(b"".join),
        15: sound_names.map(lambda name: b"\0\x0a" + name),
        16: st.binary(max_size=20).map(lambda words: bytes([len(words)]) + words),
        33: sound_names.map(lambda name: bytes(6) + name),
        35: sound_names.map(lambda name: bytes(4) + b"\1s\0\2xy" + name),
        46: st.tuples(st.sampled_from([b"\0\1", b"\0\x0f", b"\0\x2e"]), sound_names).map(
            lambda parts: parts[0] + bytes(16) + parts[1] + b"signature"
        ),
        65: st.tuples(st.just(b"\0\1"), whole_names, hints).map(b"".join),
        250: st.binary(max_size=9),
        257: st.binary(max_size=9),
    }
    kind = draw(st.sampled_from(sorted(data)))
    content = draw(data[kind])
    ttl = draw(st.one_of(st.integers(0, 600), st.just(0x80000001)))
    return draw(sound_names) + struct.pack("!HHIH", kind, 1, ttl, len(content)) + content


@st.composite
def sound_answers(draw: st.DrawFn) -> bytes:
    """An upstream's answer that is well-formed, but for a TSIG that may stand anywhere; OPT at any place."""
    sections = [draw(st.lists(sound_records(), max_size=size)) for size in (4, 2, 3)]
    if draw(st.booleans()):
        opt = opt_record(draw(st.lists(extended, max_size=5)), draw(st.sampled_from([0, 0x8000, 0x01000000])))
        sections[2].insert(draw(st.integers(0, len(sections[2]))), opt)
    flags = draw(st.sampled_from([0x8180, 0x8183, 0x81A0, 0x8182]))
    kind = draw(st.sampled_from([1, 5, 28, 65, 255]))
    header = struct.pack("!6H", draw(st.integers(0, 0xFFFF)), flags, 1, *map(len, sections))
    return header + b"\x03WwW\x07example\0" + struct.pack("!HH", kind, 1) + b"".join(map(b"".join, sections))


@st.composite
def sound_queries(draw: st.DrawFn) -> bytes:
    """A query that is well-formed, with options or without."""
    known = [
        b"\0\x08\0\7\0\1\x18\0\xc0\0\2",
        b"\0\x08\0\x04\0\0\0\0",
        b"\0\x08\0\x08\0\2\x1f\0\x20\1\x0d\xb8",
        b"\0\x0a\0\x08" + bytes(8),
        b"\0\x0b\0\0",
        b"\0\3\0\0",
    ]
    content = b"".join(draw(st.lists(st.sampled_from(known), max_size=4)))
    ttl = draw(st.sampled_from([0, 0x8000, 0x8000, 0x00010000]))
    size = draw(st.sampled_from([0, 512, 1232, 4096]))
    opt = b"\0" + struct.pack("!HHIH", 41, size, ttl, len(content)) + content
    kind, rclass = draw(st.sampled_from([(1, 1), (28, 1), (65, 1), (5, 1), (16, 3), (255, 255)]))
    edns = draw(st.booleans())
    flags = draw(st.sampled_from([0x0100, 0x0000, 0x0130, 0x0110]))
    question = draw(whole_names) + struct.pack("!HH", kind, rclass)
    return struct.pack("!6H", draw(st.integers(0, 0xFFFF)), flags, 1, 0, 0, edns) + question + opt * edns


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A packet of the corpus or a well-formed one, changed."""
    packet = draw(
        st.one_of(st.sampled_from(SEEDS).map(lambda seed: seed[1]), sound_answers(), sound_queries())
    )
    return mutate(random.Random(draw(st.integers(0, 1 << 32))), packet)


packets = st.one_of(
    sound_answers(),
    sound_answers(),
    sound_queries(),
    sound_queries(),
    mutated(),
    messages(),
    st.binary(max_size=60),
)

answer_options = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.one_of(st.integers(0, 700), st.sampled_from([512, 1232, 65535])),
        "capacity": st.integers(0, 700),
        "ttl": st.integers(0, 100),
        "ttl_cap": st.one_of(st.integers(0, 400), st.just(0xFFFFFFFF)),
        "ttl_floor": st.integers(0, 60),
        "age": st.one_of(st.integers(0, 700), st.just(0xFFFFFFFF)),
        "ad": st.booleans(),
        "ra": st.booleans(),
        "strip_ech": st.booleans(),
        "nsid": st.binary(max_size=255),
        "cookie": st.one_of(st.just(b""), st.binary(min_size=24, max_size=24)),
        "echo_subnet": st.booleans(),
        "keepalive": st.integers(0, 0xFFFF),
        "ede": st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=255)), max_size=4),
        "ipv4": st.one_of(st.none(), st.binary(min_size=4, max_size=4)),
        "ipv6": st.one_of(st.none(), st.binary(min_size=16, max_size=16)),
    },
)


def fields(query: Any) -> dict[str, object]:
    """Everything that was read of a query."""
    return {name: getattr(query, name) for name in FIELDS}


def labels_of(name: bytes) -> list[bytes]:
    """The labels of a whole name in wire form, without the root."""
    found = []
    while name[0]:
        found.append(name[1 : 1 + name[0]])
        name = name[1 + name[0] :]
    return found


def both(packet: bytes) -> tuple[codec.ParsedQuery, queries_reference.ParsedQuery]:
    """The query as both read it, compared."""
    status, native = codec.read(packet)
    expected, plain = queries_reference.read(packet)
    assert (status, fields(native)) == (expected, fields(plain))
    return native, plain


def compare_reading(packet: bytes) -> None:
    """Every way to read a packet."""
    both(packet)
    assert isinstance(codec.parse(packet), Status) == isinstance(queries_reference.parse(packet), Status)
    found = codec.records(packet)
    assert found == codec_reference.records(packet)
    assert codec.strip(packet) == upstream_answers_reference.strip(packet)
    assert codec.answer_lifetime(packet) == upstream_answers_reference.answer_lifetime(packet)
    for record in found if isinstance(found, list) else []:
        place = (packet, record.data_offset, len(record.data))
        assert codec.service(*place) == upstream_answers_reference.service(*place)


@given(packet=packets)
@settings(max_examples=examples(200), deadline=None)
def test_reading(packet: bytes) -> None:
    compare_reading(packet)


@given(message=messages(), offset=st.integers(0, 200))
@settings(deadline=None)
def test_names_anywhere(message: bytes, offset: int) -> None:
    assert codec.name_at(message, offset) == codec_reference.name_at(message, offset)


tangles = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=3).map(lambda label: bytes([len(label)]) + label),
        st.integers(10, 60).map(lambda at: struct.pack("!H", 0xC000 | at)),
        st.just(b"\0"),
    ),
    max_size=24,
).map(b"".join)
"""short labels and pointers into each other"""
long_names = st.lists(st.sampled_from([63, 63, 62, 61, 60, 1]), max_size=6).map(
    lambda sizes: b"".join(bytes([size]) + b"L" * size for size in sizes) + b"\0"
)


@given(tangle=tangles, name=long_names)
@settings(max_examples=examples(133), deadline=None)
def test_tangled_and_long_names(tangle: bytes, name: bytes) -> None:
    message = bytes(12) + tangle + name
    for offset in range(12, 13 + len(tangle)):
        assert codec.name_at(message, offset) == codec_reference.name_at(message, offset)


@given(message=messages(), offset=st.integers(0, 120), length=st.integers(0, 120))
@settings(deadline=None)
def test_service_data_anywhere(message: bytes, offset: int, length: int) -> None:
    assert codec.service(message, offset, length) == upstream_answers_reference.service(
        message, offset, length
    )


@given(text=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_texts_of_extended_errors(text: bytes) -> None:
    option = struct.pack("!HHH", 15, 2 + len(text), 22) + text
    opt = b"\0\0\x29\x04\xd0\0\0\0\0" + struct.pack("!H", len(option)) + option
    message = struct.pack("!6H", 7, 0x8180, 0, 0, 0, 1) + opt
    assert codec.strip(message) == upstream_answers_reference.strip(message)


@given(packet=packets, chosen=answer_options, numbers=st.tuples(*[st.integers(0, 4)] * 3))
@settings(max_examples=examples(133), deadline=None)
def test_made_answers(packet: bytes, chosen: AnswerOptions, numbers: tuple[int, int, int]) -> None:
    native, plain = both(packet)
    mode, scope, rcode = numbers
    apex = list(accumulate(1 + len(label) for label in labels_of(plain.name)))[:scope][-1:] or [0]
    for made, expected in (
        (respond.error(native, rcode * 4, **chosen), respond_reference.error(plain, rcode * 4, **chosen)),
        (respond.truncated(native, **chosen), respond_reference.truncated(plain, **chosen)),
        (
            respond.blocked(native, mode, scope, **chosen),
            respond_reference.blocked(plain, mode, scope, **chosen),
        ),
        (
            respond.local(native, mode, apex[0], **chosen),
            respond_reference.local(plain, mode, apex[0], **chosen),
        ),
        (respond.text(native, b"node", **chosen), respond_reference.text(plain, b"node", **chosen)),
        (respond.malformed(packet, **chosen), respond_reference.malformed(packet, **chosen)),
        (respond.local_kind_of(native.name), respond_reference.local_kind_of(plain.name)),
    ):
        assert made == expected


@given(
    message=st.one_of(sound_answers(), packets),
    chosen=answer_options,
    own_question=st.booleans(),
    stripped=st.booleans(),
)
@settings(max_examples=examples(200), deadline=None)
def test_passed_answers(message: bytes, chosen: AnswerOptions, own_question: bool, stripped: bool) -> None:
    asked = question_bytes(message) if own_question else b"\x03www\x07example\0\0\1\0\1"
    native, plain = both(question_of(b"\x12\x34" + bytes(10) + asked))
    kept = codec.strip(message)
    if stripped and not isinstance(kept, Status):
        message = kept.message
    assert respond.answer(native, message, **chosen) == respond_reference.answer(plain, message, **chosen)
    rewritten = respond.rewrite(native, TARGET, message, **chosen)
    assert rewritten == respond_reference.rewrite(plain, TARGET, message, **chosen)


def _is_whole(record: bytes) -> bool:
    """True if the record's owner is no compressed name."""
    return codec_reference.name_at(bytes(12) + record, 12) != Status.BAD_POINTER


@given(
    own=st.lists(sound_records(), min_size=1, max_size=6),
    more=st.lists(sound_records(), max_size=3),
    chosen=answer_options,
    dnssec_ok=st.booleans(),
)
@settings(max_examples=examples(133), deadline=None)
def test_any_gets_the_same_rrset(
    own: list[bytes], more: list[bytes], chosen: AnswerOptions, dnssec_ok: bool
) -> None:
    asked = b"\x03WwW\x07example\0\0\xff\0\1"
    records = [
        b"\xc0\x0c" + record[codec_reference.skip_name(bytes(12) + record, 12) - 12 :]
        for record in own
        if _is_whole(record)
    ]
    header = struct.pack("!6H", 7, 0x8180, 1, len(records) + len(more), 0, 0)
    query = question_of(bytes(12) + asked)
    native, plain = both(query if dnssec_ok else query[:-4] + bytes(4))
    message = header + asked + b"".join(records + more)
    assert respond.answer(native, message, **chosen) == respond_reference.answer(plain, message, **chosen)


@given(name=st.one_of(st.text("abLOCAhost.", max_size=20), st.just("a.localhost"), st.just("notlocalhost")))
def test_local_kinds(name: str) -> None:
    try:
        wire = codec.name_from_text(name)
    except ValueError:
        return
    assert respond.local_kind_of(wire) == respond_reference.local_kind_of(wire)


def test_corpus_cut_at_every_byte() -> None:
    for _, packet in SEEDS:
        if len(packet) < 600:
            for length in range(len(packet) + 1):
                compare_reading(packet[:length])


def test_public_corpora() -> None:
    found = public_packets()
    if not found:
        pytest.skip("no public packets beside the repository (FILTERD_TEST_DATA names their folder)")
    for name, packet in found.items():
        compare_reading(packet)
        native, plain = both(question_of(packet[:2] + bytes(10) + question_bytes(packet)))
        assert respond.answer(native, packet) == respond_reference.answer(plain, packet), name
        rewritten = respond.rewrite(native, TARGET, packet)
        assert rewritten == respond_reference.rewrite(plain, TARGET, packet), name

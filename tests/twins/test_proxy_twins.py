"""The native reading of a PROXY header is what its plain-Python reference makes of the same bytes."""

from __future__ import annotations

import struct

from hypothesis import assume, example, given
from hypothesis import strategies as st

from filterd.wire import proxy, proxy_reference
from filterd.wire.proxy import FIXED_SIZE, LONGEST, SIGNATURE, ProxyHeader, ProxyProblem

MAPPED = bytes(10) + b"\xff\xff"
SIZES = {0: 0, 1: 4, 2: 16, 3: 108}


def header(command: int, family: int, content: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(content)) + content


def tlvs() -> st.SearchStrategy[bytes]:
    """TLVs, perhaps with a last one that is cut, or bytes that are none."""
    one = st.builds(
        lambda kind, text: bytes([kind]) + len(text).to_bytes(2, "big") + text,
        st.sampled_from([1, 4, 0xE0]),
        st.binary(max_size=20) | st.sampled_from([bytes(128), bytes(129)]),
    )
    return st.builds(bytes.__add__, st.lists(one, max_size=4).map(b"".join), st.binary(max_size=5))


@st.composite
def valid(draw: st.DrawFn) -> bytes:
    """A header as a front may send it: addresses, ports, any TLVs."""
    family = draw(st.integers(0, 3)) << 4 | draw(st.integers(0, 2))
    command = draw(st.sampled_from([0x20, 0x21]))
    size = SIZES[family >> 4]
    if size == 16 and draw(st.booleans()):
        source = MAPPED + draw(st.binary(min_size=4, max_size=4))
    else:
        source = draw(st.binary(min_size=size, max_size=size))
    ports = draw(st.binary(min_size=4, max_size=4)) if size in (4, 16) else b""
    rest = draw(st.binary(min_size=size, max_size=size)) + ports + draw(tlvs())
    return header(command, family, source + rest)


def both(data: bytes) -> ProxyHeader | ProxyProblem:
    found = proxy.parse_header(data)
    assert found == proxy_reference.parse_header(data), data.hex()
    for tlv in (1, 0xE0):
        assert proxy.parse_header(data, tlv) == proxy_reference.parse_header(data, tlv), (data.hex(), tlv)
    return found


def test_the_constants_are_the_same() -> None:
    names = ("SIGNATURE", "FIXED_SIZE", "LONGEST")
    assert [getattr(proxy, name) for name in names] == [getattr(proxy_reference, name) for name in names]
    assert proxy.__file__.endswith(".so")


@given(packet=valid(), message=st.binary(max_size=40))
def test_every_cut_of_a_valid_header(packet: bytes, message: bytes) -> None:
    for length in range(len(packet)):
        assert both(packet[:length]) is ProxyProblem.INCOMPLETE
    found = both(packet + message)
    assert isinstance(found, ProxyHeader)
    assert found.length == len(packet)
    assert (found.source is not None) == (packet[12] == 0x21 and packet[13] in (0x11, 0x12, 0x21, 0x22))


@given(packet=valid(), changes=st.lists(st.tuples(st.integers(0, 51), st.integers(0, 255)), max_size=4))
def test_a_changed_header(packet: bytes, changes: list[tuple[int, int]]) -> None:
    changed = bytearray(packet)
    for at, value in changes:
        changed[at % len(changed)] = value
    for length in range(len(changed) + 1):
        both(bytes(changed[:length]))


@given(
    command=st.integers(0, 255),
    family=st.integers(0, 255),
    length=st.one_of(st.integers(0, 0xFFFF), st.integers(LONGEST - FIXED_SIZE - 1, LONGEST - FIXED_SIZE + 1)),
    content=st.binary(max_size=240),
    more=st.sampled_from([0, LONGEST]),
)
@example(command=0x21, family=0x12, length=LONGEST - FIXED_SIZE, content=bytes(240), more=LONGEST)
@example(command=0x21, family=0x12, length=LONGEST - FIXED_SIZE + 1, content=bytes(240), more=LONGEST)
def test_any_fields(command: int, family: int, length: int, content: bytes, more: int) -> None:
    both(SIGNATURE + struct.pack("!BBH", command, family, length) + content + bytes(more))


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    both(data)
    both(SIGNATURE + data)
    assume(data[:1] not in (b"", b"\r"))
    assert both(data) is ProxyProblem.NO_SIGNATURE

"""A sealed text opens as it was written, or not at all."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.disk.key_ring import KeyRing, NamedKey
from filterd.disk.sealed import CHUNK, HEADER, KeyMissingError, SealedError, open_sealed, seal
from tests.worlds.examples import examples

KEY = NamedKey("00112233445566aa", bytes(range(32)), 1)
OTHER = NamedKey("ffeeddccbbaa0099", bytes(32), 2)
RING = KeyRing((KEY, OTHER))
BODY = CHUNK + 16
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7)


def opened(found: bytes, purpose: bytes = b"list a", ring: KeyRing = RING) -> bytes:
    """The text of a sealed form."""
    return b"".join(open_sealed(io.BytesIO(found).read, ring, purpose))


def sealed(text: bytes, purpose: bytes = b"list a", step: int = 1 << 20) -> bytes:
    """The sealed form of a text that comes in pieces of ``step`` bytes."""
    pieces = (text[at : at + step] for at in range(0, len(text), step))
    return b"".join(seal(pieces, KEY, purpose))


def text_of(size: int) -> bytes:
    """A text in which no chunk is like another."""
    return b"".join(f"{number}.example\n".encode() for number in range(size // 8 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1000, CHUNK, 1 << 20])
def test_a_text_of_any_length_opens_as_it_was_written(size: int, step: int) -> None:
    found = sealed(text_of(size), step=step)
    assert opened(found) == text_of(size)
    assert b"example" not in found


def test_the_same_text_is_never_sealed_alike() -> None:
    assert sealed(b"a.example\n")[HEADER:] != sealed(b"a.example\n")[HEADER:]


WHOLE = sealed(text_of(2 * CHUNK + 100))


@settings(max_examples=examples(100))
@given(st.integers(min_value=0, max_value=len(WHOLE) * 8 - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    altered = bytearray(WHOLE)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealedError):
        opened(bytes(altered))


@settings(max_examples=examples(67))
@given(st.one_of(st.integers(0, len(WHOLE) - 1), st.sampled_from([HEADER, HEADER + BODY, HEADER + 2 * BODY])))
def test_every_cut_is_refused(length: int) -> None:
    with pytest.raises(SealedError):
        opened(WHOLE[:length])


@given(st.binary(min_size=1, max_size=40))
def test_what_was_added_is_refused(more: bytes) -> None:
    with pytest.raises(SealedError):
        opened(WHOLE + more)


def test_parts_in_another_order_twice_or_of_another_text_are_refused() -> None:
    head, one, two, rest = (
        WHOLE[:HEADER],
        WHOLE[HEADER : HEADER + BODY],
        WHOLE[HEADER + BODY : HEADER + 2 * BODY],
        WHOLE[HEADER + 2 * BODY :],
    )
    assert opened(head + one + two + rest) == text_of(2 * CHUNK + 100)
    other = sealed(text_of(2 * CHUNK + 100))
    for mixed in (
        head + two + one + rest,
        head + one + one + rest,
        head + one + rest,
        head + one + two,
        head + one + other[HEADER + BODY : HEADER + 2 * BODY] + rest,
        other[:HEADER] + one + two + rest,
    ):
        with pytest.raises(SealedError):
            opened(mixed)


def test_a_text_does_not_pass_for_that_of_another_list() -> None:
    with pytest.raises(SealedError):
        opened(sealed(b"a.example\n"), b"list b")


def test_a_missing_key_is_named_and_no_other_opens_it() -> None:
    with pytest.raises(KeyMissingError, match=f"the key {KEY.id} .* is not there"):
        opened(sealed(b"a.example\n"), ring=KeyRing((OTHER,)))
    with pytest.raises(SealedError):
        opened(sealed(b"a.example\n"), ring=KeyRing((NamedKey(KEY.id, OTHER.key, 1),)))

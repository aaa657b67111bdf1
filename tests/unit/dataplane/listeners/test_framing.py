"""However a stream is cut into pieces, the same messages come out of it, and nothing is held in between."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.dataplane.listeners.framing import Framing

MESSAGES = st.lists(st.binary(min_size=12, max_size=300), max_size=8)


def framed(messages: list[bytes]) -> bytes:
    return b"".join(len(each).to_bytes(2, "big") + each for each in messages)


def taken(framing: Framing) -> list[bytes]:
    """All that is complete."""
    found = []
    while (message := framing.next()) is not None:
        found.append(message)
    return found


@given(MESSAGES, st.lists(st.integers(1, 400), min_size=1, max_size=50), st.binary(max_size=1))
def test_pieces_make_no_difference(messages: list[bytes], sizes: list[int], rest: bytes) -> None:
    stream, framing, found = framed(messages) + rest, Framing(), []
    at = number = 0
    while at < len(stream):
        size = sizes[number % len(sizes)]
        framing.feed(memoryview(stream)[at : at + size])
        found += taken(framing)
        at, number = at + size, number + 1
    assert found == messages
    assert (len(framing), framing.broken) == (len(rest), False)


@pytest.mark.parametrize("length", [0, 1, 11])
def test_a_length_that_no_message_has_breaks_the_stream(length: int) -> None:
    framing = Framing()
    framing.feed(framed([bytes(12)]) + length.to_bytes(2, "big") + framed([bytes(12)]))
    assert taken(framing) == [bytes(12)]
    assert framing.broken
    framing.feed(framed([bytes(12)]))
    assert framing.next() is None


def test_what_stands_before_the_messages_can_be_passed_over() -> None:
    framing = Framing()
    framing.feed(b"header" + framed([b"x" * 20]))
    assert framing.start(4) == b"head"
    framing.skip(6)
    assert framing.next() == b"x" * 20


def test_the_room_of_a_large_message_is_given_back() -> None:
    framing = Framing()
    framing.feed(framed([bytes(65535)]))
    assert framing.next() == bytes(65535)
    assert sys.getsizeof(framing._arrived) < 100

"""Frames and entries of the stream of sessions: what was written is read, anything else refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.wire.session_stream import (
    ENTRY_SIZE,
    FRAME_SIZE,
    MOST_ENTRIES,
    EntryTable,
    Frame,
    FrameKind,
    SessionEntry,
    StreamError,
)

numbers = st.integers(0, 2**64 - 1)


@given(st.sampled_from(FrameKind), numbers, numbers, st.integers(0, MOST_ENTRIES), st.booleans())
def test_a_frame_is_read_as_it_was_written(
    kind: FrameKind, sequence: int, stream: int, entries: int, complete: bool
) -> None:
    frame = Frame(kind, sequence, stream, entries, complete)
    assert len(frame.to_bytes()) == FRAME_SIZE
    assert Frame.from_bytes(frame.to_bytes()) == frame


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 128),
    numbers,
    st.integers(0, 2**32 - 1),
    st.sampled_from(EntryTable),
)
def test_an_entry_is_read_as_it_was_written(
    address: bytes, length: int, line: int, left: int, table: EntryTable
) -> None:
    entry = SessionEntry(address, length, line, left, table, 1)
    assert len(entry.to_bytes()) == ENTRY_SIZE
    assert SessionEntry.from_bytes(entry.to_bytes()) == entry


@pytest.mark.parametrize(
    "changed",
    [b"x" * FRAME_SIZE, b"fSES\2\1" + bytes(26), b"fSES\1\x09" + bytes(26), b"fSES\1\1\0\0\1\4" + bytes(22)],
    ids=["magic", "version", "kind", "too many entries"],
)
def test_what_is_no_frame_is_refused(changed: bytes) -> None:
    with pytest.raises(StreamError):
        Frame.from_bytes(changed)


def test_what_is_no_entry_is_refused() -> None:
    good = SessionEntry(bytes(16), 128, 7, 60).to_bytes()
    for at, value in ((28, 129), (29, 2)):
        with pytest.raises(StreamError):
            SessionEntry.from_bytes(good[:at] + bytes([value]) + good[at + 1 :])

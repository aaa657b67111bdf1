"""Reading a feed's file: kinds of file, damage, the size cap, and whole lines out of any pieces."""

from __future__ import annotations

import gzip
import lzma
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.source import (
    MAX_LINE,
    DamagedError,
    TooLargeError,
    UnreadableError,
    line_blocks,
    read_chunks,
)

TEXT = b"".join(b"name%d.example\n" % number for number in range(100_000))


@pytest.mark.ring("night")
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_kinds_are_told_by_content(tmp_path: Path, pack: object) -> None:
    file = tmp_path / "list.txt"
    assert callable(pack)
    file.write_bytes(pack(TEXT))
    assert b"".join(read_chunks(file)) == TEXT


def test_several_members(tmp_path: Path) -> None:
    file = tmp_path / "list"
    for pack in (gzip.compress, lzma.compress):
        file.write_bytes(pack(b"a.example\n") + pack(b"b.example\n"))
        assert b"".join(read_chunks(file)) == b"a.example\nb.example\n"


@pytest.mark.ring("night")
@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_damaged_file(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    packed = pack(TEXT)
    file = tmp_path / "list"
    altered = bytearray(packed)
    altered[len(packed) // 2] ^= 0xFF
    for content in (packed[: len(packed) // 2], packed[:20], bytes(altered)):
        file.write_bytes(content)
        with pytest.raises(DamagedError, match="is damaged"):
            list(read_chunks(file))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_the_size_cap_counts_what_comes_out(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    file = tmp_path / "list"
    file.write_bytes(pack(bytes(10_000_000)))
    with pytest.raises(TooLargeError, match="larger than 1000000 bytes"):
        list(read_chunks(file, limit=1_000_000))
    assert sum(map(len, read_chunks(file, limit=10_000_000))) == 10_000_000


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        list(read_chunks(tmp_path / "missing"))
    with pytest.raises(UnreadableError, match="no regular file"):
        list(read_chunks(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableError, match="no regular file"):
        list(read_chunks(tmp_path / "pipe"))


@given(
    st.lists(
        st.binary(max_size=20).filter(lambda line: b"\n" not in line and b"\r" not in line), max_size=20
    ),
    st.lists(st.integers(0, 200), max_size=8),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.booleans(),
)
def test_any_cut_gives_the_same_lines(
    lines: list[bytes], cuts: list[int], end: bytes, mark: bool, last: bool
) -> None:
    text = end.join(lines) + (end if last else b"")
    whole = (b"\xef\xbb\xbf" if mark else b"") + text
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    chunks = [whole[start:stop] for start, stop in pairwise(edges)]
    blocks = list(line_blocks(chunks))
    assert all(block.endswith(b"\n") for block in blocks)
    assert not any(b"\r" in block for block in blocks)
    expected = text.removeprefix(b"\xef\xbb\xbf") if not mark else text
    assert (
        b"".join(blocks).split(b"\n")[:-1]
        == expected.replace(b"\r\n", b"\n").split(b"\n")[
            : -1 if expected.endswith(b"\n") or not expected else None
        ]
    )


def test_a_line_without_end_is_held_in_bounds() -> None:
    chunks = [b"a" * 50_000] * 100 + [b"\nb.example\n"]
    blocks = list(line_blocks(chunks))
    lines = b"".join(blocks).split(b"\n")
    assert MAX_LINE < len(lines[0]) < 120_000
    assert lines[1:] == [b"b.example", b""]

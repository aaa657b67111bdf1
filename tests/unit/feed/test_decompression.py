"""Compressed lists: each kind, several streams in one file, damage, and bombs."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed import decompression, source
from filterd.feed.decompression import PACKINGS, DecompressionError, pieces
from filterd.feed.source import DamagedError, TooLargeError, read_chunks

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"".join(b"name%d.example\n" % number for number in range(100_000))


def zipped(content: bytes, *names: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive with the content under each of the names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names or ("list.txt",):
            archive.writestr(name, content)
    return file.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": partial(zstd.compress, options={zstd.CompressionParameter.checksum_flag: 1}),
    "bzip2": bz2.compress,
    "zip": zipped,
}
STREAMS = [pack for kind, pack in PACKERS.items() if kind != "zip"]
every_kind = pytest.mark.parametrize("pack", list(PACKERS.values()), ids=list(PACKERS))


def test_every_kind_is_tested() -> None:
    assert [each.name for each in PACKINGS] == list(PACKERS)


@pytest.mark.ring("night")
@every_kind
def test_a_kind_is_told_by_content(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(pack(TEXT))
    assert b"".join(read_chunks(file)) == TEXT


@pytest.mark.ring("night")
@pytest.mark.parametrize("pack", STREAMS)
def test_streams_one_after_the_other(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "list"
    file.write_bytes(pack(b"a.example\n") + pack(b"") + pack(TEXT) + bytes(8))
    assert b"".join(read_chunks(file)) == b"a.example\n" + TEXT


@pytest.mark.ring("night")
@every_kind
def test_damage(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(TEXT)
    altered = bytearray(packed)
    altered[len(packed) // 2] ^= 0xFF
    file = tmp_path / "list"
    for content in (packed[: len(packed) // 2], packed[:20], bytes(altered)):
        file.write_bytes(content)
        with pytest.raises(DamagedError, match="is damaged"):
            list(read_chunks(file))


@pytest.mark.ring("night")
@pytest.mark.parametrize("pack", STREAMS)
def test_something_else_behind_the_last_stream(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "list"
    file.write_bytes(pack(TEXT) + b"<html>")
    with pytest.raises(DamagedError, match="something else follows"):
        list(read_chunks(file))


@every_kind
def test_the_size_cap(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "list"
    file.write_bytes(pack(bytes(10_000_000)))
    with pytest.raises(TooLargeError, match="larger than 1000000 bytes"):
        list(read_chunks(file, limit=1_000_000))


@pytest.mark.ring("night")
@every_kind
def test_a_bomb_ends_by_its_ratio(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one below the size cap."""
    monkeypatch.setattr(source, "_FREE", 1_000_000)
    file = tmp_path / "list"
    file.write_bytes(pack(bytes(20_000_000)))
    seen = 0
    with pytest.raises(TooLargeError, match="grows to more than 200 times its size"):
        for chunk in read_chunks(file):
            seen += len(chunk)
    assert seen <= max(1_000_000, 200 * file.stat().st_size)
    file.write_bytes(pack(TEXT))
    assert b"".join(read_chunks(file)) == TEXT


def test_a_dictionary_that_asks_for_gigabytes(tmp_path: Path) -> None:
    file = tmp_path / "list.xz"
    file.write_bytes(with_dictionary(lzma.compress(TEXT, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}])))
    with pytest.raises(DamagedError, match=r"[Mm]emory"):
        list(read_chunks(file))


def with_dictionary(packed: bytes, size: int = 40) -> bytes:
    """The file with another dictionary in its block header (4 GiB), and the header's CRC made good."""
    length = (packed[12] + 1) * 4
    header = bytearray(packed[12 : 12 + length - 4])
    at = header.index(b"\x21\x01") + 2  # filter id and size of its properties stand before it
    header[at] = size
    crc = zlib.crc32(bytes(header)).to_bytes(4, "little")
    return packed[:12] + bytes(header) + crc + packed[12 + length :]


@pytest.mark.ring("night")
def test_a_zip_archive_is_one_list(tmp_path: Path) -> None:
    file = tmp_path / "list.zip"
    file.write_bytes(zipped(TEXT, "folder/", "__MACOSX/list.txt", "folder/list.txt"))
    assert b"".join(read_chunks(file)) == TEXT
    for names in (("a.txt", "b.txt"), ("folder/",)):
        file.write_bytes(zipped(b"" if names == ("folder/",) else TEXT, *names))
        with pytest.raises(DamagedError, match=r"a zip archive with [02] files"):
            list(read_chunks(file))
    file.write_bytes(zipped(TEXT, method=zipfile.ZIP_LZMA))
    with pytest.raises(DamagedError, match="zip method 14"):
        list(read_chunks(file))


def test_a_zip_archive_with_a_password(tmp_path: Path) -> None:
    content = bytearray(zipped(b"a.example\n", method=zipfile.ZIP_STORED))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + flags] |= 1
    file = tmp_path / "list.zip"
    file.write_bytes(bytes(content))
    with pytest.raises(DamagedError, match="password"):
        list(read_chunks(file))


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6))
def test_an_altered_zip_archive_is_content_or_damage(changes: list[tuple[int, int]]) -> None:
    """Invariant: pieces or DecompressionError, never another exception."""
    content = bytearray(zipped(b"a.example\n" * 20, "category/domains"))
    for place, octet in changes:
        content[place % len(content)] = octet
    with contextlib.suppress(DecompressionError):
        list(pieces(io.BytesIO(bytes(content))))


@given(st.sampled_from([each.magic for each in PACKINGS]), st.binary(max_size=200))
def test_any_bytes_are_content_or_damage(magic: bytes, rest: bytes) -> None:
    """Invariant: pieces or DecompressionError, never another exception."""
    try:
        list(pieces(io.BytesIO(magic + rest)))
    except DecompressionError as error:
        assert str(error)


@every_kind
def test_content_of_many_pieces(
    tmp_path: Path, pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output that a full piece has no room for comes with the next one."""
    monkeypatch.setattr(decompression, "PIECE", 997)
    content = b"".join(b"name-%d.example\n" % number for number in range(20_000)) + b"a" * 50_000
    file = tmp_path / "list.txt"
    file.write_bytes(pack(content))
    assert b"".join(read_chunks(file)) == content

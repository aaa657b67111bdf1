"""Decompression of a feed's file: gzip, xz, zstd, bzip2 and zip, told by content, streamed in bounded memory.

A compressed file is a bomb by its size or by its memory. The reader of the pieces bounds the size; the memory
is bounded here: no piece is longer than asked for, no dictionary larger than the largest that the usual tools
write, and the directory of a zip archive is judged before it is read.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import IO, Any, Protocol, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1 << 18
_MAX_STREAMS = 100_000
"""of one file, one after the other; tools that compress in parallel write one for 64 KiB or more"""
_XZ_MEMORY = 96 << 20
"""of xz -9 it needs 65 MiB; a header can ask for 4 GiB"""
_ZIP_DIRECTORY = 4 << 20
"""bytes: of 91,000 members at most, which take ten times as much memory"""
_DIRECTORY_SIZE = 5
"""its place in zipfile's end record"""
_ZIP_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})

DAMAGE: tuple[type[Exception], ...] = (
    EOFError,
    lzma.LZMAError,
    zlib.error,
    zstd.ZstdError,
    zipfile.BadZipFile,
    NotImplementedError,  # of zipfile: a method, an encryption or a version that it does not know
    RuntimeError,  # of zipfile: a password
    struct.error,
    ValueError,
    LookupError,
    OverflowError,
)
"""the exceptions by which the libraries tell of damage; a hostile zip directory has several"""


class DecompressionError(Exception):
    """The content is damaged, or packed in a way that cannot be taken; the message says how."""


class Decompressor(Protocol):
    """One stream of a compressed file, as :class:`lzma.LZMADecompressor`."""

    @property
    def eof(self) -> bool:
        """True if the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """True if nothing more comes out of what was put in."""

    @property
    def unused_data(self) -> bytes:
        """The input behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most ``max_length`` bytes of output."""


class _Gzip:
    """A gzip member, with its check of length and CRC."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _xz() -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


@dataclass(frozen=True, slots=True)
class Packing:
    """A way of compression."""

    name: str
    magic: bytes
    begin: Callable[[], Decompressor] | None
    """None: a zip archive, which has a directory"""


_BZIP2 = Packing("bzip2", b"BZh", bz2.BZ2Decompressor)
PACKINGS = (
    Packing("gzip", b"\x1f\x8b", _Gzip),
    Packing("xz", b"\xfd7zXZ\x00", _xz),
    Packing("zstd", b"\x28\xb5\x2f\xfd", zstd.ZstdDecompressor),  # refuses windows of over 128 MiB
    _BZIP2,
    Packing("zip", b"PK\x03\x04", None),
)
MAGIC_SIZE = 10


def packing_of(start: bytes) -> Packing | None:
    """The compression of content that begins so; None: it is not compressed."""
    for each in PACKINGS:
        if start.startswith(each.magic) and (each.name != "bzip2" or start[4:10] == b"1AY&SY"):
            return each
    return None


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """The decompressed content of a file from its beginning, in pieces. Raises DecompressionError."""
    packing = packing_of(file.read(MAGIC_SIZE))
    file.seek(0)
    if packing is None:
        while piece := file.read(PIECE):
            yield piece
        return
    try:
        yield from _only_member(file) if packing.begin is None else _streams(file, packing, packing.begin)
    except DAMAGE as error:
        raise DecompressionError(str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise DecompressionError(str(error)) from error  # bzip2's word for damage


def _streams(file: IO[bytes], packing: Packing, begin: Callable[[], Decompressor]) -> Iterator[bytes]:
    """The content of one stream after the other, as ``cat a.gz b.gz`` joins them."""
    waiting = b""
    for _ in range(_MAX_STREAMS):
        stream = begin()
        while not stream.eof:
            asked = stream.needs_input
            given = (waiting or file.read(PIECE)) if asked else b""
            waiting = b"" if given else waiting
            piece = stream.decompress(given, PIECE)
            if piece:
                yield piece
            elif not (given or stream.eof) and (asked or not stream.needs_input):
                message = "it ends too early"
                raise EOFError(message)
        waiting = _next_stream(stream.unused_data, file)
        if not waiting:
            return
        if not waiting.startswith(packing.magic):
            message = f"something else follows the {packing.name} data"
            raise DecompressionError(message)
    message = f"it has more than {_MAX_STREAMS} streams of {packing.name}"
    raise DecompressionError(message)


def _next_stream(rest: bytes, file: IO[bytes]) -> bytes:
    """The input from the next stream on, without the zeros that may pad the last one; empty: the end."""
    while True:
        rest = rest.lstrip(b"\0")
        if len(rest) >= MAGIC_SIZE:
            return rest
        more = file.read(PIECE)
        if not more:
            return rest
        rest += more


def opened_zip(file: IO[bytes]) -> zipfile.ZipFile:
    """A zip archive with its directory in memory. Raises DecompressionError where that is too large,
    before it is read, and others of :data:`DAMAGE`."""
    # Private, and what ZipFile itself reads the size from: nothing else can be meant, nor with zip64.
    record = cast("Any", zipfile)._EndRecData(file)
    if record and record[_DIRECTORY_SIZE] > _ZIP_DIRECTORY:
        message = f"a zip directory of {record[_DIRECTORY_SIZE]} bytes, of at most {_ZIP_DIRECTORY}"
        raise DecompressionError(message)
    return zipfile.ZipFile(file)


def members(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The files of a zip archive, without directories and what macOS adds."""
    for each in archive.infolist():
        if not each.is_dir() and not each.filename.startswith("__MACOSX/"):
            yield each


def member_pieces(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of one file of a zip archive."""
    if member.compress_type not in _ZIP_METHODS:
        message = f"zip method {member.compress_type} is not taken; pack it anew"
        raise DecompressionError(message)
    if member.compress_type == zipfile.ZIP_BZIP2:
        yield from _bzip2_member(archive, member)
        return
    with archive.open(member) as content:
        while piece := content.read(PIECE):
            yield piece


def _bzip2_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of a member in bzip2. zipfile decompresses all of a reading at once: 46 MB of 45 bytes."""
    stored = copy(member)
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, member.compress_size
    del stored.CRC  # of the content, not of what is stored
    size = crc = 0
    with archive.open(stored) as file:
        for piece in _streams(file, _BZIP2, bz2.BZ2Decompressor):
            size += len(piece)
            crc = zlib.crc32(piece, crc)
            yield piece
    if (size, crc) != (member.file_size, member.CRC):
        message = "a member of the zip archive is not what its directory says"
        raise DecompressionError(message)


def _only_member(file: IO[bytes]) -> Iterator[bytes]:
    with opened_zip(file) as archive:
        found = list(members(archive))
        if len(found) != 1:
            message = f"a zip archive with {len(found)} files, and a list is one (format ut1 reads several)"
            raise DecompressionError(message)
        yield from member_pieces(archive, found[0])

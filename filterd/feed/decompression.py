"""Decompression of a feed's file: gzip, xz, zstd, bzip2 and zip, told by content, streamed in bounded memory.

A compressed file is a bomb by its size or by its memory. The reader of the pieces bounds the size; the memory
is bounded here: no piece is longer than asked for, and no dictionary larger than the largest that the usual
tools write.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Protocol, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1 << 18
LARGEST_DIRECTORY = 8 << 20
"""bytes of the directory of a zip archive, of some 100,000 files; in memory it takes ten times as much"""
_XZ_MEMORY = 96 << 20
"""of xz -9 it needs 65 MiB; a header can ask for 4 GiB"""
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


PACKINGS = (
    Packing("gzip", b"\x1f\x8b", _Gzip),
    Packing("xz", b"\xfd7zXZ\x00", _xz),
    Packing("zstd", b"\x28\xb5\x2f\xfd", zstd.ZstdDecompressor),  # refuses windows of over 128 MiB
    Packing("bzip2", b"BZh", bz2.BZ2Decompressor),
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
    while True:
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


class _BoundedReads:
    """A file whose pieces are bounded. zipfile reads the whole directory of an archive in one piece, as long
    as the archive says that it is."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """The next ``size`` bytes; negative: all. Raises DecompressionError for more than a directory has."""
        piece = self._file.read(min(size, LARGEST_DIRECTORY + 1) if size >= 0 else LARGEST_DIRECTORY + 1)
        if len(piece) > LARGEST_DIRECTORY:
            message = f"a zip directory of more than {LARGEST_DIRECTORY >> 20} MiB"
            raise DecompressionError(message)
        return piece


def zip_archive(file: IO[bytes]) -> zipfile.ZipFile:
    """A zip archive. Raises DecompressionError for a directory that is larger than
    :data:`LARGEST_DIRECTORY`, before it is read."""
    return zipfile.ZipFile(cast("IO[bytes]", _BoundedReads(file)))


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
    with archive.open(member) as content:
        while piece := content.read(PIECE):
            yield piece


def _only_member(file: IO[bytes]) -> Iterator[bytes]:
    with zip_archive(file) as archive:
        found = list(members(archive))
        if len(found) != 1:
            message = f"a zip archive with {len(found)} files, and a list is one (format ut1 reads several)"
            raise DecompressionError(message)
        yield from member_pieces(archive, found[0])

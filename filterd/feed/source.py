"""Reads a feed's file as blocks of whole lines: plain, gzip or xz by content, streamed, with a size cap.

::

    SourceError(Exception)
    +-- UnreadableError     missing, no regular file, no permission, read error
    +-- DamagedError        a compressed file that is cut off or altered, or text in UTF-16
    +-- TooLargeError       more than the cap after decompression
"""

from __future__ import annotations

import gzip
import lzma
import stat
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from filterd.disk.given_file import GivenFile

MAX_BYTES = 1 << 30
"""default cap on a feed after decompression: some 40 million names"""
MAX_LINE = 4096
"""the longest line that is kept whole; of a longer one only the start is passed on"""
_BLOCK = 1 << 14
"""a block with one odd line is read line by line: in larger blocks, few such lines slow a whole list down"""
_GZIP = b"\x1f\x8b"
_XZ = b"\xfd7zXZ\x00"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


class SourceError(Exception):
    """A feed's file cannot be read; the message tells the reason and the path."""


class UnreadableError(SourceError):
    """The file is missing, is no regular file, or the system refuses it."""


class DamagedError(SourceError):
    """The content of the file does not match its first bytes."""


class TooLargeError(SourceError):
    """The file is larger than the cap after decompression."""


def read_chunks(path: Path | GivenFile, limit: int = MAX_BYTES) -> Iterator[bytes]:
    """The decompressed content in pieces. Raises SourceError, possibly after some pieces."""
    total = 0
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # before opening: a pipe would wait for its writer
            msg = f"{path} is no regular file"
            raise UnreadableError(msg)
        with path.open("rb") as file:
            stream = _decompressed(file, path)
            while chunk := stream.read(_BLOCK):
                total += len(chunk)
                if total > limit:
                    msg = f"{path} is larger than {limit} bytes when decompressed"
                    raise TooLargeError(msg)
                yield chunk
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        msg = f"{path} is damaged: {error}"
        raise DamagedError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise UnreadableError(msg) from error


def _decompressed(file: IO[bytes], path: Path | GivenFile) -> IO[bytes] | gzip.GzipFile | lzma.LZMAFile:
    """The decompressing stream that the file's first bytes call for."""
    start = file.read(len(_XZ))
    file.seek(0)
    if start.startswith(_GZIP):
        return gzip.GzipFile(fileobj=file)
    if start.startswith(_XZ):
        return lzma.LZMAFile(file)
    if start.startswith(_UTF16):
        msg = f"{path} is text in UTF-16; convert it to UTF-8"
        raise DamagedError(msg)
    return file


def line_blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Split into blocks of whole lines ended by newlines; drops a byte order mark, turns CRLF into LF."""
    rest = b""
    first = True
    for chunk in chunks:
        data = rest + chunk
        if first and len(data) >= len(_UTF8_MARK):
            data = data.removeprefix(_UTF8_MARK)
            first = False
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if len(rest) > MAX_LINE:
            # A long line: all but its start is dropped up to the newline, in bounded memory.
            rest = rest[: MAX_LINE + 1]
        if end:
            yield data[:end].replace(b"\r\n", b"\n")
    if first:
        rest = rest.removeprefix(_UTF8_MARK)
    if rest:
        yield rest.removesuffix(b"\r") + b"\n"

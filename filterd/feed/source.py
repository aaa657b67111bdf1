"""Reads a feed's file as blocks of whole lines: plain or compressed by content, streamed, with a size cap.

::

    SourceError(Exception)
    +-- UnreadableError     missing, no regular file, no permission, read error
    +-- DamagedError        a compressed file that is cut off or altered, or text in UTF-16
    +-- TooLargeError       more than the cap after decompression, or a bomb
    +-- NotAListError       no list, or one of another format: refused whole
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from filterd.disk.given_file import GivenFile
from filterd.feed.decompression import DecompressionError, pieces

MAX_BYTES = 256 << 20
"""default cap on a feed after decompression, in octets: some 15 million names of an ordinary list"""
MAX_LINE = 4096
"""the longest line that is kept whole; of a longer one only the start is passed on"""
MAX_RATIO = 200
"""of the decompressed size to that of the file; lists reach 10, and bombs 1000 and more"""
_FREE = 64 << 20
"""bytes that may come out before the ratio counts"""
_BLOCK = 1 << 14
"""a block with one odd line is read line by line: in larger blocks, few such lines slow a whole list down"""
_UTF8_MARK = b"\xef\xbb\xbf"


class SourceError(Exception):
    """A feed's file cannot be read; the message tells the reason and the path."""


class UnreadableError(SourceError):
    """The file is missing, is no regular file, or the system refuses it."""


class DamagedError(SourceError):
    """The content of the file does not match its first bytes."""


class TooLargeError(SourceError):
    """The file is larger than the cap after decompression, or swells as no list does."""


class NotAListError(SourceError):
    """The content is no list, or a list of another format; the message says what it looks like."""


def read_chunks(path: Path | GivenFile, limit: int = MAX_BYTES) -> Iterator[bytes]:
    """The decompressed content in pieces. Raises SourceError, possibly after some pieces."""
    total = 0
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # before opening: a pipe would wait for its writer
            msg = f"{path} is no regular file"
            raise UnreadableError(msg)
        with path.open("rb") as file:
            for chunk in pieces(file):
                total += len(chunk)
                require_size(path, total, status.st_size, limit)
                yield chunk
    except DecompressionError as error:
        msg = f"{path} is damaged: {error}"
        raise DamagedError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise UnreadableError(msg) from error


def require_size(path: Path | GivenFile, total: int, packed: int, limit: int) -> None:
    """Raise TooLargeError where too much, ``total`` bytes, came out of a file of ``packed`` bytes."""
    if total > limit:
        msg = f"{path} is larger than {limit} bytes when decompressed (feeds.largest)"
        raise TooLargeError(msg)
    if total > max(_FREE, packed * MAX_RATIO):
        msg = f"{path} grows to more than {MAX_RATIO} times its size when decompressed, as no list does"
        raise TooLargeError(msg)


def _in_blocks(lines: bytes) -> Iterator[bytes]:
    """The same whole lines, some at a time."""
    start = 0
    while start < len(lines):
        end = lines.find(b"\n", start + _BLOCK) + 1 or len(lines)
        yield lines[start:end]
        start = end


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
        yield from _in_blocks(data[:end].replace(b"\r\n", b"\n"))
    if first:
        rest = rest.removeprefix(_UTF8_MARK)
    if rest:
        yield rest.removesuffix(b"\r") + b"\n"

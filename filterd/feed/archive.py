"""Reads an archive of lists member by member: tar in any compression, or zip. Nothing is unpacked to disk.

No path of the archive is ever used as a path: it only tells the category and the kind of a member. Links,
devices and paths that lead out of the archive are given without content, so that they can be counted.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

from filterd.disk.given_file import GivenFile
from filterd.feed import decompression
from filterd.feed.decompression import DecompressionError
from filterd.feed.parsing import printable
from filterd.feed.recognition import START, is_tar, likeness
from filterd.feed.source import DamagedError, NotAListError, UnreadableError, read_chunks, require_size

MAX_MEMBERS = 100_000
_MAX_HEADER = 1 << 16
"""bytes of a header that a tar archive puts before a member, such as one with its long name"""
_MAX_HEADERS = 8
"""before one member: tarfile holds them all at the same time"""
_MAX_GLOBAL_HEADERS = 16
"""of an archive: what they say is kept to its end"""
_MAX_NAME = 255
"""characters of each name in a path, as file systems have it"""
_PAX_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG_HEADERS = (*_PAX_HEADERS, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_DAMAGE: tuple[type[Exception], ...] = (tarfile.TarError, DecompressionError, *decompression.DAMAGE)
OUTSIDE = "a path that leads out of the archive"
LONG_NAME = f"a path with a name of more than {_MAX_NAME} characters"
NO_FILE = "a link, device or other member that is no regular file"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an archive, with what it holds or the reason why that is not read."""

    name: str
    """its path, with nothing that a terminal would obey"""
    parts: tuple[str, ...]
    """of the path; empty where it leads out of the archive or has too long a name"""
    content: Iterator[bytes] | None
    reason: str = ""
    target: str = ""
    """of a link"""


def members(path: Path | GivenFile, limit: int, note: Callable[[bytes], object]) -> Iterator[Member]:
    """The files of an archive, in order; each must be read before the next is asked for. Raises SourceError.

    ``note`` is called with the content: of a tar archive with all of it, of a zip with that of its members.
    """
    found = _zipped(path, limit, note) if _is_zip(path) else _tarred(path, limit, note)
    for count, member in enumerate(found):
        if count >= MAX_MEMBERS:
            msg = f"{path} has more than {MAX_MEMBERS} members, as no archive of lists has"
            raise DamagedError(msg)
        yield member


def _is_zip(path: Path | GivenFile) -> bool:
    try:
        with path.open("rb") as file:
            packing = decompression.packing_of(file.read(decompression.MAGIC_SIZE))
    except OSError:
        return False  # the reader of the content says what is wrong
    return packing is not None and packing.begin is None


class _Pieces:
    """Pieces of content as a file that tarfile can read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    def read(self, _size: int) -> bytes:
        """The next piece, whatever its length; empty at the end."""
        return next(self._pieces, b"")

    def drain(self) -> None:
        """Read to the end, where a checksum may stand."""
        for _ in self._pieces:
            pass


def _noted(path: Path | GivenFile, limit: int, note: Callable[[bytes], object]) -> Iterator[bytes]:
    for chunk in read_chunks(path, limit):
        note(chunk)
        yield chunk


def _tarred(path: Path | GivenFile, limit: int, note: Callable[[bytes], object]) -> Iterator[Member]:
    source = _noted(path, limit, note)
    first = next(source, b"")
    if not is_tar(first):
        kind = likeness(first[:START]) or "a plain list"
        msg = f"{path} is no archive in the layout CATEGORY/domains: it looks like {kind}"
        raise NotAListError(msg)
    pieces = _Pieces(chain([first], source))
    with _damage_told(path):
        with _Tar.open(mode="r|", fileobj=cast("IO[bytes]", pieces)) as tar:
            for each in tar:
                cast("Any", tar).members = []  # else it keeps every header
                cast("Any", tar).headers = 0
                if not each.isdir():
                    yield _tar_member(path, tar, each)
        pieces.drain()


@contextmanager
def _damage_told(path: Path | GivenFile) -> Iterator[None]:
    """Turn what the libraries say of a damaged archive into SourceError. Every generator needs it: their
    content is read outside of the one that gives the members."""
    try:
        yield
    except _DAMAGE as error:
        msg = f"{path} is damaged: {error}"
        raise DamagedError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise UnreadableError(msg) from error


class _Header(tarfile.TarInfo):
    """A header of a tar archive. tarfile takes a broken one for the end, which would lose what follows."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> _Header:
        """Read the next header. Raises DecompressionError for one that is broken or missing."""
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # not in typeshed
            raise  # a block of zeros: the end
        except tarfile.HeaderError as error:
            raise DecompressionError(str(error)) from error

    # Private, and the only methods that all versions call before they read what a header announces.

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        """Called by tarfile with each header. Raises DecompressionError for one that asks for memory."""
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._refuse_sparse()
        if self.type in _LONG_HEADERS:
            cast("_Tar", tar).announce(self)
        return cast("tarfile.TarInfo", super()._proc_member(tar))  # type: ignore[misc]  # not in typeshed

    def _refuse_sparse(self, *_args: object) -> None:
        """Raise DecompressionError: the map of a sparse file has no bound, and no list is one."""
        message = "a sparse file, as no list is"
        raise DecompressionError(message)

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_sparse


class _Tar(tarfile.TarFile):
    """A tar archive with few and small headers before each member."""

    tarinfo = _Header
    headers = 0
    """since the last member"""
    global_headers = 0

    def announce(self, header: tarfile.TarInfo) -> None:
        """Count a header that is read into memory. Raises DecompressionError for too large a one, or one too
        many."""
        self.headers += 1
        self.global_headers += header.type == tarfile.XGLTYPE
        message = ""
        if not 0 <= header.size <= _MAX_HEADER:
            message = f"a header of {header.size} bytes"
        elif self.headers > _MAX_HEADERS:
            message = f"more than {_MAX_HEADERS} headers before one member"
        elif self.global_headers > _MAX_GLOBAL_HEADERS:
            message = f"more than {_MAX_GLOBAL_HEADERS} global headers"
        if message:
            raise DecompressionError(message)


def _tar_member(path: Path | GivenFile, tar: tarfile.TarFile, header: tarfile.TarInfo) -> Member:
    name = printable(header.name)
    parts, reason = _parts(name)
    if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        return Member(name, parts, None, NO_FILE, printable(header.linkname))
    if reason:
        return Member(name, parts, None, reason)
    return Member(name, parts, _tar_content(path, tar, header))


def _tar_content(path: Path | GivenFile, tar: tarfile.TarFile, header: tarfile.TarInfo) -> Iterator[bytes]:
    with _damage_told(path):
        file = tar.extractfile(header)
        while file is not None and (piece := file.read(decompression.PIECE)):
            yield piece


def _zipped(path: Path | GivenFile, limit: int, note: Callable[[bytes], object]) -> Iterator[Member]:
    total = 0

    def content(each: zipfile.ZipInfo) -> Iterator[bytes]:
        nonlocal total
        with _damage_told(path):
            for piece in decompression.member_pieces(archive, each):
                total += len(piece)
                require_size(path, total, packed, limit)
                note(piece)
                yield piece

    with _damage_told(path), path.open("rb") as file, decompression.opened_zip(file) as archive:
        packed = path.stat().st_size
        for each in decompression.members(archive):
            name = printable(each.filename)
            parts, reason = _parts(name)
            yield Member(name, parts, None if reason else content(each), reason)


def _parts(name: str) -> tuple[tuple[str, ...], str]:
    """The names that a path is made of; or none, and why it is not read."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or "\\" in name or ".." in parts or not parts:
        return (), OUTSIDE
    if max(map(len, parts)) > _MAX_NAME:
        return (), LONG_NAME
    return parts, ""

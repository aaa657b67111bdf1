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
"""of the headers that a tar archive puts before a member, such as one with its long name"""
_MAX_GLOBAL = 16
"""headers of a tar archive that hold for all members behind them: tarfile keeps what each says"""
_PAX_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG_HEADERS = (*_PAX_HEADERS, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_DAMAGE: tuple[type[Exception], ...] = (tarfile.TarError, DecompressionError, *decompression.DAMAGE)
_SPARSE = "a sparse file, which no archive of lists has"
OUTSIDE = "a path that leads out of the archive"
NO_FILE = "a link, device or other member that is no regular file"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an archive, with what it holds or the reason why that is not read."""

    name: str
    """its path, with nothing that a terminal would obey"""
    parts: tuple[str, ...]
    """of the path; empty where it leads out of the archive"""
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
        with _Archive.open(mode="r|", fileobj=cast("IO[bytes]", pieces)) as tar:
            for each in tar:
                cast("Any", tar).members = []  # else it keeps every header
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

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        """Called by tarfile with each header. Raises DecompressionError for one that asks for memory."""
        # Private, and the only method that all versions call before they read what a header announces.
        if self.type in _LONG_HEADERS and self.size > _MAX_HEADER:
            msg = f"a header of {self.size} bytes"
            raise DecompressionError(msg)
        if self.type == tarfile.XGLTYPE:
            cast("_Archive", tar).count_global()
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise DecompressionError(_SPARSE)
        return cast("tarfile.TarInfo", super()._proc_member(tar))  # type: ignore[misc]  # not in typeshed

    def _proc_gnusparse_10(self, *_: object) -> None:
        """Called by tarfile before it reads the map of a sparse file, whose length nothing bounds."""
        raise DecompressionError(_SPARSE)


class _Archive(tarfile.TarFile):
    """A tar archive that counts the headers which hold for all members behind them."""

    tarinfo = _Header
    _global = 0

    def count_global(self) -> None:
        """Count one. Raises DecompressionError for too many."""
        self._global += 1
        if self._global > _MAX_GLOBAL:
            msg = f"more than {_MAX_GLOBAL} global headers"
            raise DecompressionError(msg)


def _tar_member(path: Path | GivenFile, tar: tarfile.TarFile, header: tarfile.TarInfo) -> Member:
    name = printable(header.name)
    parts = _parts(name)
    if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or header.issparse():
        return Member(name, parts, None, NO_FILE, printable(header.linkname))
    if not parts:
        return Member(name, parts, None, OUTSIDE)
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

    with _damage_told(path), path.open("rb") as file, decompression.zip_archive(file) as archive:
        packed = path.stat().st_size
        for each in decompression.members(archive):
            name = printable(each.filename)
            parts = _parts(name)
            yield Member(name, parts, content(each) if parts else None, "" if parts else OUTSIDE)


def _parts(name: str) -> tuple[str, ...]:
    """The names that a path is made of; empty where it leads out of the archive."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    outside = name.startswith("/") or "\\" in name or ".." in parts
    return () if outside else parts

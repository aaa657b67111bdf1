"""Reads what SQLite's file keeps beside its rows: pages that are free, and the write-ahead log.

With ``secure_delete`` a page that becomes free is overwritten with zeros, except for the numbers of other
free pages in a trunk page (SQLite's file format, section 1.5). Behind the numbers that count, a trunk page
keeps stale ones of pages that were taken from it: a number of a page of this file is no data. So a free page
that holds anything else still holds something that was deleted. Its calls wait for the disk.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from filterd.store.copying import stopped_writers

_HEADER = 100
_TRUNK = struct.Struct(">II")
_LARGEST_PAGE = 65_536


@dataclass(frozen=True, slots=True)
class Residue:
    """The places of a store's file in which something that was deleted may still stand."""

    free_pages: int
    not_blank: int
    """free pages that hold more than zeros and numbers of pages"""
    log_bytes: int
    """of the write-ahead log, which may hold pages as they were before"""

    @property
    def clean(self) -> bool:
        """True if nothing that was deleted can still be read."""
        return not self.not_blank and not self.log_bytes


def residue(path: Path) -> Residue:
    """Look at a store while nobody writes in it. Raises the matching StoreError."""
    found: list[Residue] = []
    stopped_writers(path, lambda: found.append(_look(path)))
    return found[0]


def _look(path: Path) -> Residue:
    log = path.with_name(f"{path.name}-wal")
    log_bytes = log.stat().st_size if log.exists() else 0
    count = bad = 0
    with path.open("rb") as file:
        header = file.read(_HEADER)
        size = int.from_bytes(header[16:18], "big")
        size = _LARGEST_PAGE if size == 1 else size
        pages = path.stat().st_size // size
        trunk, total = struct.unpack(">II", header[32:40])
        while trunk and count <= total:
            file.seek((trunk - 1) * size)
            page = file.read(size)
            trunk, leaves = _TRUNK.unpack_from(page)
            end = _TRUNK.size + 4 * leaves
            count, bad = count + 1, bad + (not _numbers_alone(page[end:], pages))
            for (leaf,) in struct.iter_unpack(">I", page[_TRUNK.size : end]):
                file.seek((leaf - 1) * size)
                count, bad = count + 1, bad + any(file.read(size))
    return Residue(count, bad, log_bytes)


def _numbers_alone(rest: bytes, pages: int) -> bool:
    """True if what stands behind the numbers of a trunk page is zeros and stale numbers of pages: without a
    rewrite, which leaves no free page, a file never shrinks, so that none is beyond its end."""
    return all(number <= pages for (number,) in struct.iter_unpack(">I", rest))

"""Reads an evidence pack in place: every byte of the archive is a file's, or what the form demands there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from filterd.model import evidence_format, signed_text
from filterd.model.evidence_format import BLOCK, EvidenceFormatError, PackedFile
from filterd.model.signed_text import SignedObject, SignedTextError

_PIECE = 1 << 20
MOST_FILES = 100_000
LARGEST_READ = 64 * 1024 * 1024
"""bytes of a file that is read whole"""
LARGEST_SIGNED = evidence_format.LARGEST_MANIFEST
"""bytes of a signed object"""
LONGEST_ROW = 1 << 20
"""bytes"""


@dataclass(slots=True)
class PackWindow:
    """Gives the lines of one file of the archive."""

    archive: IO[bytes]
    left: int

    def readline(self, limit: int, /) -> bytes:
        """The next line, at most so many bytes of it; nothing at the end."""
        line = self.archive.readline(min(limit, self.left))
        self.left -= len(line)
        return line


class PackArchive:
    """The files of a pack. ``faults`` tells what is not in the form; reading goes on where it can."""

    def __init__(self, file: IO[bytes]) -> None:
        """``file``: open, and can be read anywhere. Raises EvidenceFormatError where it is no archive."""
        self._file = file
        self.faults: list[str] = []
        self.files: dict[str, PackedFile] = {}
        self._offsets: dict[str, int] = {}
        self._unsigned: set[str] = set()
        self.moment = -1
        """of its files, Unix seconds"""
        self._index()

    def _index(self) -> None:
        self._file.seek(0)
        at = 0
        while (head := self._file.read(BLOCK)).strip(b"\0"):
            name, size = self._header(head)
            if name in self.files or len(self.files) >= MOST_FILES:
                msg = f"the file {name} stands there twice, or there are too many"
                raise EvidenceFormatError(msg)
            self.files[name] = PackedFile(name, size, self._content(size))
            self._offsets[name] = at + BLOCK
            padding = evidence_format.padding(size)
            if self._file.read(len(padding)) != padding:
                self.faults.append(f"something stands behind {name}")
            at += BLOCK + size + len(padding)
        if head + self._file.read(2 * BLOCK) != evidence_format.END:
            self.faults.append("it does not end as a pack does: cut, or something stands behind it")

    def _header(self, head: bytes) -> tuple[str, int]:
        try:
            name = head[:100].rstrip(b"\0").decode("ascii")
            size, moment = int(head[124:135], 8), int(head[136:147], 8)
        except ValueError as error:
            msg = "the file is no archive, or was cut"
            raise EvidenceFormatError(msg) from error
        if head != evidence_format.header(name, size, moment):
            self.faults.append(f"the header of {name} is not in the form of a pack")
        if self.moment not in (-1, moment):
            self.faults.append(f"{name} is of another moment than the files before it")
        self.moment = moment
        return name, size

    def _content(self, size: int) -> str:
        digest, left = hashlib.sha256(), size
        while left and (piece := self._file.read(min(_PIECE, left))):
            digest.update(piece)
            left -= len(piece)
        if left:
            msg = "the archive was cut"
            raise EvidenceFormatError(msg)
        return digest.hexdigest()

    def window(self, name: str) -> PackWindow:
        """The lines of a file. Raises EvidenceFormatError where there is none of this name."""
        if name not in self.files:
            msg = f"{name} is missing"
            raise EvidenceFormatError(msg)
        self._file.seek(self._offsets[name])
        return PackWindow(self._file, self.files[name].size)

    def read(self, name: str, most: int = LARGEST_READ) -> bytes:
        """The content of a file. Raises EvidenceFormatError where there is none, where it has more than
        ``most`` bytes, and where it is not what was signed."""
        window = self._signed_window(name)
        if window.left > most:
            msg = f"{name} is too large"
            raise EvidenceFormatError(msg)
        return self._file.read(window.left)

    def _signed_window(self, name: str) -> PackWindow:
        if name in self._unsigned:
            msg = f"{name} is not read, since it is not what was signed"
            raise EvidenceFormatError(msg)
        return self.window(name)

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file of rows. Raises EvidenceFormatError as :meth:`read` does, and for a line that
        is too long."""
        window = self._signed_window(name)
        while line := window.readline(LONGEST_ROW + 1):
            if len(line) > LONGEST_ROW:
                msg = f"a row of {name} is too long"
                raise EvidenceFormatError(msg)
            yield line

    def named(self, folder: str, suffix: str) -> Iterator[str]:
        """The names of the files of a folder with this suffix, in order."""
        return (each for each in sorted(self.files) if each.startswith(folder) and each.endswith(suffix))

    def signed(self, name: str) -> SignedObject:
        """The signed object that a file is. Raises EvidenceFormatError."""
        try:
            return signed_text.read(self.read(name, LARGEST_SIGNED).decode())
        except (UnicodeDecodeError, SignedTextError, RecursionError) as error:
            msg = f"{name} is no signed object: {error}"
            raise EvidenceFormatError(msg) from error

    def compare(self, listed: list[PackedFile]) -> None:
        """Add a fault for each file that is not as a manifest lists it."""
        wanted = {each.name: each for each in listed}
        there = {name: each for name, each in self.files.items() if name != evidence_format.MANIFEST}
        for name in sorted(wanted.keys() | there.keys()):
            if name not in there:
                self.faults.append(f"{name} is missing")
            elif name not in wanted:
                self.faults.append(f"{name} is in no manifest")
            elif wanted[name] != there[name]:
                self.faults.append(f"{name} is not what was signed")
        self._unsigned = {name for name, each in there.items() if wanted.get(name) != each}
        if not self.faults and [*wanted, evidence_format.MANIFEST] != list(self.files):
            self.faults.append("the files stand in another order than was signed")

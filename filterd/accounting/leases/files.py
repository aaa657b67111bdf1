"""The following of one lease file: what was appended, or all of it where it was written anew."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from filterd.accounting.leases.dnsmasq import DnsmasqParser
from filterd.accounting.leases.isc import IscParser
from filterd.accounting.leases.kea import KeaParser
from filterd.accounting.leases.lease import Lease, LeaseParser, SkippedLine
from filterd.accounting.leases.ledger import LeaseLedger

_CHUNK = 1 << 20
_MARK = 64
"""bytes before the place of reading that must be as they were, or the file was written anew in place"""
SETTLED = 0.05
"""seconds for which a file that is written whole must be as it was read, or its writer was still at it"""
_ATTEMPTS = 5
HALF_WRITTEN = "its last line has no end"
_SETTLING = 20
"""turns between two whole readings of a journal whose last line had no end, and has one now"""
KEA_OLDER = (".completed", ".2", ".1")
"""Kea's files of before the last rotations: the cleaned one, or the two that it is made of (Kea ARM, "Why Is
Lease File Cleanup Necessary?")"""

Parsers: dict[str, Callable[[str], LeaseParser]] = {
    "kea": KeaParser,
    "dnsmasq": DnsmasqParser,
    "isc": IscParser,
}


class NotAtRestError(OSError):
    """The file, or those beside it, changed while they were read: the next look does better."""


class _Signature(NamedTuple):
    """The marks by which a file is known to be the same and unchanged."""

    device: int
    inode: int
    size: int
    changed: int


def _regular(path: Path) -> os.stat_result:
    """The status of a file. Raises OSError, also where it is a pipe or the like, which might hold us."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        msg = "it is no regular file"
        raise OSError(msg)
    return found


def _signature(found: os.stat_result) -> _Signature:
    return _Signature(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class FileFollower:
    """The base: one file, its format and its ledger. Used by one thread."""

    def __init__(self, path: Path, parser: Callable[[], LeaseParser], ledger: LeaseLedger) -> None:
        self._path = path
        self._make_parser = parser
        self._ledger = ledger
        self.skipped = 0
        """lines passed over since the start"""
        self.reasons: list[SkippedLine] = []
        """of the last turn"""
        self.fault = ""
        """why the file is not believed to be whole, so that it ends nothing; empty: it is"""

    def turn(self) -> bool:
        """Read what is new; true if there was something. Raises OSError."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the file."""

    def _fault_of(self, parser: LeaseParser, *, some: bool) -> str:
        """The fault of what was read; ``some``: there were leases."""
        fault = parser.fault() or (HALF_WRITTEN if parser.torn else "")
        lacking = "" if fault or some else parser.lacking()
        return fault or (lacking and (lacking if self._ledger.knows_some else ""))

    def _count(self, parser: LeaseParser) -> None:
        """Take over the skipped lines of a parser, which begins to count anew."""
        self.skipped += parser.skipped
        self.reasons += parser.reasons
        parser.skipped, parser.reasons = 0, []


class WholeFileFollower(FileFollower):
    """dnsmasq: each change writes all of the file anew, in place, so it is taken only when it is at rest."""

    def __init__(
        self,
        path: Path,
        parser: Callable[[], LeaseParser],
        ledger: LeaseLedger,
        pause: Callable[[float], object],
    ) -> None:
        super().__init__(path, parser, ledger)
        self._pause = pause
        self._taken: _Signature | None = None

    def turn(self) -> bool:
        """Read the file if it has changed. Raises OSError."""
        self.reasons = []
        if _signature(_regular(self._path)) == self._taken:
            return False
        for _ in range(_ATTEMPTS):
            before = self._path.stat()
            text = self._path.read_bytes()
            self._pause(SETTLED)
            if _signature(self._path.stat()) == _signature(before):
                self._take(text, before)
                return True
        msg = "it changes all the time"
        raise NotAtRestError(msg)

    def _take(self, text: bytes, found: os.stat_result) -> None:
        parser = self._make_parser()
        leases = list(parser.feed(text))
        self.fault = self._fault_of(parser, some=bool(leases))
        take = self._ledger.take_some if self.fault else self._ledger.take_all
        take(leases, found.st_mtime)
        self._count(parser)
        self._taken = _signature(found)


class JournalFollower(FileFollower):
    """Kea and dhcpd: changes are appended, and from time to time a new file takes the old one's place."""

    def __init__(
        self, path: Path, parser: Callable[[], LeaseParser], ledger: LeaseLedger, older: tuple[str, ...]
    ) -> None:
        """``older``: the endings of files that hold leases which the main file lacks."""
        super().__init__(path, parser, ledger)
        self._older = older
        self._open = -1
        self._at = 0
        """bytes read of the open file"""
        self._mark = b""
        self._parser = parser()
        self._old_fault = ""
        """that of the files of before, when they were read"""
        self._inodes_read: list[int] = []
        """of the files that were read whole"""
        self._some = False
        """true: there were leases in it, or in those of before"""
        self._unsettled = 0
        """turns until it is read whole again, at the earliest; 0: it was whole"""

    def turn(self) -> bool:
        """Read what was appended since, or a file that has taken the place. Raises OSError."""
        self.reasons = []
        found = _regular(self._path)
        if self._open < 0:
            self._whole()
            return True
        new = self._tail()  # also what came before the old file was put aside
        now_open = os.fstat(self._open)
        same = (found.st_dev, found.st_ino) == (now_open.st_dev, now_open.st_ino)
        if same and not self._may_be_whole():
            return new
        self._whole()
        return True

    def _may_be_whole(self) -> bool:
        """True where what was not whole at the last reading may be it now."""
        self._unsettled -= self._unsettled > 1
        settled = self._unsettled == 1 and not self._parser.torn
        return settled or (bool(self._old_fault) and self._inodes() != self._inodes_read)

    def close(self) -> None:
        """Let go of the file."""
        if self._open >= 0:
            os.close(self._open)
            self._open = -1

    def _whole(self) -> None:
        """Read all there is. The files of before are named anew while Kea cleans up: once more, then."""
        for _ in range(_ATTEMPTS):
            before = self._inodes()
            fault = ""
            found: list[Lease] = []
            for ending in self._older_to_read():
                leases, trouble = self._old_leases(ending)
                found += leases
                fault = fault or (trouble and f"{ending} beside it: {trouble}")
            opened = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            if self._inodes() == before:
                break
            os.close(opened)
        else:
            msg = "it changes all the time"
            raise NotAtRestError(msg)
        self.close()
        self._begin(opened)
        found += self._rest()
        self._some = bool(found)
        self._old_fault, self._inodes_read = fault, before
        self.fault = fault or self._fault_of(self._parser, some=self._some)
        take = self._ledger.take_some if self.fault else self._ledger.take_all
        take(found, os.fstat(opened).st_mtime)
        self._unsettled = _SETTLING if self.fault == HALF_WRITTEN else 0
        self._count(self._parser)

    def _tail(self) -> bool:
        """Apply what was appended; all of it anew where the file is not what it was."""
        size = os.fstat(self._open).st_size
        anew = False
        if size < self._at or os.pread(self._open, len(self._mark), self._at - len(self._mark)) != self._mark:
            self._begin(self._open)
            anew, self._some, self._unsettled = True, False, 0
        elif size == self._at:
            return False
        stamp = os.fstat(self._open).st_mtime
        leases = list(self._rest())
        self._some = self._some or bool(leases)
        self.fault = self._old_fault or self._fault_of(self._parser, some=self._some)
        if anew and self.fault:
            self._ledger.take_some(leases, stamp)
        else:
            for lease in leases:
                self._ledger.take(lease, stamp)
        self._count(self._parser)
        return True

    def _begin(self, opened: int) -> None:
        self._open, self._at, self._mark, self._parser = opened, 0, b"", self._make_parser()

    def _rest(self) -> Iterator[Lease]:
        while chunk := os.pread(self._open, _CHUNK, self._at):
            self._at += len(chunk)
            self._mark = (self._mark + chunk)[-_MARK:]
            yield from self._parser.feed(chunk)

    def _older_to_read(self) -> list[str]:
        """The endings of the files of before, oldest first: a cleaned file stands for those it is made of."""
        there = [ending for ending in self._older if self._with(ending).exists()]
        return there[:1] if there[:1] == [KEA_OLDER[0]] else there

    def _old_leases(self, ending: str) -> tuple[list[Lease], str]:
        """The leases of a file of before, and why it is not whole."""
        parser = self._make_parser()
        found: list[Lease] = []
        try:
            with self._with(ending).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    found += parser.feed(chunk)
        except FileNotFoundError:
            return [], ""  # cleaned up meanwhile, which the comparison of before and after tells
        self.skipped += parser.skipped
        return found, parser.fault() or (HALF_WRITTEN if parser.torn else parser.lacking())

    def _with(self, ending: str) -> Path:
        return self._path.with_name(self._path.name + ending)

    def _inodes(self) -> list[int]:
        def inode(path: Path) -> int:
            try:
                return path.stat().st_ino
            except FileNotFoundError:
                return 0

        return [inode(self._with(each)) for each in ("", *self._older)]

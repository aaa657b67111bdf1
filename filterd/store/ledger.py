"""The ledger: a directory outside the store that remembers what no restored store may undo.

``head`` holds the newest head of the store: revision, hash, and the next numbers of lines and orders. Every
writer compares its store with it, and refuses to write in one that is behind. ``ended`` holds the numbers of
what was ended (opt-outs, contracts and erasures of lines, withdrawals of orders, liftings, tokens, authorised
persons, PINs), with the revision of each; ``filterd restore`` repeats those that are newer than the backup.
The store has them too (:mod:`.endings`), and a restore takes what either has. Where ``ended`` is lost or cut,
writes go on (an unblock waits for no file), and ``head`` keeps from then on the revision up to which endings
may be missing: ``doctor`` says it, and a restore of an older backup needs the store for them.
``origin`` names the installation: the hash of the first entry in its audit trail. Without it the ledger of a
new installation would be taken for that of an old one, whose backup is restored there. ``serials`` holds the
highest serial of the signed lists that were taken of each feed, under a digest of the feed's id.
``checkpoint`` holds the newest signed checkpoint of the audit trail (:mod:`.noted_checkpoint`), and
``verified`` the entry up to which that trail was verified (:mod:`.verified_trail`). None of them holds a
name, an address or an id. These four have a checksum each (:mod:`filterd.disk.checked_file`).

The first two are written before the store commits (*intended*), and the head once more after it (*settled*),
so that a crash in between leaves the two possible heads on record. The next writer sees which one the store
has: it settles the head, or discards it with its endings. ``head`` has two slots of :data:`SLOT` bytes,
written in turns and each under a checksum: a torn write leaves the other one. While ``restoring`` stands
there, nobody writes in the store but the restore that made it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filterd.disk import checked_file
from filterd.disk.checked_file import DamagedFileError
from filterd.disk.files import make_directory, rename_file, replace_file, sync_directory, write_at
from filterd.disk.locks import exclusive
from filterd.model.change_chain import Cursor

HEAD = "head"
ENDED = "ended"
RESTORING = "restoring"
ORIGIN = "origin"
SERIALS = "serials"
CHECKPOINT = "checkpoint"
VERIFIED = "verified"
FILES = (HEAD, ENDED, RESTORING, ORIGIN, SERIALS, CHECKPOINT, VERIFIED)
SLOT = 512
_OLD_ORIGIN = re.compile(rb"[0-9a-f]{64}\s*")
_OLD_SERIALS = re.compile(rb"(?:[0-9a-f]{8} \{[^\n]*\n)+")
"""what the versions before wrote, without a checksum of the whole file"""


@dataclass(frozen=True, slots=True)
class StoreHead:
    """A head of the store: its newest revision with its hash, and the next numbers to give out."""

    revision: int
    hash: str
    next_line: int
    next_order: int

    @property
    def cursor(self) -> Cursor:
        """The place of it in the change log."""
        return Cursor(self.revision, self.hash)


@dataclass(frozen=True, slots=True)
class NotedHead:
    """The record of the ledger: the head that was committed last, and the one that was intended after it.
    ``intended`` is None once that is settled."""

    turn: int
    committed: StoreHead
    intended: StoreHead | None
    ended: int = -1
    """bytes of ``ended`` when this was noted; -1: an earlier version noted it"""
    missing_to: int = 0
    """the revision up to which endings may be missing from ``ended``: it was shorter than noted, or a store
    had been written without this record; 0: all are there. It grows until a restore has completed them"""

    @property
    def newest(self) -> StoreHead:
        """The newest head that the store may have had."""
        return self.committed if self.intended is None else self.intended


@dataclass(frozen=True, slots=True)
class Ended:
    """Something that a decision ended: ``kind`` is a value of :data:`ENDINGS`, ``number`` that of the line,
    order, lifting, token, authorisation, ARCO request or shared evidence."""

    revision: int
    hash: str
    """of the store's head that the decision led to"""
    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Serial:
    """The newest signed list of a feed: its serial and the digest of its file."""

    serial: int
    digest: str


OPT_OUT, ERASURE, WITHDRAWAL, LIFTING_END, REVOCATION = (
    "opt_out",
    "erasure",
    "withdrawal",
    "lifting",
    "revocation",
)
AUTHORISATION_END, CONTRACT_END, ARCO_CLOSE = "authorisation", "contract", "arco"
PASSKEY_END = "passkey"
EVIDENCE_REJECTION, SECURITY_LEFT, PIN_END = "evidence", "security", "pin"
HOLD, HOLD_END = "hold", "hold_end"
"""a preservation hold that was made: its number is the revision, and the number here its end in Unix seconds;
and one that was ended before that"""
ORDER_STEP, ORDER_RESUMED, ORDER_ACCEPTED = "order_step", "order_resumed", "order_accepted"
"""a step of an order that ends nothing: a restore cannot repeat it, and says that it is lost; the end of a
suspension before its time, which it repeats; and an acceptance, which it names"""
ORDER_REPLACED, ORDER_SUCCESSOR = "order_replaced", "order_successor"
"""an order that ended because another one goes on with a part of it, and behind it, of the same write, that
other one: a restore that loses the second keeps the first in force as a whole, and names it"""
ENDINGS = (
    *(OPT_OUT, ERASURE, WITHDRAWAL, LIFTING_END, REVOCATION),
    *(AUTHORISATION_END, CONTRACT_END, ARCO_CLOSE, EVIDENCE_REJECTION, SECURITY_LEFT, PIN_END, PASSKEY_END),
    *(HOLD, HOLD_END, ORDER_STEP, ORDER_RESUMED, ORDER_ACCEPTED, ORDER_REPLACED, ORDER_SUCCESSOR),
)


def merged(*sources: Iterable[Ended]) -> tuple[Ended, ...]:
    """The endings that any of these has, oldest first. Those of one head are taken from the source that has
    most of them: they were noted together, and their order counts."""
    found: dict[tuple[int, str], list[Ended]] = {}
    for source in sources:
        of_head: dict[tuple[int, str], list[Ended]] = defaultdict(list)
        for each in source:
            of_head[each.revision, each.hash].append(each)
        for head, those in of_head.items():
            if len(those) > len(found.get(head, ())):
                found[head] = those
    return tuple(each for head in sorted(found) for each in found[head])


class LedgerDamagedError(Exception):
    """A file of the ledger cannot be read; the message names it and says why."""


class Ledger:
    """The files of the ledger. Its calls wait for the disk. Only who holds the store's write lock writes, but
    for :meth:`settle_intended`: changes of the head exclude one another."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._head = directory / HEAD
        self._ended = directory / ENDED

    def noted(self) -> NotedHead | None:
        """The head on record; None where there is none yet. Raises LedgerDamagedError and ``OSError``."""
        try:
            data = self._head.read_bytes()
        except FileNotFoundError:
            return None
        slots = [_read_slot(data[start : start + SLOT]) for start in (0, SLOT)]
        found = [each for each in slots if each is not None]
        if not found:
            message = f"{self._head} does not match its checksums"
            raise LedgerDamagedError(message)
        return max(found, key=lambda each: each.turn)

    def intend(self, before: StoreHead, after: StoreHead, ended: Sequence[Ended] = ()) -> None:
        """Note, durably, that the store is about to go from one head to another. Raises ``OSError``: the
        store must not be written then."""
        with self._exclusive():
            self._note(before, after)
            if ended:
                self._append(ended)

    def discard(self, noted: NotedHead) -> None:
        """The intended head was never committed: forget it, and what it would have ended. Raises ``OSError``
        and LedgerDamagedError."""
        with self._exclusive():
            if noted.intended is not None:
                self._drop_tail(noted.intended.hash)
            self._note(noted.committed, None)

    def settle(self, head: StoreHead) -> None:
        """Note that the store has this head now. Raises ``OSError``."""
        with self._exclusive():
            self._note(head, None)

    def settle_intended(self, head: StoreHead) -> None:
        """Note that the intended head is committed. Its writer holds the store's lock no more: where another
        process has settled it since, or noted a later one, nothing is done. Raises ``OSError`` and
        LedgerDamagedError."""
        with self._exclusive():
            noted = self.noted()
            if noted is not None and noted.intended == head:
                self._note(head, None)

    def settle_restored(self, head: StoreHead, ended: Sequence[Ended], missing_to: int) -> None:
        """Note the head that a restore made, and in place of the endings on record those that it knew. The
        trail counts as not verified then. Safe to repeat after an interruption. Raises ``OSError``."""
        make_directory(self.directory)
        (self.directory / VERIFIED).unlink(missing_ok=True)
        if ended or self._ended.exists():
            replace_file(self._ended, map(_line, ended))
        with self._exclusive():
            self._note(head, None, missing_to)

    def set_endings_aside(self, suffix: str) -> None:
        """Keep damaged endings, with ``suffix`` behind the name of their file. Raises ``OSError``."""
        if self._ended.exists():
            rename_file(self._ended, self._ended.with_name(f"{ENDED}{suffix}"))

    def origin(self) -> str:
        """The installation that this is the ledger of; empty where it is not on record. Raises
        LedgerDamagedError and ``OSError``."""
        return (read_checked(self.directory / ORIGIN, _OLD_ORIGIN) or b"").decode().strip()

    def note_origin(self, origin: str) -> None:
        """Note, durably, of which installation this is the ledger. A damaged note is kept as
        ``origin.damaged``. Raises ``OSError``."""
        path = self.directory / ORIGIN
        try:
            if not origin or origin == self.origin():
                return
        except LedgerDamagedError:
            path.rename(self.origin_aside)
        checked_file.write(path, f"{origin}\n".encode())

    @property
    def origin_aside(self) -> Path:
        """A damaged note of the origin, once a writer has made another from its store."""
        return self.directory / f"{ORIGIN}.damaged"

    def begin_anew(self, suffix: str) -> None:
        """Set aside what another installation noted, with ``suffix`` behind the names of the files. Raises
        ``OSError``."""
        for name in (
            ENDED,
            SERIALS,
            CHECKPOINT,
            VERIFIED,
            HEAD,
            ORIGIN,
        ):  # until the end it tells whose they are
            path = self.directory / name
            if path.exists():
                path.rename(path.with_name(f"{name}{suffix}"))
        sync_directory(self.directory)

    @property
    def restoring(self) -> bool:
        """True while a restore is under way, and after one that was interrupted."""
        return (self.directory / RESTORING).exists()

    def begin_restore(self) -> None:
        """Stop every writer, durably. Raises ``OSError``."""
        make_directory(self.directory)
        replace_file(self.directory / RESTORING, ())

    def end_restore(self) -> None:
        """Let writers go on. Raises ``OSError`` where they cannot. If the mark comes back with a loss of
        power, the restore has to be repeated."""
        (self.directory / RESTORING).unlink(missing_ok=True)
        with suppress(OSError):
            sync_directory(self.directory)

    def endings(self, but_of: StoreHead | None = None) -> tuple[Ended, ...]:
        """All endings, oldest first, but those of a head that was intended and is not known to have been
        committed. Raises LedgerDamagedError, also where some are missing, and ``OSError``. Where the head is
        damaged, nothing tells whether some are missing."""
        noted = None
        with suppress(LedgerDamagedError):
            noted = self.noted()
        there = self._ended.stat().st_size if self._ended.exists() else 0
        if noted is not None and there < noted.ended:
            message = f"{self._ended} has {there} bytes, and had {noted.ended}: endings are missing"
            raise LedgerDamagedError(message)
        if noted is not None and self._size_of_ended() < noted.ended:  # its last byte is no end of line
            message = f"{self._ended} is altered in its last line"
            raise LedgerDamagedError(message)
        return tuple(each for each in self._read_ended() if but_of is None or each.hash != but_of.hash)

    def serial_of(self, feed: str) -> Serial | None:
        """The newest signed list of a feed; None: none is on record. Raises LedgerDamagedError and
        ``OSError``."""
        return self._read_serials().get(_mark(feed))

    def raise_serials(self, serials: Mapping[str, Serial]) -> None:
        """Note, durably, the signed lists of these feeds that are newer than those on record. It may stand
        here before the store commits it: a list that was signed is never older for that. Raises
        LedgerDamagedError and ``OSError``."""
        known = self._read_serials()
        newer = {
            _mark(feed): each
            for feed, each in serials.items()
            if (before := known.get(_mark(feed))) is None or before.serial < each.serial
        }
        if newer:
            make_directory(self.directory)
            lines = (
                _sealed({"feed": mark, **asdict(each)}) + b"\n" for mark, each in (known | newer).items()
            )
            checked_file.write(self.directory / SERIALS, b"".join(lines))

    def _read_serials(self) -> dict[str, Serial]:
        path = self.directory / SERIALS
        data = read_checked(path, _OLD_SERIALS) or b""
        found = {}
        for number, line in enumerate(data.splitlines(), start=1):
            fields = _unsealed(line)
            if fields is None:
                message = f"{path} is altered at line {number}"
                raise LedgerDamagedError(message)
            found[str(fields["feed"])] = Serial(int(fields["serial"]), str(fields["digest"]))
        return found

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        make_directory(self.directory)
        with exclusive(self.directory):
            yield

    def _note(self, committed: StoreHead, intended: StoreHead | None, missing_to: int = -1) -> None:
        """Write the record; ``missing_to`` -1: the files tell whether endings are missing. Else what was on
        record does not count, damaged or not."""
        before = None
        with suppress(LedgerDamagedError) if missing_to >= 0 else nullcontext():
            before = self.noted()
        turn = 0 if before is None else before.turn + 1
        size = self._size_of_ended()
        missing = _missing_to(before, committed, size) if missing_to < 0 else missing_to
        record = NotedHead(turn, committed, intended, size, missing)
        if before is None:
            replace_file(self._head, (_slot(record), bytes(SLOT)))
            return
        descriptor = os.open(self._head, os.O_WRONLY | os.O_CLOEXEC)
        try:
            write_at(descriptor, _slot(record), SLOT * (turn % 2))
        finally:
            os.close(descriptor)

    def _size_of_ended(self) -> int:
        """Bytes of the whole entries."""
        try:
            descriptor = os.open(self._ended, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0
        try:
            return _whole_lines(descriptor)
        finally:
            os.close(descriptor)

    def _append(self, ended: Sequence[Ended]) -> None:
        make_directory(self.directory)
        new = not self._ended.exists()
        descriptor = os.open(self._ended, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            write_at(descriptor, b"".join(map(_line, ended)), _whole_lines(descriptor))
        finally:
            os.close(descriptor)
        if new:
            sync_directory(self.directory)

    def _drop_tail(self, digest: str) -> None:
        """Cut the endings of one head, which are the last ones."""
        found = list(self._read_ended())
        kept = [each for each in found if each.hash != digest]
        if kept != found:
            replace_file(self._ended, map(_line, kept))

    def _read_ended(self) -> Iterator[Ended]:
        try:
            data = self._ended.read_bytes()
        except FileNotFoundError:
            return
        lines = data.split(b"\n")
        for number, line in enumerate(lines[:-1], start=1):
            fields = _unsealed(line)
            if fields is None:
                message = f"{self._ended} is altered at line {number}"
                raise LedgerDamagedError(message)
            yield Ended(**fields)


def read_checked(path: Path, old: re.Pattern[bytes]) -> bytes | None:
    """The content of a small file of the ledger; None where there is none. Raises LedgerDamagedError and
    ``OSError``."""
    try:
        return checked_file.read(path, old)
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        raise LedgerDamagedError(str(error)) from error


def _missing_to(before: NotedHead | None, committed: StoreHead, size: int) -> int:
    """The revision up to which endings may be missing, now that ``ended`` has ``size`` bytes; 0: none."""
    if before is None or committed.revision > before.newest.revision or size < before.ended:
        return max(committed.revision, 0 if before is None else before.missing_to)
    return before.missing_to


def _whole_lines(descriptor: int) -> int:
    """The end of the last whole line: what lies behind it is the torn tail of an entry that nobody was told
    of."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, min(size, SLOT), max(0, size - SLOT))
    return size - len(tail) + tail.rfind(b"\n") + 1


def _sealed(fields: dict[str, Any]) -> bytes:
    """JSON behind its checksum, on one line."""
    text = json.dumps(fields, separators=(",", ":")).encode()
    return f"{zlib.crc32(text):08x} ".encode() + text


def _unsealed(line: bytes) -> dict[str, Any] | None:
    """The fields of :func:`_sealed`; None where they do not match their checksum."""
    check, _, text = line.partition(b" ")
    if check != f"{zlib.crc32(text):08x}".encode() or not text.startswith(b"{"):
        return None
    fields: dict[str, Any] = json.loads(text)
    return fields


def _mark(feed: str) -> str:
    """The key of a feed in ``serials``."""
    return hashlib.sha256(f"feed:{feed}".encode()).hexdigest()[:32]


def _line(ended: Ended) -> bytes:
    return _sealed(asdict(ended)) + b"\n"


def _slot(record: NotedHead) -> bytes:
    return _sealed(asdict(record)).ljust(SLOT, b"\n")


def _read_slot(data: bytes) -> NotedHead | None:
    fields = _unsealed(data.rstrip(b"\n"))
    if fields is None:
        return None
    intended = fields["intended"]
    return NotedHead(
        int(fields["turn"]),
        StoreHead(**fields["committed"]),
        None if intended is None else StoreHead(**intended),
        int(fields.get("ended", -1)),
        int(fields.get("missing_to", 0)),
    )

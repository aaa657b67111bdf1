"""A journal: one checkpoint and an append-only log of the batches applied since, both checksummed.

Files: ``<name>.checkpoint`` and ``<name>.log``. All integers are little-endian.

Checkpoint: magic ``FLTRDCK2``, u64 revision, 32-byte hash of the change at that revision, u64 body length,
32-byte SHA-256 over (key, revision, hash, length, body), body. The key is the one that the body's
fingerprints were made with: under another they would match no name, so the body is as good as altered.
Revision and hash are the cursor (filterd.model.change_chain); a hash of zeros stands for an unknown one.

Log: magic ``FLTRDLG2``, u64 base revision (that of the checkpoint it follows), u64 sealed length, u32
CRC-32 of the last two; then records: u32 payload length, u64 revision, 32-byte hash, u32 CRC-32 of (length,
revision, hash, payload), payload.

The first version (``FLTRDCK1``, ``FLTRDLG1``) had no hashes: neither in its checksums nor in its fields. It
is still read, with unknown hashes. Nothing is appended to a log of that version: the next checkpoint replaces
both files.

One batch is one record. It is written and synced, then the sealed length is moved past it and synced, and
only then does it count as applied. What lies behind the sealed length is therefore the *torn tail* of a
batch that nobody was told of, and is cut. Whatever is wrong before it is *damage*: the journal must not be
used. A log whose base is older than the checkpoint is the one that the checkpoint replaced; its records at
or below the checkpoint's revision are skipped.

A checkpoint can therefore be written by a thread of its own while batches are still appended: once it has
its name, the log is replaced by one that holds only the later batches.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filterd.disk.files import Chunk, read_at, replace_file, set_aside, write_at
from filterd.model.change_chain import Cursor

_CHECKPOINT_MAGIC = b"FLTRDCK2"
_LOG_MAGIC = b"FLTRDLG2"
_CHECKPOINT_HEAD = struct.Struct("<8sQ32sQ32s")
_LOG_HEAD = struct.Struct("<8sQQI")
_RECORD_HEAD = struct.Struct("<IQ32sI")
_NO_HASH = bytes(32)

_OLD_CHECKPOINT_MAGIC = b"FLTRDCK1"
_OLD_LOG_MAGIC = b"FLTRDLG1"
_OLD_CHECKPOINT_HEAD = struct.Struct("<8sQQ32s")
_OLD_RECORD_HEAD = struct.Struct("<IQI")


class JournalDamagedError(Exception):
    """A journal cannot be trusted: a file of it is missing, or altered where it had been sealed."""


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One batch of the log: the place it leads to, and its payload."""

    cursor: Cursor
    payload: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """The content of a journal. ``cut`` is the length of the torn tail in bytes; 0 where there was none."""

    cursor: Cursor
    body: memoryview
    records: tuple[JournalRecord, ...]
    cut: int

    @property
    def newest(self) -> Cursor:
        """The place that the last batch leads to."""
        return self.records[-1].cursor if self.records else self.cursor


class Journal:
    """The two files of one journal. One writer; nothing is applied before :meth:`append` has returned."""

    def __init__(self, directory: Path, name: str, key: bytes = b"") -> None:
        self.checkpoint_path = directory / f"{name}.checkpoint"
        self.log_path = directory / f"{name}.log"
        self.log_size = 0
        """sealed bytes of the log, by which the owner decides when to write a checkpoint"""
        self.checkpoint_size = 0
        """bytes of the checkpoint's body"""
        self.outdated = False
        """true if the log is of the first version, to which nothing is appended"""
        self._key = key
        self._base = 0
        self._log: int | None = None
        self._writer: _Writer | None = None

    @property
    def is_open(self) -> bool:
        """True if a batch can be appended."""
        return self._log is not None

    @property
    def has_records(self) -> bool:
        """True if the open log holds a batch."""
        return self.is_open and self.log_size > _LOG_HEAD.size

    def exists(self) -> bool:
        """Return whether either file exists; where neither does, the journal was never written."""
        return self.checkpoint_path.exists() or self.log_path.exists()

    def load(self) -> Loaded:
        """Read both files, cut a torn tail, open the log for appending. Raises
        :class:`JournalDamagedError`.

        On a disk that can only be read the result is whole all the same, but the log is not open.
        """
        self.close()
        try:
            cursor, body = _read_checkpoint(self.checkpoint_path, self._key)
            data = self.log_path.read_bytes()
            base, sealed = _read_log_head(data, self.log_path, cursor.revision)
            records = tuple(_records(memoryview(data)[:sealed], self.log_path))
        except OSError as error:
            msg = f"cannot read {error.filename}: {error.strerror}"
            raise JournalDamagedError(msg) from error
        self.outdated = data.startswith(_OLD_LOG_MAGIC)
        if not self.outdated:
            with contextlib.suppress(OSError):
                self._open_log(base, sealed)
        self.checkpoint_size = len(body)
        later = tuple(record for record in records if record.cursor.revision > cursor.revision)
        return Loaded(cursor, body, later, len(data) - sealed)

    def checkpoint(self, cursor: Cursor, *body: Chunk) -> None:
        """Replace checkpoint and log by ``body`` at ``cursor``, and wait for the disk. Raises ``OSError``;
        the old files then remain valid."""
        self.begin(cursor, *body)
        self._join()
        self.settle()

    def begin(self, cursor: Cursor, *body: Chunk) -> None:
        """Begin to write the next checkpoint: ``body`` is the whole state at ``cursor`` and must not change
        any more. Until :meth:`settle` the present files stand, and batches are appended as ever.

        A directory that stands in the place of a file is set aside first: as NAME.damaged-N.
        """
        self._join()
        log_end = self.log_size if self.is_open else None
        self._writer = _Writer(self.checkpoint_path, self._key, cursor, body, log_end)
        self._writer.start()

    def settle(self) -> bool:
        """Use the checkpoint that was begun. Returns False while it is not on the disk yet, True where none
        was begun. Raises ``OSError`` if it could not be written: the old files then stand."""
        writer = self._writer
        if writer is None:
            return True
        if writer.is_alive():
            return False
        self._writer = None
        if writer.error is not None:
            raise writer.error
        self.checkpoint_size = writer.length
        later = b""
        if writer.log_end is not None:
            if self._log is None:
                return True  # an append failed meanwhile: the log is still needed, and is loaded again
            later = read_at(self._log, writer.log_end, self.log_size - writer.log_end)
        sealed = _LOG_HEAD.size + len(later)
        set_aside(self.log_path)
        replace_file(self.log_path, (_log_head(writer.cursor.revision, sealed), later))
        self._close_log()
        self._open_log(writer.cursor.revision, sealed)
        self.outdated = False
        return True

    def append(self, cursor: Cursor, payload: bytes) -> None:
        """Add one batch; on return it is sealed on the disk. Raises ``OSError``: the batch then counts as
        not applied, and the log must be loaded again before the next one."""
        if self._log is None:
            raise OSError(errno.EBADF, "the log is not open", str(self.log_path))
        head = struct.pack("<IQ32s", len(payload), cursor.revision, _packed(cursor.hash))
        record = head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload
        sealed = self.log_size + len(record)
        try:
            self._require_in_place(self._log)
            write_at(self._log, record, self.log_size)
            write_at(self._log, _log_head(self._base, sealed), 0)
        except OSError as error:
            self._close_log()
            error.filename = error.filename or str(self.log_path)
            raise
        self.log_size = sealed

    def close(self) -> None:
        """Wait for a checkpoint that was begun, and close the log; :meth:`load` or :meth:`checkpoint` opens
        it again."""
        self._join()
        self._writer = None
        self._close_log()

    def _require_in_place(self, log: int) -> None:
        """Raise ``OSError`` where the open log has lost its name: nothing written there would be found."""
        if not os.path.samestat(os.fstat(log), self.log_path.stat()):
            raise OSError(errno.ESTALE, "another file stands in its place", str(self.log_path))

    def _join(self) -> None:
        if self._writer is not None:
            self._writer.join()

    def _close_log(self) -> None:
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def _open_log(self, base: int, sealed: int) -> None:
        opened = os.open(self.log_path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.ftruncate(opened, sealed)
            os.fsync(opened)
        except OSError:
            os.close(opened)
            raise
        self._log, self._base, self.log_size = opened, base, sealed


class _Writer(threading.Thread):
    """Writes one checkpoint. ``error`` is valid once the thread has ended; ``length`` is that of the body in
    bytes. ``log_end`` is the end of the log that the checkpoint covers; None where no log was open."""

    def __init__(
        self, path: Path, key: bytes, cursor: Cursor, body: tuple[Chunk, ...], log_end: int | None
    ) -> None:
        super().__init__(name="checkpoint", daemon=True)
        self.cursor = cursor
        self.log_end = log_end
        self.length = sum(memoryview(part).nbytes for part in body)
        self.error: OSError | None = None
        self._path = path
        self._key = key
        self._body = body

    def run(self) -> None:
        """Checksum first, then the file."""
        revision, place = self.cursor.revision, _packed(self.cursor.hash)
        digest = hashlib.sha256(self._key + struct.pack("<Q32sQ", revision, place, self.length))
        for part in self._body:
            digest.update(part)
        head = _CHECKPOINT_HEAD.pack(_CHECKPOINT_MAGIC, revision, place, self.length, digest.digest())
        try:
            set_aside(self._path)
            replace_file(self._path, (head, *self._body))
        except OSError as error:
            error.filename = error.filename or str(self._path)
            self.error = error
        self._body = ()


def _packed(text: str) -> bytes:
    """The hash of a cursor in 32 bytes."""
    return bytes.fromhex(text) if text else _NO_HASH


def _unpacked(packed: bytes) -> str:
    return "" if packed == _NO_HASH else packed.hex()


def _log_head(base: int, sealed: int) -> bytes:
    return _LOG_HEAD.pack(_LOG_MAGIC, base, sealed, zlib.crc32(struct.pack("<QQ", base, sealed)))


def _read_checkpoint(path: Path, key: bytes) -> tuple[Cursor, memoryview]:
    data = memoryview(path.read_bytes())
    old = data[: len(_OLD_CHECKPOINT_MAGIC)] == _OLD_CHECKPOINT_MAGIC
    shape = _OLD_CHECKPOINT_HEAD if old else _CHECKPOINT_HEAD
    if len(data) < shape.size:
        msg = f"{path} is shorter than its header"
        raise JournalDamagedError(msg)
    magic, revision, *place, length, digest = shape.unpack_from(data)
    body = data[shape.size :]
    found = hashlib.sha256(key + data[len(magic) : shape.size - len(digest)])
    found.update(body)
    known = magic in (_CHECKPOINT_MAGIC, _OLD_CHECKPOINT_MAGIC)
    if not known or len(body) != length or found.digest() != digest:
        msg = f"{path} does not match its checksum, or was made with another key"
        raise JournalDamagedError(msg)
    return Cursor(revision, _unpacked(place[0]) if place else ""), body


def _read_log_head(data: bytes, path: Path, checkpoint: int) -> tuple[int, int]:
    """The log's base revision and sealed length."""
    if len(data) < _LOG_HEAD.size:
        msg = f"{path} is shorter than its header"
        raise JournalDamagedError(msg)
    magic, base, sealed, check = _LOG_HEAD.unpack_from(data)
    if magic not in (_LOG_MAGIC, _OLD_LOG_MAGIC) or zlib.crc32(data[8:24]) != check:
        msg = f"{path} has an altered header"
        raise JournalDamagedError(msg)
    if base > checkpoint or not _LOG_HEAD.size <= sealed <= len(data):
        msg = f"{path} does not belong to its checkpoint or has lost its end"
        raise JournalDamagedError(msg)
    return base, sealed


def _records(data: memoryview, path: Path) -> Iterator[JournalRecord]:
    shape = _OLD_RECORD_HEAD if data[: len(_OLD_LOG_MAGIC)] == _OLD_LOG_MAGIC else _RECORD_HEAD
    covered = shape.size - 4
    position = _LOG_HEAD.size
    while position < len(data):
        start = position + shape.size
        if start > len(data):
            break
        length, revision, *place, check = shape.unpack_from(data, position)
        payload = bytes(data[start : start + length])
        head = data[position : position + covered]
        if len(payload) < length or zlib.crc32(payload, zlib.crc32(head)) != check:
            break
        yield JournalRecord(Cursor(revision, _unpacked(place[0]) if place else ""), payload)
        position = start + length
    if position != len(data):
        msg = f"{path} is altered at byte {position}"
        raise JournalDamagedError(msg)

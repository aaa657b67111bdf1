"""The keys of confidential names: ``state_dir/keys/confidential.key``, a line for each, the newest last.

A line is a key's id, the key in base64, when it was made (Unix seconds), and ``crc=`` with the CRC-32 of
what stands before that; the id is the beginning of the key's SHA-256. So a line that was altered is refused.
Lines of versions before have no ``crc=``, and get one when a key is added or dropped. Earlier keys stay:
backups and versions of lists may need them. A lost key is put back by adding its line, in whatever order the
lines then stand: each has its own checksum for that reason, and the file has none.

Control and the compiler alone need these keys. A node enforces fingerprints, under a key of its own.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from filterd.disk.files import close_to_others, make_directory, replace_file
from filterd.disk.locks import LockedError, sharing, take_lock

NAME = "confidential.key"
KEY_SIZE = 32
ID_DIGITS = 16
LOCK_WAIT = 5.0


class KeyRingError(ValueError):
    """The file of the keys is damaged. The message names no key."""


@dataclass(frozen=True, slots=True)
class NamedKey:
    """One key."""

    id: str
    """hexadecimal; enough to tell keys apart, not to find one"""
    key: bytes = field(repr=False)
    made_at: int


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys, the newest last; none where none was ever made, or all are lost."""

    keys: tuple[NamedKey, ...]

    def find(self, identifier: str) -> bytes | None:
        """The key of this id; None where it is not there."""
        return next((each.key for each in self.keys if each.id == identifier), None)

    @property
    def newest(self) -> NamedKey | None:
        """The key that seals; None where there is none."""
        return max(self.keys, key=lambda each: each.made_at, default=None)


def path_of(state_dir: Path) -> Path:
    """The file of the keys."""
    return state_dir / "keys" / NAME


def read(state_dir: Path, *, close: bool = True) -> KeyRing:
    """The keys. A file that others can read is closed to them, unless ``close`` is false. Raises ``OSError``
    and KeyRingError."""
    path = path_of(state_dir)
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return KeyRing(())
    except UnicodeDecodeError as error:
        raise _damaged(path, 1) from error
    if close:
        close_to_others(path)
    return KeyRing(tuple(_parsed(path, number, line) for number, line in enumerate(lines, 1) if line.strip()))


def sealing_key(state_dir: Path, now: float) -> NamedKey:
    """The newest key, made at the first call. Raises as :func:`read`, and LockedError."""
    found = read(state_dir).newest
    if found is not None:
        return found
    path = path_of(state_dir)
    make_directory(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    with sharing(path.parent, LOCK_WAIT):
        made = _new(now)
        replace_file(draft, (_line(made),))
        try:
            path.hardlink_to(draft)  # it never takes the place of another process's
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    found = read(state_dir).newest
    if found is None:
        raise _damaged(path, 1)
    return found


def add_key(state_dir: Path, now: float) -> NamedKey:
    """Make a further key, which seals from now on. Raises as :func:`sealing_key`."""
    path = path_of(state_dir)
    make_directory(path.parent)
    with take_lock(path.with_name(f"{NAME}.lock"), LOCK_WAIT):
        ring = read(state_dir)
        newest = ring.newest
        made = _new(now if newest is None else max(now, newest.made_at + 1))
        replace_file(path, (*map(_line, ring.keys), _line(made)))
    return made


def drop_key(state_dir: Path, identifier: str) -> None:
    """Remove a key: nothing that it sealed can be opened any more. Raises as :func:`sealing_key`."""
    path = path_of(state_dir)
    with take_lock(path.with_name(f"{NAME}.lock"), LOCK_WAIT):
        ring = read(state_dir)
        replace_file(path, [_line(each) for each in ring.keys if each.id != identifier])


def _new(now: float) -> NamedKey:
    key = secrets.token_bytes(KEY_SIZE)
    return NamedKey(_id(key), key, int(now))


def _id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:ID_DIGITS]


def _line(key: NamedKey) -> bytes:
    text = f"{key.id} {base64.b64encode(key.key).decode('ascii')} {key.made_at}".encode("ascii")
    return text + f" {_check(text)}\n".encode("ascii")


def _check(text: bytes) -> str:
    return f"crc={zlib.crc32(text):08x}"


def _parsed(path: Path, number: int, line: str) -> NamedKey:
    try:
        identifier, text, made_at, *check = line.split()
        key = base64.b64decode(text, validate=True)
        found = NamedKey(identifier, key, int(made_at))
    except ValueError:
        raise _damaged(path, number) from None
    whole = not check or check == [_check(" ".join((identifier, text, made_at)).encode("ascii"))]
    if len(key) != KEY_SIZE or _id(key) != identifier or not made_at.isdecimal() or not whole:
        raise _damaged(path, number)
    return found


def _damaged(path: Path, number: int) -> KeyRingError:
    return KeyRingError(f"{path} is damaged in line {number}")


__all__ = [
    "KeyRing",
    "KeyRingError",
    "LockedError",
    "NamedKey",
    "add_key",
    "drop_key",
    "path_of",
    "read",
    "sealing_key",
]

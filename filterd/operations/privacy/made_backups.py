"""The backups that were made and where they stand, noted in ``state_dir/backups.json``.

The note stands outside the store, so that a restore does not forget the backups that were made after the one
it puts back. A backup that is being made is a *draft*, noted in ``state_dir/backup-drafts`` before anything
is copied into it: a file for each, locked by the process that makes it. A draft whose file nobody has locked
is what a killed process left, a copy of the store that no term would ever reach.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from filterd.disk import checked_file
from filterd.disk.files import make_directory, sync_directory
from filterd.disk.locks import LockedError, take_lock
from filterd.operations.errors import OperationError

NOTE = "backups.json"
DRAFTS = "backup-drafts"
_LOCK = "backups.lock"
_LOCK_WAIT = 10.0
_MANIFEST = "manifest.json"
_OLD = re.compile(rb"\[.*\]", re.DOTALL)
"""the note of a version before, without a checksum"""


@dataclass(frozen=True, slots=True)
class MadeBackup:
    """One backup. ``made_at`` in Unix seconds, as in its manifest."""

    directory: str
    made_at: float
    revision: int

    @property
    def stands(self) -> bool:
        """True if this backup is still where it was made. Raises ``OSError`` where that cannot be seen."""
        try:
            manifest = json.loads((Path(self.directory) / _MANIFEST).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return False
        except ValueError:
            return True
        return not isinstance(manifest, dict) or manifest.get("made_at") == self.made_at


def noted(state_dir: Path) -> tuple[MadeBackup, ...]:
    """The backups on record, oldest first. Raises ``OSError``, and OperationError for a damaged note: backups
    that nobody knows of are no backups that are gone."""
    path = state_dir / NOTE
    try:
        found = json.loads(checked_file.read(path, _OLD))
        return tuple(sorted((MadeBackup(**each) for each in found), key=lambda each: each.made_at))
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError) as error:
        message = f"{path} is damaged: it is not known which backups there are"
        remedy = (
            f"look for backups past their term yourself and delete them; then move {path} away, and make a "
            "new backup: filterd backup DIRECTORY"
        )
        raise OperationError(message, remedy) from error


@contextmanager
def remembered(state_dir: Path, made: MadeBackup) -> Iterator[None]:
    """Put a backup on record, durably, and in its place inside the block, while nobody looks which backups
    stand. It goes off the record where it does not stand then. Raises ``OSError`` and LockedError."""
    make_directory(state_dir)
    with take_lock(state_dir / _LOCK, _LOCK_WAIT):
        before = noted(state_dir)
        _write(state_dir, [*(each for each in before if each.directory != made.directory), made])
        try:
            yield
        except BaseException:
            if not made.stands:
                _write(state_dir, before)
            raise


@contextmanager
def drafting(state_dir: Path, draft: Path) -> Iterator[None]:
    """Make a backup in the directory ``draft``, which the block makes and renames: noted, durably, before it,
    and removed after it. Raises ``OSError``, and LockedError where another process makes one there."""
    notes = state_dir / DRAFTS
    fields = {"directory": str(draft), "device": draft.parent.stat().st_dev}
    make_directory(notes)
    with take_lock(state_dir / _LOCK, _LOCK_WAIT):
        path = notes / hashlib.sha256(os.fsencode(draft)).hexdigest()[:32]
        note = take_lock(path, 0.0)
        note.truncate(0)
        note.write(checked_file.checked(json.dumps(fields).encode()).decode())
        note.flush()
        os.fsync(note.fileno())
        sync_directory(notes)
    with note:
        try:
            shutil.rmtree(draft, ignore_errors=True)
            yield
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            if not draft.exists():
                with suppress(LockedError):  # the next backup removes the note
                    _drop_note(state_dir, path)


def _drop_note(state_dir: Path, path: Path) -> None:
    """Remove the note of a draft, whose lock the caller holds, while no other process opens it. Raises
    ``OSError`` and LockedError."""
    with take_lock(state_dir / _LOCK, _LOCK_WAIT):
        path.unlink()


def drop_drafts(state_dir: Path) -> list[str]:
    """Remove the drafts that killed processes left; return of each that could not go the path with the
    reason. One on a disk that is not mounted goes when that is back. Raises ``OSError`` and LockedError."""
    notes = state_dir / DRAFTS
    if not notes.is_dir():
        return []
    kept = []
    with ExitStack() as held:
        left = []
        with take_lock(state_dir / _LOCK, _LOCK_WAIT):
            for path in sorted(notes.iterdir()):
                try:
                    left.append((path, held.enter_context(take_lock(path, 0.0))))
                except LockedError:
                    pass  # that one is being made
                except OSError as error:
                    kept.append(f"{path}: {error.strerror}")
        for path, note in left:
            try:
                if _drop_draft(path, note):
                    _drop_note(state_dir, path)
            except LockedError:
                raise
            except OSError as error:
                kept.append(f"{error.filename or path}: {error.strerror}")
    return kept


def _drop_draft(path: Path, note: IO[str]) -> bool:
    """Remove the draft that a note names; False where its disk is not there. Raises ``OSError``."""
    note.seek(0)
    try:
        text = note.read()
        if not text:
            return True  # its process was killed before it made the draft
        fields = json.loads(checked_file.content_of(text.encode(), path))
        draft, device = Path(fields["directory"]), fields["device"]
    except (ValueError, KeyError, TypeError):
        raise _altered(path) from None
    if not (draft.name.startswith(".") and draft.name.endswith(".new")):
        raise _altered(path)
    if draft.exists():
        shutil.rmtree(draft)
        return True
    return _is_device(draft.parent, device)


def _altered(path: Path) -> OSError:
    """The error for a note that names no draft of a backup: nothing is removed."""
    return OSError(
        errno.EINVAL,
        "the note of an unfinished backup is altered: look for the copy by hand, then remove the note",
        str(path),
    )


def _is_device(directory: Path, device: int) -> bool:
    """True if the directory is there, on the disk with this number."""
    try:
        return directory.stat().st_dev == device
    except FileNotFoundError:
        return False


def drop(state_dir: Path, gone: Sequence[MadeBackup]) -> None:
    """Take backups off the record, but those that stand now. Raises ``OSError`` and LockedError."""
    if gone:
        with take_lock(state_dir / _LOCK, _LOCK_WAIT):
            _write(state_dir, [each for each in noted(state_dir) if each not in gone or each.stands])


def past_term(backups: Sequence[MadeBackup], before: float) -> tuple[MadeBackup, ...]:
    """The backups that were made before a time; never the newest, without which nothing could be restored."""
    return tuple(each for each in backups[:-1] if each.made_at < before)


def delete(backup: MadeBackup) -> None:
    """Delete a backup's directory; one that was moved or replaced stays. Raises ``OSError``."""
    if backup.stands:
        shutil.rmtree(backup.directory)


def _write(state_dir: Path, backups: Sequence[MadeBackup]) -> None:
    checked_file.write(state_dir / NOTE, json.dumps([asdict(each) for each in backups], indent=1).encode())

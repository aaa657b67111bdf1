"""The backups that were made and where they stand, noted in ``state_dir/backups.json``.

The note stands outside the store, so that a restore does not forget the backups that were made after the one
it puts back.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from filterd.disk import checked_file
from filterd.disk.files import make_directory
from filterd.disk.locks import take_lock
from filterd.operations.errors import OperationError

NOTE = "backups.json"
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


def remember(state_dir: Path, made: MadeBackup) -> None:
    """Put a new backup on record, durably. Raises ``OSError`` and LockedError."""
    make_directory(state_dir)
    with take_lock(state_dir / _LOCK, _LOCK_WAIT):
        others = [each for each in noted(state_dir) if each.directory != made.directory]
        _write(state_dir, [*others, made])


def drop(state_dir: Path, gone: Sequence[MadeBackup]) -> None:
    """Take backups off the record. Raises ``OSError`` and LockedError."""
    if gone:
        with take_lock(state_dir / _LOCK, _LOCK_WAIT):
            _write(state_dir, [each for each in noted(state_dir) if each not in gone])


def past_term(backups: Sequence[MadeBackup], before: float) -> tuple[MadeBackup, ...]:
    """The backups that were made before a time; never the newest, without which nothing could be restored."""
    return tuple(each for each in backups[:-1] if each.made_at < before)


def delete(backup: MadeBackup) -> None:
    """Delete a backup's directory; one that was moved or replaced stays. Raises ``OSError``."""
    if backup.stands:
        shutil.rmtree(backup.directory)


def _write(state_dir: Path, backups: Sequence[MadeBackup]) -> None:
    checked_file.write(state_dir / NOTE, json.dumps([asdict(each) for each in backups], indent=1).encode())

"""The entry up to which the audit trail was verified, noted in the directory of the ledger.

The next verification goes on behind it, if the store still has this entry with this hash. A store that was
set back does not have it, and one whose history was rewritten has another one. A restore, which verifies the
whole trail, removes the note.

The content is JSON with ``sequence``, ``hash``, ``at`` and ``whole_at`` (:mod:`filterd.disk.checked_file`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from filterd.disk import checked_file
from filterd.disk.checked_file import DamagedFileError
from filterd.disk.files import make_directory
from filterd.model.audit_chain import canonical
from filterd.store.ledger import VERIFIED, Ledger, LedgerDamagedError


@dataclass(frozen=True, slots=True)
class VerifiedTrail:
    """The last entry that was verified."""

    sequence: int
    hash: str
    at: float
    """when, Unix seconds"""
    whole_at: float
    """when the trail was last verified from its first entry on"""


def path_of(ledger: Ledger) -> Path:
    """The file."""
    return ledger.directory / VERIFIED


def note(ledger: Ledger, verified: VerifiedTrail) -> None:
    """Note that the trail was verified so far, durably. Raises ``OSError``."""
    make_directory(ledger.directory)
    checked_file.write(path_of(ledger), canonical(asdict(verified)).encode())


def noted(ledger: Ledger) -> VerifiedTrail | None:
    """How far the trail was verified; None: nothing is on record. Raises LedgerDamagedError and
    ``OSError``."""
    try:
        return VerifiedTrail(**json.loads(checked_file.read(path_of(ledger))))
    except FileNotFoundError:
        return None
    except DamagedFileError as error:
        raise LedgerDamagedError(str(error)) from error

"""The entry up to which the audit trail was verified, noted in the directory of the ledger.

The next verification goes on behind it, if the store still has this entry with this hash. A store that was
set back does not have it, and one whose history was rewritten has another one. A restore, which verifies the
whole trail, removes the note.

The file has two lines: JSON with ``version`` 1, ``sequence``, ``hash``, ``at`` and ``whole_at``, and its
SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from filterd.disk.files import make_directory, replace_file
from filterd.model.audit_chain import canonical
from filterd.store.ledger import VERIFIED, Ledger, LedgerDamagedError

_VERSION = 1


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
    text = canonical({"version": _VERSION, **asdict(verified)}).encode()
    replace_file(path_of(ledger), (text, b"\n", _checksum(text), b"\n"))


def noted(ledger: Ledger) -> VerifiedTrail | None:
    """How far the trail was verified; None: nothing is on record. Raises LedgerDamagedError and
    ``OSError``."""
    path = path_of(ledger)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    text, _, checksum = data.partition(b"\n")
    fields = json.loads(text) if checksum == _checksum(text) + b"\n" else {}
    if fields.pop("version", 0) != _VERSION:
        message = f"{path} is altered, or of another version"
        raise LedgerDamagedError(message)
    return VerifiedTrail(**fields)


def _checksum(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()

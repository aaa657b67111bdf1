"""The newest checkpoint, noted in the directory of the ledger: a store that was set back does not have it."""

from __future__ import annotations

from pathlib import Path

from filterd.disk.files import make_directory, replace_file
from filterd.model.checkpoint import Checkpoint, of_text
from filterd.model.signed_text import SignedTextError
from filterd.store.ledger import CHECKPOINT, Ledger, LedgerDamagedError


def path_of(ledger: Ledger) -> Path:
    """The file."""
    return ledger.directory / CHECKPOINT


def note(ledger: Ledger, checkpoint: Checkpoint) -> None:
    """Note a checkpoint, durably. Raises ``OSError``."""
    make_directory(ledger.directory)
    replace_file(path_of(ledger), (checkpoint.text.encode(), b"\n"))


def noted(ledger: Ledger) -> Checkpoint | None:
    """The checkpoint on record; None: there is none. Raises LedgerDamagedError and ``OSError``."""
    path = path_of(ledger)
    try:
        return of_text(path.read_text(encoding="utf-8").removesuffix("\n"), 0.0)
    except FileNotFoundError:
        return None
    except (SignedTextError, UnicodeDecodeError) as error:
        message = f"{path} is altered: {error}"
        raise LedgerDamagedError(message) from error

"""The newest checkpoint, noted in the directory of the ledger: a store that was set back does not have it."""

from __future__ import annotations

import re
from pathlib import Path

from filterd.disk import checked_file
from filterd.disk.files import make_directory
from filterd.model.checkpoint import Checkpoint, of_text
from filterd.model.signed_text import SignedTextError
from filterd.store.ledger import CHECKPOINT, Ledger, LedgerDamagedError, read_checked

_OLD = re.compile(rb"\{[^\n]*\n")
"""a signed text alone, as the versions before wrote it"""


def path_of(ledger: Ledger) -> Path:
    """The file."""
    return ledger.directory / CHECKPOINT


def note(ledger: Ledger, checkpoint: Checkpoint) -> None:
    """Note a checkpoint, durably. Raises ``OSError``."""
    make_directory(ledger.directory)
    checked_file.write(path_of(ledger), f"{checkpoint.text}\n".encode())


def noted(ledger: Ledger) -> Checkpoint | None:
    """The checkpoint on record; None: there is none. Raises LedgerDamagedError and ``OSError``."""
    path = path_of(ledger)
    content = read_checked(path, _OLD)
    try:
        return None if content is None else of_text(content.decode().removesuffix("\n"), 0.0)
    except (SignedTextError, UnicodeDecodeError) as error:
        message = f"{path} is altered: {error}"
        raise LedgerDamagedError(message) from error

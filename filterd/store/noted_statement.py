"""The newest public statement, noted in the directory of the ledger.

A store that was set back does not have it, and the next one of that day says that it takes its place.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from filterd.disk import checked_file
from filterd.disk.files import make_directory
from filterd.model import signed_text
from filterd.model.signed_text import SignedTextError
from filterd.store.ledger import Ledger, LedgerDamagedError, read_checked

FILE = "statement"
_OLD = re.compile(rb"\{[^\n]*\n")
"""a signed text alone, as the versions before wrote it"""


def path_of(ledger: Ledger) -> Path:
    """The file."""
    return ledger.directory / FILE


def keep(ledger: Ledger, text: str) -> None:
    """Note a signed statement, durably. Raises ``OSError``."""
    make_directory(ledger.directory)
    checked_file.write(path_of(ledger), f"{text}\n".encode())


def noted(ledger: Ledger) -> tuple[dict[str, Any], str]:
    """The body of the statement on record, maybe of another installation, and the digest of its text; both
    empty: there is none. Raises LedgerDamagedError and ``OSError``."""
    path = path_of(ledger)
    content = read_checked(path, _OLD)
    if content is None:
        return {}, ""
    try:
        text = content.decode().removesuffix("\n")
        return signed_text.read(text).body, signed_text.digest(text)
    except (SignedTextError, UnicodeDecodeError) as error:
        message = f"{path} is altered: {error}"
        raise LedgerDamagedError(message) from error

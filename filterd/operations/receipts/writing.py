"""Writes receipts as files, for their owner alone: what they say is for one authority."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from filterd.disk.files import replace_file
from filterd.operations.errors import OperationError
from filterd.operations.receipts.issuing import Receipt


def name_of(receipt: Receipt) -> str:
    """The name of a receipt's files, without suffix: ``O-17-20260303T120000Z``."""
    return f"{receipt.reference}-{datetime.fromtimestamp(receipt.issued_at, UTC):%Y%m%dT%H%M%SZ}"


def write(folder: Path, receipt: Receipt) -> tuple[Path, ...]:
    """Write the signed JSON into a directory, made where there is none. Raises OperationError."""
    return (write_file(folder / f"{name_of(receipt)}.json", receipt.text.encode() + b"\n"),)


def write_file(path: Path, content: bytes) -> Path:
    """Write one file, mode 0600. Raises OperationError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, (content,))
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise OperationError(message, "name a directory that you may write, with room left") from error
    return path

"""Writes receipts as files, for their owner alone: what they say is for one authority."""

from __future__ import annotations

import asyncio
from pathlib import Path

from filterd.disk.files import replace_file
from filterd.operations.errors import NotReachedError, OperationError
from filterd.operations.receipts.issuing import Receipt
from filterd.operations.receipts.sheet import attached_name
from filterd.operations.receipts.typesetting import pdf_of
from filterd.operations.receipts.words import SheetLanguage


async def write(folder: Path, receipt: Receipt, language: SheetLanguage | None = None) -> tuple[Path, ...]:
    """Write the signed JSON into a directory, made where there is none, and beside it the PDF in a language.
    The file is the signed text alone: its SHA-256 is the digest that the sheet and the trail have.
    Raises OperationError; where the PDF cannot be made the JSON stands, and the error names it."""
    name = attached_name(receipt.body)
    written = await asyncio.to_thread(write_file, folder / f"{name}.json", receipt.text.encode())
    if language is None:
        return (written,)
    try:
        made = await pdf_of(receipt.text, language)
    except NotReachedError as error:
        message = f"{error}; the receipt is issued and stands in {written}"
        raise type(error)(message, error.remedy) from error
    return written, await asyncio.to_thread(write_file, folder / f"{name}.{language.value}.pdf", made)


def write_file(path: Path, content: bytes) -> Path:
    """Write one file, mode 0600. Raises OperationError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, (content,))
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise OperationError(message, "name a directory that you may write, with room left") from error
    return path

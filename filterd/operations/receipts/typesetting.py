"""Gives a receipt as a PDF/A-3 with its signed JSON attached, set by typst in a process of its own.

It is exported as A-3; nothing here validates that independently. The same receipt and language give the same
bytes, with one version of filterd and of typst.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any
from weakref import WeakKeyDictionary

from filterd.model import signed_text
from filterd.operations.errors import NotReachedError, OperationError, UnusableError
from filterd.operations.receipts.sheet import sheet_of
from filterd.operations.receipts.typeset import NO_TYPST
from filterd.operations.receipts.words import SheetLanguage

SECONDS = 90.0
"""until a sheet counts as stuck"""
AT_ONCE = 2
"""processes that set sheets; one takes up to 80 MB"""
_PLACES: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
LARGEST = 64 * 1024 * 1024
"""bytes of a PDF"""
_JSON_STANDS = "the receipt itself is its JSON, which needs no PDF"


async def pdf_of(text: str, language: SheetLanguage, *, seconds: float = SECONDS) -> bytes:
    """The PDF of a signed receipt. Raises UnusableError where typst is not installed, NotReachedError where
    it fails or does not end in time; the receipt stands either way."""
    body = signed_text.read(text).body
    job = {
        "template": _template(),
        "sheet": sheet_of(text, language),
        "receipt": text,
        "at": int(datetime.fromisoformat(body["issued_at"]).timestamp()),
    }
    return await typeset(job, text, _JSON_STANDS, seconds)


async def typeset(job: dict[str, Any], content: str, stands: str, seconds: float) -> bytes:
    """The PDF of a job (:mod:`.typeset`). ``content`` is what no error may show; ``stands`` says what is
    there without a PDF. Raises UnusableError and NotReachedError."""
    async with _place(seconds, stands):
        given = await asyncio.to_thread(json.dumps, job)
        code, made, errors = await _run(given.encode(), seconds, stands)
    if code == NO_TYPST:
        message = "a PDF needs typst, which is not installed here"
        raise UnusableError(message, f"install it: pip install 'typst>=0.15.2'; {stands}")
    if code != 0 or not made.startswith(b"%PDF") or len(made) > LARGEST:
        lines = errors.decode("utf-8", "replace").strip().splitlines()[-1:]
        reason = lines[0][:200] if lines and not _tells(lines[0], content) else f"exit {code}"
        message = f"the PDF was not made: {reason}"
        raise NotReachedError(message, f"try again, and report it if it stays so; {stands}")
    return made


@asynccontextmanager
async def _place(seconds: float, stands: str) -> AsyncIterator[None]:
    """One of the places of processes that set a sheet. Raises NotReachedError where none is free in time."""
    places = _PLACES.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    try:
        async with asyncio.timeout(seconds):
            await places.acquire()
    except TimeoutError:
        message = f"other PDFs are being made, and none was finished within {seconds:.0f} seconds"
        raise NotReachedError(message, f"try again when they are done; {stands}") from None
    try:
        yield
    finally:
        places.release()


async def require_same(text: str, pdf: bytes) -> None:
    """Raise OperationError unless a PDF is what this version makes of a signed receipt, in some language."""
    for language in SheetLanguage:
        if await pdf_of(text, language) == pdf:
            return
    message = "the PDF is not what this filterd makes of the receipt: altered, or of another version"
    remedy = f"compare what it says with the JSON, or make it anew with filterd {_version(text)}"
    raise OperationError(message, remedy)


def _version(text: str) -> str:
    return str(signed_text.read(text).body["version"])[:32]


async def _run(job: bytes, seconds: float, stands: str) -> tuple[int | None, bytes, bytes]:
    """The exit code, the output and the errors of the process; it is killed where it does not end in time."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # not from whatever directory the command was typed in
        "-m",
        "filterd.operations.receipts.typeset",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            made, errors = await process.communicate(job)
    except TimeoutError:
        message = f"the PDF was not made within {seconds:.0f} seconds"
        raise NotReachedError(message, f"try again when the machine has less to do; {stands}") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode, made, errors


def _tells(reason: str, text: str) -> bool:
    """True if an error of typst shows content of the receipt, which no log shall have."""
    return '"' in reason or any(word in text for word in reason.split() if len(word) > 24)


@cache
def _template() -> str:
    return resources.files(__package__).joinpath("receipt.typ").read_text(encoding="utf-8")

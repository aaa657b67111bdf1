"""The steps by which a write is noted in the ledger; its errors become those of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from filterd.store.errors import LedgerUnusableError
from filterd.store.ledger import Ended, Ledger, LedgerDamagedError, NotedHead, Serial, StoreHead


def noted(ledger: Ledger) -> NotedHead | None:
    """The head on record. Raises LedgerUnusableError, as all of these do but where they say otherwise."""
    try:
        return ledger.noted()
    except LedgerDamagedError as error:
        remedy = (
            "make sure that the store is the newest one, then remove the file: the next write makes it anew"
        )
        raise LedgerUnusableError(str(error), remedy) from error
    except OSError as error:
        raise _unusable(ledger, error) from error


def begin_record(ledger: Ledger, before_it: StoreHead, head: StoreHead, origin: str) -> None:
    """Note the head of a store that has no record yet, or only that of one in which nothing was written, and
    the origin of one whose head is on record. A migration that wrote leads the record on: from
    ``before_it``, the head on record, to ``head``."""
    before = noted(ledger)
    try:
        led_on = before is not None and before.newest == before_it != head
        if before is None or before.newest.revision == 0 or led_on:
            ledger.settle(head)
            ledger.note_origin(origin)
        elif head == before.newest:
            ledger.note_origin(origin)
    except (OSError, LedgerDamagedError) as error:
        raise _unusable(ledger, error) from error


def resolve(ledger: Ledger, noted: NotedHead, head: StoreHead) -> None:
    """The writer before this one ended between its record and its end: the store shows whether it had
    committed."""
    try:
        if head == noted.committed:
            ledger.discard(noted)
        else:
            ledger.settle(head)
    except (OSError, LedgerDamagedError) as error:
        raise _unusable(ledger, error) from error


def intend(
    ledger: Ledger,
    before: StoreHead,
    after: StoreHead,
    ended: Sequence[Ended],
    serials: Mapping[str, Serial],
) -> None:
    """Note that the store is about to go from one head to another, and what it ends by that."""
    try:
        if serials:
            ledger.raise_serials(serials)
        ledger.intend(before, after, ended)
    except (OSError, LedgerDamagedError) as error:
        raise _unusable(ledger, error) from error


def settle(ledger: Ledger, head: StoreHead, origin: str = "") -> None:
    """The write is committed: where this fails, the next one finds the intended head in the store;
    nothing is raised. ``origin``: empty where it is on record."""
    with suppress(OSError, LedgerDamagedError):
        ledger.settle_intended(head)
        ledger.note_origin(origin)


def _unusable(ledger: Ledger, error: Exception) -> LedgerUnusableError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    message = f"nothing was written: the ledger {ledger.directory} cannot be used: {reason}"
    remedy = "run: filterd restore --in-place --reason ..., which sets the directory aside"
    return LedgerUnusableError(message, remedy if isinstance(error, IsADirectoryError) else "")

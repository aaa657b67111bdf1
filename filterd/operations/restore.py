"""Restores the store from a backup, or takes the store that stands there as the truth from now on.

Writers are stopped first (the ledger's ``restoring``). The new store is made complete beside the old one:
migrated, proved, what was ended after the backup is ended again, and the numbers skip ahead of all that were
ever given out. Only then its content takes the place of the old one, in one transaction of SQLite, while
readers go on. The floor of the change log is raised over everything, so every node reads the full state, and
keeps in force the orders that it alone knows.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filterd.config.settings import Settings
from filterd.disk.files import make_directory, set_aside
from filterd.disk.locks import LockedError, take_lock
from filterd.model.records import OriginProof
from filterd.operations import (
    audit,
    confidential,
    ending_again,
    input_values,
    integrity,
    subscribers,
)
from filterd.operations.backup import STORE, Progress, read_manifest
from filterd.operations.context import Context, OperationError, require_owner
from filterd.operations.feeds.restored import put_lists, read_lists, unknown_feeds
from filterd.operations.feeds.verifying import keep_serials
from filterd.operations.integrity import SHOWN
from filterd.operations.portal import ending
from filterd.operations.privacy import preservation, retention
from filterd.operations.registers import restored as registers_restored
from filterd.store import change_log, proofs
from filterd.store.copying import copy_store, put_in_place, stopped_writers
from filterd.store.engine import database_path
from filterd.store.errors import StoreBusyError, StoreDamagedError, StoreError
from filterd.store.ledger import (
    FILES,
    Ended,
    Ledger,
    LedgerDamagedError,
    StoreHead,
)
from filterd.store.store import Store

FURTHER = 1_000
"""revisions that are left out, so that a person sees the gap"""
UNKNOWN_REVISIONS, UNKNOWN_LINES, UNKNOWN_ORDERS = 1_000_000, 1_000_000, 100
"""numbers that are left out where the ledger is lost: so many may have been given out since"""
UNKNOWN = "the ledger does not know the newest revision: endings may be missing from it, and be undone"
FOREIGN = (
    "the ledger is not of the installation that this store is of, and was set aside: what was ended after the"
    " backup is not known, and may be undone"
)
MISSING = (
    "the ledger lost endings after this backup was made (up to revision {revision}), so what was ended since"
    " may be in force again: compare orders, opt-outs, contracts and erasures with your papers, and end them"
)
NO_ROOM = "see that state_dir and the ledger have room and belong to this user, then repeat it"
DAMAGED = (
    "put the file back from a copy of the ledger that is no older; if there is none, move that directory"
    " away and repeat it: what was ended since the backup then comes back, and your papers must say what"
)
WORK = ".restore"
LOCK = "restore.lock"


@dataclass(slots=True)
class Restored:
    """The result of a restore."""

    backup_revision: int
    """at which the restored state ended"""
    lost_revisions: int
    """acknowledged after it, and not in it; -1 where the ledger does not know"""
    revision: int = 0
    """of the store now"""
    next_order: int = 0
    next_line: int = 0
    lines: int = 0
    """in the restored store; where there are none, every opt-in has ended with it"""
    ended_again: dict[str, int] = field(default_factory=dict)
    """endings of the ledger that were repeated, by kind"""
    remarks: list[str] = field(default_factory=list)
    """what a person must look at now"""
    set_aside: str = ""
    """behind the names of the old store's files, where it could not be opened"""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A store that can be read."""

    head: StoreHead
    origin: str
    """the hash of the first entry in its audit trail, which no other installation has; empty for none"""
    serials: Mapping[str, OriginProof]
    """the newest signed list of each feed"""


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """No store, or one that cannot be read."""

    head: None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class _Past:
    """The history that is left behind: the newest head that is known of it, and what was ended in it."""

    head: StoreHead | None
    """None: nobody knows"""
    on_record: bool
    """false where the ledger does not know the head: what can be read may be older than what there was"""
    ended: tuple[Ended, ...]
    missing_to: int = 0
    """the revision up to which endings may be missing from the ledger, where that is after the backup"""
    foreign: bool = False
    """true where the ledger is of another installation than what is restored, so nobody knows what came
    after it"""


async def restore(
    settings: Settings,
    source: Path | None,
    reason: str,
    actor: str,
    clock: Callable[[], float],
    progress: Progress,
) -> Restored:
    """Put the backup in the directory ``source`` in force; None: the store that stands at its place, or a new
    one where there is none. Raises OperationError; the store then stands as it was."""
    because = input_values.text(reason, "reason", limit=1000)
    path = database_path(settings.store.url)
    require_owner(path, state_dir=settings.state_dir)
    ledger = Ledger(settings.store.ledger)
    try:
        with _alone(ledger), _writers_stopped(path, ledger), _work(settings.state_dir) as work:
            made = await _made(settings, source, work, progress, clock())
            there = await _there(settings)
            async with _opened(made, work) as store:
                context = Context(settings, store, clock, actor)
                if source is not None:
                    await _require_fitting(context, there)
                    put_lists(settings, source)
                own = await _standing_of(store)
                past = _noted(ledger, there.head, own)
                done = await _complete(context, past, because, progress)
            progress("replace the store", 0, 1)
            done.set_aside = await asyncio.to_thread(_install, made, path, f".damaged-{int(clock())}")
            if past.foreign:
                ledger.begin_anew(f".other-{int(clock())}")
            standing = await _standing(settings)
            ledger.settle_restored(standing.head, complete=past.on_record)
            ledger.note_origin(standing.origin)
            done.remarks += keep_serials(ledger, standing.serials)
    except StoreError as error:
        raise OperationError(str(error), error.remedy) from error
    except (OSError, LedgerDamagedError) as error:
        remedy = DAMAGED if isinstance(error, LedgerDamagedError) else NO_ROOM
        message = f"not restored: {error}"
        raise OperationError(message, remedy) from error
    return done


@contextmanager
def _alone(ledger: Ledger) -> Iterator[None]:
    """Only one restore at a time. Raises OperationError."""
    make_directory(ledger.directory)
    for name in (LOCK, *FILES):
        set_aside(ledger.directory / name)  # a directory there would stop every restore and every write
    try:
        lock = take_lock(ledger.directory / LOCK, 0.0)
    except LockedError:
        message = "another restore is under way"
        raise OperationError(message, "wait for it") from None
    with lock:
        yield


@contextmanager
def _writers_stopped(path: Path, ledger: Ledger) -> Iterator[None]:
    """Nobody writes in the store inside this block, and no write is under way when it begins."""
    try:
        stopped_writers(path, ledger.begin_restore)
    except StoreBusyError:
        raise  # a write is under way still
    except StoreError:  # there is none, or it cannot be opened: nobody can write in it
        ledger.begin_restore()
    try:
        yield
    finally:
        ledger.end_restore()


@contextmanager
def _work(state_dir: Path) -> Iterator[Path]:
    """A directory for the new store, on the file system of the state directory; gone afterwards."""
    work = state_dir / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


async def _made(settings: Settings, source: Path | None, work: Path, progress: Progress, now: float) -> Path:
    """A copy of what is restored, of this version's schema."""
    made = work / STORE
    origin = database_path(settings.store.url)
    if source is not None:
        progress("check the backup", 0, 1)
        await asyncio.to_thread(read_manifest, source)
        origin = source / STORE
    if origin.exists() and origin.stat().st_size > 0:
        await asyncio.to_thread(copy_store, origin, made, lambda done, all_: progress("store", done, all_))
    sealer = confidential.sealer
    await Store.migrate(_url(made), _apart(work), now, sealer=lambda order: sealer(settings, now)(order))
    return made


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def _apart(work: Path) -> Path:
    """The ledger of the copy while it is made: nobody else writes in it."""
    return work / "ledger"


@asynccontextmanager
async def _opened(made: Path, work: Path) -> AsyncIterator[Store]:
    store = await Store.open(_url(made), _apart(work))
    try:
        yield store
    finally:
        await store.close()


async def _complete(context: Context, past: _Past, reason: str, progress: Progress) -> Restored:
    """Prove the copy, end again what was ended, and let its numbers skip ahead."""
    progress("prove the audit trail", 0, 1)
    await _require_whole(context)
    begins = (await context.store.head()).revision
    known = past.head is not None and past.on_record
    lost = max(0, past.head.revision - begins) if past.head is not None and known else -1
    done = Restored(begins, lost)
    if not past.on_record:
        done.remarks.append(FOREIGN if past.foreign else UNKNOWN)
    elif past.missing_to:
        done.remarks.append(MISSING.format(revision=past.missing_to))
    again = ending_again.after(past.ended, begins)
    repeated = []
    for number, each in enumerate(again):
        progress("end again what was ended", number, len(again))
        if await ending_again.end_again(context, each):
            repeated.append(each)
            done.ended_again[each.kind] = done.ended_again.get(each.kind, 0) + 1
    if past.missing_to or not past.on_record:
        done.remarks.append(preservation.UNKNOWN)
    done.remarks += await preservation.stand_ins(context)
    done.remarks += await ending_again.order_remarks(context, again, repeated)
    await ending.end_all(context)
    await retention.run(context, in_files=False)
    done.remarks += await registers_restored.drop_removals(context)
    progress("read the lists anew", 0, 1)
    done.remarks += await read_lists(context)
    done.remarks += await unknown_feeds(context)
    await _skip(context, past, done, reason)
    done.lines = sum((await subscribers.count(context)).values())
    return done


def _noted(ledger: Ledger, there: StoreHead | None, own: _Standing) -> _Past:
    """The end of the history that is left behind, from the ledger and from the store that is replaced.

    ``own`` is what is restored. The ledger of another installation is as good as none: its endings mean other
    lines and orders under the same numbers. So is a damaged record of the head. Damaged endings raise
    LedgerDamagedError: they must not be left out in silence.
    """
    try:
        noted = ledger.noted()
    except LedgerDamagedError:
        noted = None
    intended = None if noted is None else noted.intended
    if intended is not None and there is not None and there.cursor == intended.cursor:
        intended = None  # it was committed: the store has it
    heads = [each for each in (there, None if noted is None else noted.newest) if each is not None]
    head = None
    if heads:
        head = StoreHead(
            max(each.revision for each in heads),
            "",
            max(each.next_line for each in heads),
            max(each.next_order for each in heads),
        )
    if noted is not None and own.origin and ledger.origin() != own.origin:
        return _Past(head, False, (), foreign=True)
    # A ledger that is behind a backup of its own store was put back, and lacks what came after.
    on_record = noted is not None and noted.newest.revision >= own.head.revision
    missing = 0 if noted is None or noted.missing_to <= own.head.revision else noted.missing_to
    return _Past(head, on_record, ledger.endings(but_of=intended), missing)


async def _require_whole(context: Context) -> None:
    """The audit trail must hold. The change log need not: it begins anew."""
    proof = await audit.verify(context)
    if proof.fault:
        message = f"this store cannot be trusted: entry {proof.sequence} of its audit trail: {proof.fault}"
        raise OperationError(message, "restore another backup; nothing was changed")


async def _skip(context: Context, past: _Past, done: Restored, reason: str) -> None:
    """Let the numbers go on behind all that were given out, and the log begin anew behind them."""
    async with context.store.write(context.actor, context.clock()) as write:
        write.skip(*_further(write.before, past))
        write.audit(
            "store.restore",
            "store",
            reason=reason,
            before={"revision": done.backup_revision},
            after={"lost_revisions": done.lost_revisions, "ended_again": done.ended_again},
        )
    async with context.store.report() as connection:
        await change_log.empty(connection, write.head.cursor)
    done.revision, done.next_line = write.head.revision, write.head.next_line
    done.next_order = write.head.next_order


def _further(own: StoreHead, past: _Past) -> tuple[int, int, int]:
    """Revision, line and order number behind which the store goes on."""
    newest = own if past.head is None else past.head
    revision = max(newest.revision, own.revision)
    line, order = max(newest.next_line, own.next_line), max(newest.next_order, own.next_order)
    if past.on_record:
        return revision + FURTHER, line, order
    return revision + UNKNOWN_REVISIONS, line + UNKNOWN_LINES, order + UNKNOWN_ORDERS


def _install(made: Path, path: Path, suffix: str) -> str:
    """Put the content of ``made`` in the place of the old one; return what was appended to the names of
    files that had to be set aside."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        if not path.is_dir():
            copy_store(made, path)
            return ""
    except StoreDamagedError:
        pass
    put_in_place(made, path, suffix)
    return suffix


async def _standing(settings: Settings) -> _Standing:
    """The store that stands in its place. Raises StoreError."""
    store = await Store.open(settings.store.url, settings.store.ledger)
    try:
        return await _standing_of(store)
    finally:
        await store.close()


async def _standing_of(store: Store) -> _Standing:
    head = await store.head()
    async with store.read() as connection:
        return _Standing(head, await change_log.origin(connection), await proofs.every_newest(connection))


async def _there(settings: Settings) -> _Standing | _Unreadable:
    """The store that is about to be replaced."""
    try:
        return await _standing(settings)
    except StoreError:
        return _Unreadable()


async def _require_fitting(context: Context, there: _Standing | _Unreadable) -> None:
    """Raise OperationError for the backup of another installation, and for one with damaged rows."""
    async with context.store.read() as connection:
        origin = await change_log.origin(connection)
        damaged = await integrity.faults(connection)
    if origin and there.origin and origin != there.origin:
        message = "this is the backup of another installation: its audit trail begins with another entry"
        remedy = "take a backup of this one; to go on with the other's data, move the store away first"
        raise OperationError(message, remedy)
    if damaged:
        subjects = ", ".join(each.subject for each in damaged[:SHOWN])
        message = f"this backup is not what was decided: {subjects}"
        raise OperationError(message, "restore one that was made before; nothing was changed")

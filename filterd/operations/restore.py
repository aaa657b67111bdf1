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
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
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
from filterd.operations.privacy import made_backups, preservation, retention
from filterd.operations.registers import restored as registers_restored
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout
from filterd.store import change_log, endings, proofs
from filterd.store.copying import (
    Missing,
    copy_store,
    drop_draft,
    missing_from,
    put_in_place,
    revision_of,
    stopped_writers,
)
from filterd.store.engine import database_path
from filterd.store.errors import StoreBusyError, StoreDamagedError, StoreError
from filterd.store.ledger import (
    ERASURE,
    FILES,
    OPT_OUT,
    ORIGIN,
    WITHDRAWAL,
    Ended,
    Ledger,
    LedgerDamagedError,
    NotedHead,
    StoreHead,
    merged,
)
from filterd.store.store import Store

FURTHER = 1_000
"""revisions that are left out, so that a person sees the gap"""
UNKNOWN_REVISIONS, UNKNOWN_LINES, UNKNOWN_ORDERS = 1_000_000, 1_000_000, 100
"""numbers that are left out where the ledger is lost: so many may have been given out since"""
UNKNOWN = "the ledger has no record of the newest revision, so numbers skip far ahead"
WITNESS = "what was ended since is taken from the store that stood there: see that it was the newest one"
FOREIGN = (
    "the ledger is not of the installation that this store is of, and was set aside: its endings mean other"
    " lines and orders"
)
UNIDENTIFIED = (
    "the ledger did not tell of which installation it is, and was set aside: its endings were not repeated"
)
IDENTIFIED = (
    "the ledger did not tell of which installation it is: it has what the store has, so it is of this one"
)
DOUBTFUL = (
    "the last change on record was under way when the store was lost, and may never have been committed; what"
    " it ends was ended all the same: {ended}; where that was not wanted, take it in again"
)
LOST = (
    "what was ended after revision {revision} is not known in full, and may be in force again: compare"
    " orders, opt-outs, contracts and erasures with your papers, and end them. filterd doctor stays red until"
    " you say that you have: filterd restore --in-place --reason ..."
)
NOT_SETTLED = (
    "an earlier restore lost endings, and nobody has said yet that they were compared with the papers; see:"
    " filterd doctor"
)
REFUSED = (
    "not restored: what was ended after revision {revision} is not known in full, and may be undone:"
    " revision {newest} was reached, {ledger}, {store}"
)
PUT_BACK = (
    "put the newest copy of the ledger back into {directory}, or the newest store, and repeat it; where there"
    " is none: repeat it with --accept-lost-endings, and your papers must say what was ended"
)
IDENTIFY = (
    "put {origin} back from a copy of the ledger; where there is none, and no other installation ever wrote"
    " in that directory, let that file be this one line: {value}; then repeat it. With --accept-lost-endings"
    " what the ledger has is not repeated"
)
LEFT_ORDERS = (
    "orders that the replaced store had and the backup does not: {found}. Take them in again from their"
    " documents. Until then they hold on the nodes that have kept them, which filterd node resync shows; on"
    " any other node their names are answered"
)
LEFT_LINES = (
    "lines that had opted in in the replaced store and are not opted in in the backup: {found}. Nothing is"
    " filtered for them until they opt in again (filterd subscriber opt-in)"
)
GIVEN_ORDERS = (
    "orders that were taken in after the backup and are not in the replaced store either: {found}. Take them"
    " in again from their documents. Until then they hold on the nodes that have kept them, which filterd"
    " node resync shows; on any other node their names are answered"
)
LEFT_UNKNOWN = (
    "the orders and opted-in lines that the replaced store had and the backup does not could not be read:"
    " compare those of the time since the backup with your papers"
)
UNFINISHED = "not finished: {error}: {standing}, and nothing is written in it until the restore is finished"
REPLACED = "the restored store stands in its place"
NOT_READABLE = "no store can be read in its place"
AGAIN = "mend that, then run filterd restore again with the same backup and options"
NO_ROOM = "see that state_dir and the ledger have room and belong to this user, then repeat it"
DAMAGED = "put that file of the ledger back from a copy that is no older, then repeat it"
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
    endings_lost: bool = False
    """true where endings after the backup are not known, or were lost before and are not settled"""
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
    endings: _Endings


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """No store, or one that cannot be read."""

    head: None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class _Endings:
    """The endings that one source has: all behind the revision ``missing_to``, up to ``reach``."""

    reach: int
    missing_to: int
    ended: tuple[Ended, ...]


@dataclass(frozen=True, slots=True)
class _Record:
    """The ledger, as far as it is of the installation that is restored."""

    head: StoreHead | None = None
    """the newest one that it knows; None: there is no record of one"""
    endings: _Endings | None = None
    """None: they cannot be read, or how far they reach is not known"""
    ended: tuple[Ended, ...] = ()
    foreign: bool = False
    """true where it is of another installation"""
    unidentified: bool = False
    """true where nothing tells of which installation it is"""
    identified: bool = False
    """true where its endings or heads told that, and not its note"""
    doubtful: StoreHead | None = None
    """a head that was intended, of which nothing tells whether it was committed"""
    fault: str = ""
    """why its endings cannot be read"""


@dataclass(frozen=True, slots=True)
class _Past:
    """The history that is left behind: the newest head that is known of it, and what was ended in it."""

    head: StoreHead
    on_record: bool
    """false where the ledger has no head, or all that can be read is older than what there was"""
    ended: tuple[Ended, ...]
    missing_to: int
    """the revision up to which endings may be missing from ``ended``; 0: it has all"""
    complete: bool
    """true where ``ended`` has all that was ended after what is restored"""
    record: _Record


async def restore(
    settings: Settings,
    source: Path | None,
    reason: str,
    actor: str,
    clock: Callable[[], float],
    progress: Progress,
    *,
    accept_lost: bool = False,
) -> Restored:
    """Put the backup in the directory ``source`` in force; None: the store that stands at its place, or a new
    one where there is none. Refused where neither the ledger nor the store that is replaced has all that was
    ended since, but with ``accept_lost``. Raises OperationError; the store then stands as it was, or, where
    it says that the restore is not finished, nobody writes in it until the restore is repeated."""
    because = input_values.text(reason, "reason", limit=1000)
    path = database_path(settings.store.url)
    require_owner(path, state_dir=settings.state_dir)
    ledger = Ledger(settings.store.ledger)
    stop = _Stop(ledger)
    try:
        with _alone(ledger), _writers_stopped(path, stop), _work(settings.state_dir) as work:
            made, revision = await _made(settings, source, work, progress, clock())
            there = await _there(settings)
            async with _opened(made, work) as store:
                context = Context(settings, store, clock, actor)
                if source is not None:
                    await _require_fitting(context, there)
                own = await _standing_of(store)
                # What a migration writes into the copy was never acknowledged, so no witness reaches it.
                own = replace(own, head=replace(own.head, revision=revision))
                past = _noted(settings, there, own, in_place=source is None)
                if own.head.revision and not (past.complete or accept_lost):
                    raise _refused(ledger, past, there, own)
                if source is not None:
                    put_lists(settings, source)
                done = await _complete(context, past, because, progress, revision, in_place=source is None)
                if source is not None and there.head is not None:
                    ended = ending_again.after(past.ended, there.head.revision)
                    done.remarks += await _left_behind(path, made, ended)
                done.remarks += _given_orders(past, own.head, there.head)
            progress("replace the store", 0, 1)
            await _put_in_force(settings, made, there, past.record, stop, done, int(clock()))
    except (OSError, StoreError, LedgerDamagedError) as error:
        raise await _failure(settings, stop, error) from error
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


@dataclass(slots=True)
class _Stop:
    """The mark of a restore, which stops every writer."""

    ledger: Ledger
    stood: bool = False
    """true where a restore before left it, which may have replaced the store: it outlives a failure"""
    replaced: bool = False
    """true once this one touched the store: the mark outlives a failure"""


@contextmanager
def _writers_stopped(path: Path, stop: _Stop) -> Iterator[None]:
    """Nobody writes in the store inside this block, and no write is under way when it begins."""
    begin = stop.ledger.begin_restore
    stop.stood = stop.ledger.restoring
    try:
        stopped_writers(path, begin)
    except StoreBusyError:
        raise  # a write is under way still
    except StoreError:  # there is none, or it cannot be opened: nobody can write in it
        begin()
    try:
        yield
    finally:
        if not stop.stood and not stop.replaced:
            stop.ledger.end_restore()


async def _put_in_force(
    settings: Settings,
    made: Path,
    there: _Standing | _Unreadable,
    record: _Record,
    stop: _Stop,
    done: Restored,
    now: int,
) -> None:
    """Put the store ``made`` in its place, complete the ledger, and let writers go on. Where that fails after
    the old store was touched, they stay stopped. Safe to repeat after an interruption."""
    ledger, damaged = stop.ledger, f".damaged-{now}"
    stop.replaced = True
    try:
        done.set_aside = await asyncio.to_thread(_install, made, database_path(settings.store.url), damaged)
    except (OSError, StoreError):
        stop.replaced = there.head is None or (await _there(settings)).head != there.head
        raise
    if record.foreign or record.unidentified:
        ledger.begin_anew(f".other-{now}")
    standing = await _standing(settings)
    if record.fault:
        ledger.set_endings_aside(damaged)
    ledger.settle_restored(standing.head, standing.endings.ended, standing.endings.missing_to)
    ledger.note_origin(standing.origin)
    done.remarks += keep_serials(ledger, standing.serials)
    ledger.end_restore()


async def _failure(settings: Settings, stop: _Stop, error: Exception) -> OperationError:
    """The error for a restore that failed: the old store stands as it was, or the mark stays."""
    if stop.replaced:
        there = await _there(settings)
        standing = NOT_READABLE if there.head is None else REPLACED
        return OperationError(UNFINISHED.format(error=error, standing=standing), AGAIN)
    if isinstance(error, StoreError):
        return OperationError(str(error), error.remedy)
    remedy = DAMAGED if isinstance(error, LedgerDamagedError) else NO_ROOM
    return OperationError(f"not restored: {error}", remedy)


def drop_copies(settings: Settings) -> None:
    """Remove the copies of the store that a killed restore left, unless one is under way: no term reaches
    them. Raises ``OSError``."""
    path, work = database_path(settings.store.url), settings.state_dir / WORK
    if settings.store.ledger.is_dir():
        with suppress(LockedError), take_lock(settings.store.ledger / LOCK, 0.0):
            if work.exists():
                shutil.rmtree(work)
            drop_draft(path)


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


async def _made(
    settings: Settings, source: Path | None, work: Path, progress: Progress, now: float
) -> tuple[Path, int]:
    """A copy of what is restored, of this version's schema, and the revision at which it ended before it was
    migrated."""
    made = work / STORE
    origin = database_path(settings.store.url)
    if source is not None:
        progress("check the backup", 0, 1)
        await asyncio.to_thread(read_manifest, source)
        origin = source / STORE
    if origin.exists() and origin.stat().st_size > 0:
        await asyncio.to_thread(copy_store, origin, made, lambda done, all_: progress("store", done, all_))
    revision = await asyncio.to_thread(revision_of, made) if made.exists() else 0
    sealer = confidential.sealer
    await Store.migrate(_url(made), _apart(work), now, sealer=lambda order: sealer(settings, now)(order))
    return made, revision


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


async def _complete(
    context: Context, past: _Past, reason: str, progress: Progress, begins: int, *, in_place: bool
) -> Restored:
    """Prove the copy, end again what was ended after the revision ``begins``, at which it ended before it was
    migrated, and let its numbers skip ahead."""
    progress("prove the audit trail", 0, 1)
    await _require_whole(context)
    done = Restored(begins, past.head.revision - begins if past.on_record else -1)
    done.endings_lost = await _endings_lost(
        context, past, begins, settled=in_place and done.lost_revisions == 0
    )
    done.remarks += _remarks(past, done)
    again = ending_again.after(past.ended, begins)
    repeated = []
    for number, each in enumerate(again):
        progress("end again what was ended", number, len(again))
        if await ending_again.end_again(context, each):
            repeated.append(each)
            done.ended_again[each.kind] = done.ended_again.get(each.kind, 0) + 1
    done.remarks += _doubtful(past.record, repeated)
    if not past.complete:
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


async def _left_behind(path: Path, made: Path, ended: Sequence[Ended]) -> list[str]:
    """Remarks on the orders and opted-in lines that only the replaced store ``path`` has. It may be an older
    copy: what it does not know to have ended, ``ended``, must not be taken in again."""
    orders_ended = [each.number for each in ended if each.kind == WITHDRAWAL]
    lines_ended = [each.number for each in ended if each.kind in (OPT_OUT, ERASURE)]
    try:
        orders, lines = await asyncio.to_thread(
            missing_from, made, path, SHOWN, orders_ended=orders_ended, lines_ended=lines_ended
        )
    except StoreError:
        return [LEFT_UNKNOWN]
    told = ((LEFT_ORDERS, orders), (LEFT_LINES, lines))
    return [text.format(found=_named(missing)) for text, missing in told if missing.count]


def _given_orders(past: _Past, own: StoreHead, there: StoreHead | None) -> list[str]:
    """The remark on orders whose numbers the ledger knows to be given out, and which no store has."""
    if not past.on_record:
        return []
    begins = max(own.next_order, 0 if there is None else there.next_order)
    ended = {each.number for each in past.ended if each.kind == WITHDRAWAL}
    lost = [f"O-{number}" for number in range(begins, past.head.next_order) if number not in ended]
    found = Missing(tuple(lost[:SHOWN]), len(lost))
    return [GIVEN_ORDERS.format(found=_named(found))] if lost else []


def _named(missing: Missing) -> str:
    further = missing.count - len(missing.first)
    return ", ".join(missing.first) + (f" and {further} more" if further else "")


async def _endings_lost(context: Context, past: _Past, begins: int, *, settled: bool) -> bool:
    """True where this restore loses endings, or one before it did that nobody has settled."""
    async with context.store.read() as connection:
        before = await endings.losing_restore(connection)
    lost = not past.complete and begins > 0  # in a store without a decision nothing can come back
    return lost or (before is not None and not settled)


def _remarks(past: _Past, done: Restored) -> Iterator[str]:
    """What is to be said of the ledger, and of endings that are lost."""
    if past.record.foreign:
        yield FOREIGN
    elif past.record.unidentified:
        yield UNIDENTIFIED
    elif not past.on_record:
        yield f"{UNKNOWN}; {WITNESS}" if past.complete else UNKNOWN
    if past.record.identified:
        yield IDENTIFIED
    if done.endings_lost:
        yield NOT_SETTLED if past.complete else LOST.format(revision=done.backup_revision)


def _doubtful(record: _Record, repeated: Iterable[Ended]) -> Iterator[str]:
    """What was ended though it may never have been committed."""
    if record.doubtful is not None:
        found = [f"{each.kind} {each.number}" for each in repeated if each.hash == record.doubtful.hash]
        if found:
            yield DOUBTFUL.format(ended=", ".join(found))


def _noted(settings: Settings, there: _Standing | _Unreadable, own: _Standing, *, in_place: bool) -> _Past:
    """The end of the history that is left behind, and what was ended in it, from the ledger and from the
    store that is replaced. ``own`` is what is restored.

    One of the two that reaches the newest head that anything here tells of has all that was ended since, but
    what it is known to lack. A store that is taken as it stands cannot vouch for itself where the ledger has
    no record.
    """
    record = _of_ledger(Ledger(settings.store.ledger), there, own)
    witnesses = [] if record.endings is None else [record.endings]
    ended = [own.endings.ended, record.ended]
    if isinstance(there, _Standing) and own.origin in ("", there.origin):
        ended.append(there.endings.ended)
        if not in_place or record.head is not None:
            witnesses.append(there.endings)
    every = merged(*ended)
    newest = _newest(settings, [own.head, there.head, record.head], every)
    reached = any(each.reach >= newest.revision for each in witnesses)
    missing_to = _missing_to([*witnesses, own.endings], newest.revision) if reached else newest.revision
    complete = reached and missing_to <= own.head.revision and not record.unidentified
    return _Past(newest, reached and record.head is not None, every, missing_to, complete, record)


def _missing_to(sources: Iterable[_Endings], newest: int) -> int:
    """The revision up to which endings may be missing from all sources together, of which one reaches the
    newest revision."""
    missing_to = newest
    for each in sorted(sources, key=lambda each: each.reach, reverse=True):
        if each.reach >= missing_to:
            missing_to = min(missing_to, each.missing_to)
    return missing_to


def _newest(settings: Settings, heads: Iterable[StoreHead | None], ended: Sequence[Ended]) -> StoreHead:
    """The newest head that is known: by stores and ledger, an ending, a snapshot or another backup."""
    known = [each for each in heads if each is not None]
    told = [each.revision for each in ended[-1:]]
    path = current_file(settings.state_dir / snapshot_layout.DIRECTORY)
    if path is not None:
        told.append(snapshot_layout.revision_of(path.name))
    with suppress(OperationError):  # a damaged note: doctor says so
        told += [each.revision for each in made_backups.noted(settings.state_dir)]
    return StoreHead(
        max([*told, *(each.revision for each in known)]),
        "",
        max(each.next_line for each in known),
        max(each.next_order for each in known),
    )


def _of_ledger(ledger: Ledger, there: _Standing | _Unreadable, own: _Standing) -> _Record:
    """The ledger. That of another installation is as good as none: its endings mean other lines and orders
    under the same numbers. A damaged record of the head is none. The endings of a head that was intended are
    left out only where the store that stands there shows that it was not committed."""
    noted = None
    with suppress(LedgerDamagedError):
        noted = ledger.noted()
    intended = None if noted is None else noted.intended
    dropped = None
    if noted is not None and there.head is not None and there.head.cursor == noted.committed.cursor:
        dropped = intended
    ended: tuple[Ended, ...] = ()
    fault = ""
    try:
        ended = ledger.endings(but_of=dropped)
    except LedgerDamagedError as error:
        fault = str(error)
    identified = False
    if own.origin:
        of = _origin_of(ledger)
        known = _places(*_heads(noted), *ended)
        if (of and of != own.origin) or (not of and noted is not None and not known):
            return _Record(foreign=True)
        if not of and (known or fault):
            identified = not known.isdisjoint(_known_to(own) | _known_to(there))
            if not identified:
                return _Record(unidentified=True)
    head = None if noted is None else noted.newest
    endings_ = None if noted is None or fault else _Endings(noted.newest.revision, noted.missing_to, ended)
    told = there.head is not None and intended is not None and there.head.revision >= intended.revision
    doubtful = None if dropped is not None or told else intended
    return _Record(head, endings_, ended, identified=identified, doubtful=doubtful, fault=fault)


def _origin_of(ledger: Ledger) -> str:
    """The origin on record; empty where it is damaged or not there."""
    with suppress(LedgerDamagedError):
        return ledger.origin()
    return ""


def _heads(noted: NotedHead | None) -> tuple[StoreHead, ...]:
    return () if noted is None else (noted.committed, noted.newest)


def _places(*found: StoreHead | Ended) -> frozenset[tuple[int, str]]:
    """The revisions with their hashes, which no other installation has."""
    return frozenset((each.revision, each.hash) for each in found if each.revision)


def _known_to(standing: _Standing | _Unreadable) -> frozenset[tuple[int, str]]:
    if isinstance(standing, _Unreadable):
        return frozenset()
    return _places(standing.head, *standing.endings.ended)


def _refused(ledger: Ledger, past: _Past, there: _Standing | _Unreadable, own: _Standing) -> OperationError:
    """The error for a restore that would undo what was ended."""
    record = past.record
    if record.foreign:
        of_ledger = "the ledger is of another installation"
    elif record.unidentified:
        of_ledger = "the ledger does not tell of which installation it is"
    elif record.fault:
        of_ledger = record.fault
    elif record.endings is None:
        of_ledger = "the ledger has no record"
    else:
        of_ledger = f"the ledger {_extent(record.endings)}"
    of_store = "no store could be read in its place"
    if isinstance(there, _Standing):
        of_store = f"the store in its place {_extent(there.endings)}"
    newest, revision = past.head.revision, own.head.revision
    message = REFUSED.format(revision=revision, newest=newest, ledger=of_ledger, store=of_store)
    if record.unidentified:
        return OperationError(message, IDENTIFY.format(origin=ledger.directory / ORIGIN, value=own.origin))
    return OperationError(message, PUT_BACK.format(directory=ledger.directory))


def _extent(source: _Endings) -> str:
    lacks = f", and may lack endings up to {source.missing_to}" if source.missing_to else ""
    return f"ends at {source.reach}{lacks}"


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
            endings.RESTORE,
            endings.RESTORED,
            reason=reason,
            before={"revision": done.backup_revision},
            after={
                "lost_revisions": done.lost_revisions,
                "ended_again": done.ended_again,
                endings.LOST: done.endings_lost,
            },
        )
    missing_to = past.missing_to if past.complete else write.head.revision
    async with context.store.report() as connection:
        await change_log.empty(connection, write.head.cursor)
        await endings.replace(connection, past.ended, missing_to)
    done.revision, done.next_line = write.head.revision, write.head.next_line
    done.next_order = write.head.next_order


def _further(own: StoreHead, past: _Past) -> tuple[int, int, int]:
    """Revision, line and order number behind which the store goes on."""
    newest = past.head
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
        missing_to, ended = await endings.missing_to(connection), await endings.every(connection)
        return _Standing(
            head,
            await change_log.origin(connection),
            await proofs.every_newest(connection),
            _Endings(head.revision, missing_to, ended),
        )


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

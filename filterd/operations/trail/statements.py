"""The daily signed public statement: what is blocked for everybody, in numbers, and the head of the trail.

It has no name, nothing of a line, and nothing of a person, so that anybody may keep it: each copy outside,
such as a web archive's, fixes the trail up to that day. Orders of an authority on a ground are told apart
from :data:`LEAST` on; fewer, and confidential ones, are told in one number (decision 0321).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from filterd.config.settings import Settings
from filterd.disk import signing_keys
from filterd.model import signed_text
from filterd.model.checkpoint import Checkpoint
from filterd.model.checkpoint import body_of as checkpoint_body
from filterd.model.mandatory import label_of
from filterd.model.order import Order, OrderState, StepKind
from filterd.model.signed_text import SignedTextError
from filterd.operations import signing
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, UnknownError, UnusableError
from filterd.operations.feeds import listing
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.feeds.told_digests import told_digest
from filterd.operations.plain_values import moment
from filterd.operations.reviews import figures
from filterd.operations.service_page.mandatory import SMALL as LEAST
from filterd.operations.signing import Purpose
from filterd.operations.snapshots import current_file
from filterd.operations.trail import announcing, checkpoints
from filterd.policy import snapshot_layout
from filterd.store import change_log, noted_statement
from filterd.store import orders as order_rows
from filterd.store import snapshots as snapshot_rows
from filterd.store import statements as rows
from filterd.store.ledger import LedgerDamagedError
from filterd.store.statements import StatementRow

FORM = 1
"""of the body; another number where its keys change. ``replaces`` stands only in one that was signed after a
restore: the digest of the statement of the day that was lost"""
LISTED = 400
"""days that a list shows"""


def day_of(context: Context) -> str:
    """The day that it is now, in the zone of the installation."""
    return _now(context).date().isoformat()


async def is_due(context: Context) -> bool:
    """True if the statement of this day is to be signed now."""
    if _now(context).strftime("%H:%M") < context.settings.signing.statement_at:
        return False
    async with context.store.read() as connection:  # a clock that was ahead may have signed later days
        return await rows.find(connection, day_of(context)) is None


def _now(context: Context) -> datetime:
    return datetime.fromtimestamp(context.clock(), ZoneInfo(context.settings.zone))


async def make(context: Context) -> StatementRow:
    """Sign the statement of this day, on a checkpoint of now; the one that there is, where there is one.
    One that takes the place of another, which a restore lost, says so. Raises OperationError, and
    ConflictError where the trail tells of one that is gone."""
    day = day_of(context)
    there = await _standing(context, day)
    if there is not None:
        return there
    await checkpoints.make(context)
    head = await checkpoints.show(context)
    body = await body_of(context, head, day)
    lost = await asyncio.to_thread(_lost, context, body)
    replaces = {"replaces": lost} if lost else {}
    body |= replaces
    key = await asyncio.to_thread(signing.signer, context.settings, Purpose.CHECKPOINT)
    text = signed_text.text_of(signed_text.signed(signed_text.STATEMENT, body, key.key_id, key.sign))
    made = StatementRow(day, context.clock(), head.number, signed_text.digest(text), text)
    async with context.store.write(context.actor, context.clock()) as write:
        there = await rows.find(write.connection, day)
        if there is None:
            await asyncio.to_thread(_note, context, made)
            await rows.add(write.connection, made)
            after = {"digest": made.digest, "checkpoint": head.number, **replaces}
            write.audit(rows.PUBLISHED, f"statement:{day}", after=after)
    return there or made


async def _standing(context: Context, day: str) -> StatementRow | None:
    """The statement of a day. Raises ConflictError where the trail tells of one, and there is none: a second
    one would contradict it."""
    async with context.store.read() as connection:
        found = await rows.find(connection, day)
        told = await change_log.newest_entries(connection, 1, f"statement:{day}", (rows.PUBLISHED,))
    if found is None and told:
        message = f"the trail tells of a statement of {day}, and it is gone from the store"
        remedy = "keep the store file as evidence: filterd audit verify; the next day's is signed at its time"
        raise ConflictError(message, remedy)
    return found


def _lost(context: Context, body: dict[str, Any]) -> str:
    """The digest of the statement of the same day that was signed before a restore; empty: there was none."""
    ledger = context.store.ledger
    try:
        noted, digest = noted_statement.noted(ledger)
    except (LedgerDamagedError, OSError) as error:
        message = f"the last statement on record cannot be read: {error}"
        remedy = f"see whether somebody altered it, then remove {noted_statement.path_of(ledger)}"
        raise UnusableError(message, remedy) from error
    same = all(noted.get(each) == body[each] for each in ("installation", "day"))
    return digest if same else ""


def _note(context: Context, made: StatementRow) -> None:
    """Before it is published: where that fails, the next one names a statement that nobody saw."""
    try:
        noted_statement.keep(context.store.ledger, made.text)
    except OSError as error:
        message = f"the ledger {context.settings.store.ledger} cannot be written: {error.strerror}"
        raise UnusableError(message, "see that its disk has room and belongs to this user") from error


async def body_of(context: Context, head: Checkpoint, day: str) -> dict[str, Any]:
    """The body of the statement of a day, over a checkpoint."""
    settings, now = context.settings, context.clock()
    async with context.store.read() as connection:
        orders = await order_rows.list_orders(connection)
        path = current_file(settings.state_dir / snapshot_layout.DIRECTORY)
        snapshot = None if path is None else await snapshot_rows.of_file(connection, path.name)
    keys = await announcing.known(context)
    feeds = [each for each in await listing.list_feeds(context) if not (each.off or each.feed.observe)]
    in_use = [found for each in Purpose if (found := keys.in_use(each)) is not None]
    return {
        "form": FORM,
        "installation": checkpoint_body(head)["installation"],
        "provider": settings.service.name,
        "country": settings.jurisdiction,
        "day": day,
        "zone": settings.zone,
        "at": moment(now),
        "head": {
            "checkpoint": head.number,
            "digest": head.digest,
            "sequence": head.audit_sequence,
            "hash": head.audit_hash,
        },
        "keys": [{"purpose": each.purpose, "key_id": each.key_id} for each in in_use],
        "orders": _orders(orders, now),
        "lists": await asyncio.to_thread(_lists, settings, feeds),
        "reviews_overdue": {
            "orders": sum(_review_overdue(each, now) for each in orders),
            "requests": (await figures.count(context))["overdue"],
        },
        "snapshot": {} if snapshot is None else {"digest": snapshot.digest, "revision": snapshot.revision},
    }


def _orders(orders: Sequence[Order], now: float) -> dict[str, Any]:
    there = [each for each in orders if each.in_force(now)]
    groups: dict[tuple[str, str], list[Order]] = {}
    for each in there:
        if not each.demand.confidential:
            groups.setdefault((each.demand.authority, each.demand.ground), []).append(each)
    return {
        "in_force": _counted(there),
        "by_authority_and_ground": [
            {"authority": authority, "ground": ground, **_counted(some)}
            for (authority, ground), some in sorted(groups.items())
            if len(some) >= LEAST
        ],
        "of_small_groups": _counted(each for some in groups.values() if len(some) < LEAST for each in some),
        "confidential": _counted(each for each in there if each.demand.confidential),
        "wide": _counted(each for each in there if _is_wide(each)),
        "outside_dns": sum(each.state is OrderState.OUTSIDE_DNS for each in orders),
        "suspended": sum(each.state is OrderState.SUSPENDED for each in orders),
    }


def _counted(orders: Iterable[Order]) -> dict[str, int]:
    some = list(orders)
    return {"orders": len(some), "entries": sum(each.entries for each in some)}


def _is_wide(order: Order) -> bool:
    """True for an order that hits more than its names, as somebody decided with reasons."""
    demand = order.demand
    return demand.overblocking_accepted or demand.protection_overridden or bool(demand.proportionality)


def _review_overdue(order: Order, now: float) -> bool:
    """True if an order in force was to be reviewed, and was not."""
    confirmed = order.last(StepKind.CONFIRMED)
    due = confirmed.until if confirmed is not None and confirmed.until else order.demand.review_at
    return order.in_force(now) and 0 < due <= now


def _lists(settings: Settings, feeds: Iterable[FeedStatus]) -> list[dict[str, Any]]:
    return [_list(settings, each) for each in feeds if each.version is not None]


def _list(settings: Settings, status: FeedStatus) -> dict[str, Any]:
    feed, version, terms = status.feed, status.version, status.feed.mandatory
    assert version is not None  # noqa: S101 - those without are left out
    confidential = terms is not None and terms.confidential
    told: dict[str, Any] = {
        "id": label_of(feed.id, confidential=confidential),
        "kind": "mandatory" if terms is not None else "security" if feed.security else "category",
        "confidential": confidential,
        "version": version.version,
        "digest": told_digest(settings, feed, version),
        "names": version.names,
    }
    if terms is not None and not confidential:
        told |= {"authority": terms.authority, "ground": terms.ground}
    return told


async def show(context: Context, day: str = "") -> StatementRow:
    """The statement of a day; empty: the newest. Raises UnknownError."""
    async with context.store.read() as connection:
        found = await (rows.find(connection, day) if day else rows.newest(connection, day_of(context)))
    if found is None:
        what = f"there is no statement of {day[:32]}" if day else "there is no statement yet"
        at = context.settings.signing.statement_at
        raise UnknownError(what, f"control signs one each day at {at}; now: filterd audit statement --sign")
    return found


async def listed(context: Context, limit: int = LISTED) -> list[str]:
    """The newest days that have a statement, the newest first."""
    async with context.store.read() as connection:
        return await rows.days(connection, limit)


async def verify(context: Context) -> tuple[str, ...]:
    """The days whose statement is not what was signed, or not the one that the trail tells of."""
    keys = announcing.public_keys((await announcing.known(context)).of(Purpose.CHECKPOINT))
    faults: list[str] = []
    after = ""
    while True:
        async with context.store.read() as connection:
            some = await rows.page(connection, after=after)
            told = await rows.published(connection, after, some[-1].day if some else "")
        whole = {each.day for each in some if _holds(each, keys) and told.get(each.day) == {each.digest}}
        faults += sorted({*told, *(each.day for each in some)} - whole)
        if not some:
            return tuple(faults)
        after = some[-1].day


def _holds(row: StatementRow, keys: dict[str, bytes]) -> bool:
    try:
        found = signed_text.read(row.text)
    except SignedTextError:
        return False
    public = keys.get(found.key_id, b"")
    message = signed_text.signed_bytes(signed_text.STATEMENT, found.body)
    told = (row.day, row.digest) == (found.body.get("day"), signed_text.digest(row.text))
    return told and signing_keys.signature_holds(public, found.signature, message)

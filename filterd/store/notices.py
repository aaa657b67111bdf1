"""Statements about notices to the holders of lines, and their way to each receiver."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.notice import Delivery, HolderNotice, NoticeState
from filterd.store.beginnings import begins_with
from filterd.store.errors import StoreDamagedError
from filterd.store.notice_tables import notice, notice_delivery, webhook_stop
from filterd.store.prepared import PreparedChange, PreparedQuery
from filterd.store.tables import subscriber

ROWS = 1_000
"""rows deleted or changed in one transaction"""
_NEWEST = PreparedQuery(select(func.max(notice.c.number).label("newest")))
_ADD = PreparedChange(insert(notice), ("number", "id", "line", "kind", "at", "facts", "state", "ended_at"))
_OPEN = (NoticeState.WAITING.value, NoticeState.FAILED.value)


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """The notices that are wanted; an empty field asks for nothing."""

    undelivered: bool = False
    """waiting or failed, or kept since no receiver wants it"""
    subscriber: str = ""
    begins: str = ""
    """the beginning of the subscriber's id"""


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice to be stored."""

    id: str
    line: int
    kind: str
    facts: dict[str, Any]
    webhooks: tuple[str, ...]
    """the receivers that want it"""


async def add(connection: AsyncConnection, new: Sequence[NewNotice], at: float) -> None:
    """Store notices of one moment, in their order, under the write lock."""
    if not new:
        return
    first = ((await _NEWEST.rows(connection, {}))[0].newest or 0) + 1
    numbered = list(enumerate(new, start=first))
    await _ADD.run(
        connection,
        [
            {
                "number": number,
                "id": each.id,
                "line": each.line,
                "kind": each.kind,
                "at": at,
                "facts": json.dumps(each.facts, sort_keys=True, separators=(",", ":")),
                "state": (NoticeState.WAITING if each.webhooks else NoticeState.KEPT).value,
                "ended_at": 0.0 if each.webhooks else at,
            }
            for number, each in numbered
        ],
    )
    await _send(connection, [(number, each.line, each.webhooks) for number, each in numbered], at)


async def _send(
    connection: AsyncConnection, wanted: Iterable[tuple[int, int, Sequence[str]]], at: float
) -> None:
    rows = [
        {
            "notice": number,
            "webhook": webhook,
            "line": line,
            "failed": False,
            "attempts": 0,
            "next_at": at,
            "trouble": "",
        }
        for number, line, webhooks in wanted
        for webhook in webhooks
    ]
    if rows:
        await connection.execute(insert(notice_delivery), rows)


def _joined() -> Select[Any]:
    return select(notice, subscriber.c.id.label("subscriber")).join_from(notice, subscriber)


async def page(
    connection: AsyncConnection, wanted: NoticeFilter, *, after: int = 0, limit: int = 100
) -> list[HolderNotice]:
    """A page of the wanted notices, oldest first, behind the number ``after``."""
    query = _joined().where(notice.c.number > after)
    if wanted.undelivered:
        query = query.where(notice.c.state != NoticeState.DELIVERED.value)
    if wanted.subscriber:
        query = query.where(subscriber.c.id == wanted.subscriber)
    if wanted.begins:
        query = query.where(begins_with(subscriber.c.id, wanted.begins))
    rows = await connection.execute(query.order_by(notice.c.number).limit(limit))
    return [_notice(row) for row in rows]


async def find(connection: AsyncConnection, identifier: str) -> HolderNotice | None:
    """The notice with this id."""
    row = (await connection.execute(_joined().where(notice.c.id == identifier))).one_or_none()
    return None if row is None else _notice(row)


async def deliveries(connection: AsyncConnection, numbers: Sequence[int]) -> dict[int, list[Delivery]]:
    """The receivers that have not taken these notices."""
    rows = await connection.execute(
        select(notice_delivery)
        .where(notice_delivery.c.notice.in_(numbers))
        .order_by(notice_delivery.c.webhook)
    )
    found: dict[int, list[Delivery]] = {}
    for row in rows:
        values = (row.notice, row.webhook, row.failed, row.attempts, row.next_at, row.trouble)
        found.setdefault(row.notice, []).append(Delivery(*values))
    return found


async def due(
    connection: AsyncConnection, webhook: str, now: float, limit: int
) -> list[tuple[HolderNotice, Delivery]]:
    """Notices that a receiver is to get now, at most one of each line: the earliest that it has not taken."""
    this, earlier = notice_delivery, notice_delivery.alias("earlier")
    before = exists().where(
        and_(
            earlier.c.line == this.c.line,
            earlier.c.webhook == webhook,
            earlier.c.notice < this.c.notice,
            earlier.c.failed.is_(False),
        )
    )
    query = (
        select(notice, subscriber.c.id.label("subscriber"), this.c.attempts, this.c.next_at, this.c.trouble)
        .join_from(this, notice)
        .join(subscriber)
        .where(this.c.webhook == webhook, this.c.failed.is_(False), this.c.next_at <= now, ~before)
        .order_by(this.c.next_at, this.c.notice)
        .limit(limit)
    )
    return [
        (_notice(row), Delivery(row.number, webhook, False, row.attempts, row.next_at, row.trouble))
        for row in await connection.execute(query)
    ]


async def tell(connection: AsyncConnection, number: int, text: str) -> None:
    """Keep the text with which a notice is sent for the first time."""
    await connection.execute(update(notice).where(notice.c.number == number).values(told=text))


async def delivered(connection: AsyncConnection, number: int, webhook: str, now: float) -> None:
    """Note that a receiver has taken a notice."""
    await connection.execute(delete(notice_delivery).where(_of(number, webhook)))
    await settle(connection, (number,), now)


async def postpone(connection: AsyncConnection, delivery: Delivery) -> None:
    """Note a failed attempt."""
    values = {
        "attempts": delivery.attempts,
        "next_at": delivery.next_at,
        "failed": delivery.failed,
        "trouble": delivery.trouble,
    }
    await connection.execute(
        update(notice_delivery).where(_of(delivery.notice, delivery.webhook)).values(values)
    )


def _of(number: int, webhook: str) -> Any:
    return and_(notice_delivery.c.notice == number, notice_delivery.c.webhook == webhook)


async def settle(connection: AsyncConnection, numbers: Sequence[int], now: float) -> None:
    """Give notices the state that follows from their deliveries."""
    row = notice_delivery.c
    waiting = exists().where(and_(row.notice == notice.c.number, row.failed.is_(False)))
    failed = exists().where(and_(row.notice == notice.c.number, row.failed.is_(True)))
    these = notice.c.number.in_(numbers)
    states = (
        (NoticeState.WAITING, waiting, 0.0),
        (NoticeState.FAILED, and_(~waiting, failed), now),
        (NoticeState.DELIVERED, and_(~waiting, ~failed), now),
    )
    for state, condition, ended in states:
        await connection.execute(
            update(notice)
            .where(these, condition, notice.c.state != state.value)
            .values(state=state.value, ended_at=ended)
        )


async def give_up(connection: AsyncConnection, webhook: str, trouble: str, now: float, before: float) -> int:
    """End the attempts of one receiver for notices made before a time, at most :data:`ROWS`: their number."""
    query = (
        select(notice_delivery.c.notice)
        .join(notice)
        .where(notice_delivery.c.webhook == webhook, notice_delivery.c.failed.is_(False))
        .where(notice.c.at < before)
        .limit(ROWS)
    )
    numbers = list((await connection.execute(query)).scalars())
    if numbers:
        row = notice_delivery.c
        values: dict[str, Any] = {"failed": True}
        if trouble:
            values["trouble"] = trouble
        await connection.execute(
            update(notice_delivery).where(row.webhook == webhook, row.notice.in_(numbers)).values(values)
        )
        await settle(connection, numbers, now)
    return len(numbers)


async def any_due(connection: AsyncConnection, webhooks: Sequence[str], now: float) -> bool:
    """True if one of these receivers may be sent something now."""
    this = notice_delivery
    query = select(
        exists().where(this.c.webhook.in_(webhooks), this.c.failed.is_(False), this.c.next_at <= now)
    )
    return bool((await connection.execute(query)).scalar_one())


async def waiting_webhooks(connection: AsyncConnection) -> set[str]:
    """The receivers that notices wait for."""
    query = select(notice_delivery.c.webhook).where(notice_delivery.c.failed.is_(False)).distinct()
    return set((await connection.execute(query)).scalars())


async def again(
    connection: AsyncConnection, identifiers: Sequence[int], webhooks: dict[str, tuple[str, ...]], now: float
) -> int:
    """Send notices anew to those who have not taken them, and those that were kept to all who want their kind
    (``webhooks``: id -> kinds; none: all). Returns the number that will be sent."""
    these = notice.c.number.in_(identifiers)
    rows = await connection.execute(
        select(notice.c.number, notice.c.line, notice.c.kind).where(
            these, notice.c.state == NoticeState.KEPT.value
        )
    )
    kept = [
        (row.number, row.line, [each for each, kinds in webhooks.items() if not kinds or row.kind in kinds])
        for row in rows
    ]
    await _send(connection, kept, now)
    row = notice_delivery.c
    changed = await connection.execute(
        update(notice_delivery)
        .where(row.notice.in_(identifiers), row.webhook.in_(list(webhooks)))
        .values(failed=False, next_at=now, attempts=0)
    )
    sent = [number for number, _, wanted in kept if wanted]
    await settle(connection, sorted({*identifiers} - {number for number, _, _ in kept} | {*sent}), now)
    return len(sent) if not changed.rowcount else await _count_waiting(connection, identifiers)


async def _count_waiting(connection: AsyncConnection, numbers: Sequence[int]) -> int:
    query = select(func.count()).where(
        notice.c.number.in_(numbers), notice.c.state == NoticeState.WAITING.value
    )
    return int((await connection.execute(query)).scalar_one())


async def undelivered(connection: AsyncConnection, after: int, limit: int) -> list[int]:
    """The numbers of failed, waiting and kept notices behind one."""
    query = select(notice.c.number).where(
        notice.c.number > after, notice.c.state != NoticeState.DELIVERED.value
    )
    return list((await connection.execute(query.order_by(notice.c.number).limit(limit))).scalars())


async def purge(connection: AsyncConnection, before: float, limit: int = ROWS) -> int:
    """Delete notices that were done before a time, at most ``limit``: their number."""
    query = select(notice.c.number).where(
        notice.c.state != NoticeState.WAITING.value, notice.c.ended_at < before
    )
    return await _delete(connection, list((await connection.execute(query.limit(limit))).scalars()))


async def any_ended(connection: AsyncConnection, before: float) -> bool:
    """True if some notice was done before a time."""
    query = select(notice.c.number).where(
        notice.c.state != NoticeState.WAITING.value, notice.c.ended_at < before
    )
    return (await connection.execute(query.limit(1))).first() is not None


async def is_beyond(connection: AsyncConnection, most: int) -> bool:
    """True if more than ``most`` notices are stored. They are counted only where there may be."""
    ends = select(func.min(notice.c.number), func.max(notice.c.number))
    first, last = (await connection.execute(ends)).one()
    return first is not None and last - first >= most and await _count(connection) > most


async def _count(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.count()).select_from(notice))).scalar_one())


async def trim(connection: AsyncConnection, most: int) -> int:
    """Delete the oldest notices beyond ``most``, at most :data:`ROWS`: the number of those that a receiver
    should have had."""
    beyond = await _count(connection) - most
    if beyond <= 0:
        return 0
    query = select(notice.c.number, notice.c.state).order_by(notice.c.number)
    rows = (await connection.execute(query.limit(min(beyond, ROWS)))).all()
    await _delete(connection, [row.number for row in rows])
    return sum(row.state in _OPEN for row in rows)


async def any_before(connection: AsyncConnection, webhook: str, before: float) -> bool:
    """True if a receiver has not taken some notice that was made before a time, and is still asked."""
    query = select(notice.c.number).join(notice_delivery)
    query = query.where(notice_delivery.c.webhook == webhook, notice_delivery.c.failed.is_(False))
    return (await connection.execute(query.where(notice.c.at < before).limit(1))).first() is not None


async def _delete(connection: AsyncConnection, numbers: Sequence[int]) -> int:
    await connection.execute(delete(notice_delivery).where(notice_delivery.c.notice.in_(numbers)))
    await connection.execute(delete(notice).where(notice.c.number.in_(numbers)))
    return len(numbers)


async def forget(connection: AsyncConnection, line: int) -> None:
    """Delete every notice of a line, those that nobody has taken yet among them."""
    for table in (notice_delivery, notice):
        await connection.execute(delete(table).where(table.c.line == line))


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """The number of notices by state, every state with one."""
    rows = await connection.execute(select(notice.c.state, func.count()).group_by(notice.c.state))
    return {each.value: 0 for each in NoticeState} | {row[0]: row[1] for row in rows}


async def oldest_waiting(connection: AsyncConnection) -> float:
    """The time of the oldest notice that waits; 0: none does."""
    query = select(func.min(notice.c.at)).where(notice.c.state == NoticeState.WAITING.value)
    return float((await connection.execute(query)).scalar_one() or 0.0)


async def stops(connection: AsyncConnection) -> dict[str, str]:
    """The receivers that said that they are gone, each with the digest of its address then."""
    rows = await connection.execute(select(webhook_stop.c.webhook, webhook_stop.c.url_digest))
    return {row.webhook: row.url_digest for row in rows}


async def stop(connection: AsyncConnection, webhook: str, url_digest: str, at: float) -> None:
    """Note that a receiver is gone."""
    await go_on(connection, (webhook,))
    values = {"webhook": webhook, "url_digest": url_digest, "at": at}
    await connection.execute(insert(webhook_stop).values(values))


async def go_on(connection: AsyncConnection, webhooks: Sequence[str]) -> None:
    """Ask receivers again that said that they are gone."""
    await connection.execute(delete(webhook_stop).where(webhook_stop.c.webhook.in_(webhooks)))


def _notice(row: Any) -> HolderNotice:
    try:
        return HolderNotice(
            row.number,
            row.id,
            row.line,
            row.subscriber,
            row.kind,
            row.at,
            NoticeState(row.state),
            json.loads(row.facts),
            row.told,
        )
    except ValueError:
        message = f"the notice {row.id} cannot be read"
        raise StoreDamagedError(message) from None

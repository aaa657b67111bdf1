"""Statements about the deadlines of orders: the facts that they follow from, and the alarms on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.changelog import MANDATORY
from filterd.model.order import ENDED, OrderState, OrderStep, StepKind
from filterd.model.order_alarm import AlarmDelivery, AlarmKey
from filterd.model.order_facts import OrderFacts
from filterd.store.alarm_tables import order_alarm, order_alarm_delivery
from filterd.store.tables import change, order_step, orders

_CHUNK = 200
"""alarms in one statement"""
_FACTS = tuple(
    orders.c[name]
    for name in (
        *("number", "reference", "state", "authority", "ground", "confidential"),
        *("received_at", "added_at", "accepted_at", "withdrawn_at"),
        *("enforce_by", "report_by", "review_at", "not_after"),
    )
)
_OPEN = tuple(each.value for each in OrderState if each not in ENDED)


async def order_facts(
    connection: AsyncConnection, lifted_since: float, *, ended: bool = False
) -> list[OrderFacts]:
    """The orders that may have something due: those that nobody ended, and those that an authority lifted
    since then (Unix seconds). With ``ended`` also those that ended since then in another way."""
    lifted = and_(orders.c.state == OrderState.LIFTED.value, orders.c.withdrawn_at >= lifted_since)
    withdrawn = and_(orders.c.state == OrderState.WITHDRAWN.value, orders.c.withdrawn_at >= lifted_since)
    expired = and_(orders.c.state == OrderState.EXPIRED.value, orders.c.not_after >= lifted_since)
    lately = (lifted, withdrawn, expired) if ended else (lifted,)
    return await _found(connection, or_(orders.c.state.in_(_OPEN), *lately))


async def facts_of(connection: AsyncConnection, number: int) -> list[OrderFacts]:
    """The facts of one order, however it stands; empty: there is none with this number."""
    return await _found(connection, orders.c.number == number)


async def emergency_facts(connection: AsyncConnection) -> list[OrderFacts]:
    """The orders that one person ended in an emergency."""
    ended = select(order_step.c.order_number).where(order_step.c.kind == StepKind.EMERGENCY.value)
    return await _found(connection, orders.c.number.in_(ended))


async def _found(connection: AsyncConnection, wanted: ColumnElement[bool]) -> list[OrderFacts]:
    steps = await _steps(connection, wanted)
    found = await connection.execute(select(*_FACTS).where(wanted).order_by(orders.c.number))
    return [
        OrderFacts(
            number=row.number,
            reference=row.reference,
            state=OrderState(row.state),
            authority=row.authority,
            ground=row.ground,
            received_at=row.received_at,
            added_at=row.added_at,
            accepted_at=row.accepted_at,
            ended_at=row.withdrawn_at,
            enforce_by=row.enforce_by,
            report_by=row.report_by,
            review_at=row.review_at,
            not_after=row.not_after,
            confidential=bool(row.confidential),
            steps=tuple(steps.get(row.number, ())),
        )
        for row in found
    ]


async def _steps(connection: AsyncConnection, wanted: ColumnElement[bool]) -> dict[int, list[OrderStep]]:
    query = select(order_step).join(orders, orders.c.number == order_step.c.order_number).where(wanted)
    found: dict[int, list[OrderStep]] = {}
    for row in await connection.execute(query.order_by(order_step.c.order_number, order_step.c.number)):
        values: dict[str, Any] = dict(row._mapping)
        number = values.pop("order_number")
        found.setdefault(number, []).append(OrderStep(**{**values, "kind": StepKind(values["kind"])}))
    return found


async def first_change_after(connection: AsyncConnection, revision: int) -> float | None:
    """When the first change of orders after a revision was made, Unix seconds; None: there is none."""
    query = select(func.min(change.c.at)).where(change.c.stream == MANDATORY, change.c.revision > revision)
    found: float | None = (await connection.execute(query)).scalar_one()
    return found


async def raised(connection: AsyncConnection) -> dict[AlarmKey, float]:
    """The alarms that were raised, and when."""
    rows = await connection.execute(select(order_alarm))
    return {_key(row): row.raised_at for row in rows}


async def add(
    connection: AsyncConnection, keys: Iterable[AlarmKey], told: Sequence[tuple[AlarmKey, str]], now: float
) -> None:
    """Note alarms as raised, and those that channels are to be told of."""
    rows = [{**_columns(key), "raised_at": now} for key in keys]
    if rows:
        await connection.execute(insert(order_alarm), rows)
    fresh = {"failed": False, "attempts": 0, "next_at": now, "trouble": "", "raised_at": now}
    ways = [{**_columns(key), "channel": channel, **fresh} for key, channel in told]
    if ways:
        await connection.execute(insert(order_alarm_delivery), ways)


async def forget(connection: AsyncConnection, keys: Sequence[AlarmKey]) -> None:
    """Delete alarms with what was to be told of them."""
    for table in (order_alarm, order_alarm_delivery):
        for some in _chunks(keys):
            await connection.execute(delete(table).where(_among(table, some)))


async def deliveries(connection: AsyncConnection) -> list[AlarmDelivery]:
    """All that channels have not taken yet, the soonest due first."""
    rows = await connection.execute(
        select(order_alarm_delivery).order_by(
            order_alarm_delivery.c.due_at, order_alarm_delivery.c.order_number
        )
    )
    return [
        AlarmDelivery(
            _key(row), row.channel, row.failed, row.attempts, row.next_at, row.trouble, row.raised_at
        )
        for row in rows
    ]


async def delivered(connection: AsyncConnection, channel: str, keys: Sequence[AlarmKey]) -> None:
    """A channel has taken alarms, or is not to be told of them any more."""
    table = order_alarm_delivery
    for some in _chunks(keys):
        await connection.execute(delete(table).where(table.c.channel == channel, _among(table, some)))


async def postpone(
    connection: AsyncConnection,
    channel: str,
    keys: Sequence[AlarmKey],
    *,
    next_at: float,
    trouble: str,
    failed: bool,
) -> None:
    """A channel has not taken alarms: again at ``next_at``, or never where it was given up."""
    table = order_alarm_delivery
    for some in _chunks(keys):
        await connection.execute(
            update(table)
            .where(table.c.channel == channel, _among(table, some))
            .values(attempts=table.c.attempts + 1, next_at=next_at, trouble=trouble[:200], failed=failed)
        )


def _chunks(keys: Sequence[AlarmKey]) -> Iterable[Sequence[AlarmKey]]:
    return (keys[at : at + _CHUNK] for at in range(0, len(keys), _CHUNK))


def _among(table: Any, keys: Sequence[AlarmKey]) -> ColumnElement[bool]:
    columns = tuple_(table.c.order_number, table.c.kind, table.c.due_at, table.c.lead)
    return columns.in_([(key.order, key.kind, key.due_at, key.lead) for key in keys])


def _columns(key: AlarmKey) -> dict[str, object]:
    return {"order_number": key.order, "kind": key.kind, "due_at": key.due_at, "lead": key.lead}


def _key(row: Any) -> AlarmKey:
    return AlarmKey(row.due_at, row.order_number, row.kind, row.lead)

"""Statements about orders, their demands, and their approvals.

Whoever changes a row audits its new digest in the same write (``model.order_rows``): otherwise every reader
holds the order for damaged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model import order_rows, order_sql
from filterd.model.mandatory import order_id
from filterd.model.order import ENDED, Demand, Order, OrderState, OrderStep, StepKind
from filterd.model.order_rows import Execute, OrderRows
from filterd.model.order_times import EffectKind
from filterd.model.sealed_entries import SealedEntries
from filterd.store.order_time_tables import order_effect
from filterd.store.tables import (
    audit,
    head,
    lost_order,
    order_address,
    order_approval,
    order_name,
    order_step,
    orders,
    sealed_order,
)

_LARGEST = 2**63 - 1
"""of the numbers that the store can hold"""
FEW_ROWS = 200
"""of orders and their entries, of which orders are made without a thread: in about 2 ms"""
PAGE = 500
"""orders that are read at a time"""
MOST_LOOKED_FOR = 5_000
"""numbers without a row that are looked for one by one in the trail; of more its index is read"""


async def add(connection: AsyncConnection, order: Order) -> None:
    """Add an order with its demand and approvals. ValueError for a confidential one that is not sealed."""
    demand = order.demand
    _require_sealed(demand)
    await connection.execute(
        insert(orders).values(
            number=order.number,
            reference=order.reference,
            state=order.state.value,
            authority=demand.authority,
            official=demand.official,
            document=demand.document,
            document_digest=demand.document_digest,
            ground=demand.ground,
            reason=order.reason,
            mode=int(demand.mode),
            not_before=demand.not_before,
            not_after=demand.not_after,
            review_at=demand.review_at,
            confidential=demand.confidential,
            overblocking_accepted=demand.overblocking_accepted,
            received_at=demand.received_at,
            added_by=order.added_by,
            added_at=order.added_at,
            accepted_at=order.accepted_at,
            withdrawn_by=order.withdrawn_by,
            withdrawn_at=order.withdrawn_at,
            withdrawal_reason=order.withdrawal_reason,
            seal=order.seal,
            law=demand.law,
            proportionality=demand.proportionality,
            protection_overridden=demand.protection_overridden,
            enforce_by=demand.enforce_by,
            report_by=demand.report_by,
        )
    )
    for each in order.steps:
        await add_step(connection, order.number, each)
    await _add_entries(connection, order.number, demand)
    for actor in order.approvals:
        await approve(connection, order.number, actor, order.added_at)


def _require_sealed(demand: Demand) -> None:
    if demand.confidential and demand.sealed is None:
        message = "the entries of a confidential order are stored sealed alone"
        raise ValueError(message)


async def _add_entries(connection: AsyncConnection, number: int, demand: Demand) -> None:
    if demand.sealed is not None:
        await put_sealed(connection, number, demand.sealed)
        return
    names = [{"order_number": number, "name": n, "scope": int(s)} for n, s in demand.names]
    await _add_rows(connection, order_name, names)
    addresses = [{"order_number": number, "prefix": p} for p in demand.addresses]
    await _add_rows(connection, order_address, addresses)


async def _add_rows(connection: AsyncConnection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(table), rows)


async def put_sealed(connection: AsyncConnection, number: int, sealed: SealedEntries) -> None:
    """Store the entries of an order sealed, in the place of what it had, be that clear or sealed."""
    for table in (order_name, order_address, sealed_order):
        await connection.execute(delete(table).where(table.c.order_number == number))
    await connection.execute(
        insert(sealed_order).values(
            order_number=number,
            key_id=sealed.key_id,
            sealed=sealed.text,
            entries=sealed.count,
            fingerprints=json.dumps(sealed.fingerprints.fields(), separators=(",", ":")),
        )
    )


async def add_step(connection: AsyncConnection, number: int, step: OrderStep) -> None:
    """Add a step to an order's life."""
    await connection.execute(insert(order_step).values(order_number=number, **step_values(step)))


def step_values(step: OrderStep) -> dict[str, Any]:
    """The columns of a step."""
    return {**asdict(step), "kind": step.kind.value}


async def approve(connection: AsyncConnection, number: int, actor: str, at: float) -> None:
    """Add a person's approval of an order; nobody may approve twice."""
    await connection.execute(insert(order_approval).values(order_number=number, actor=actor, at=at))


async def set_state(connection: AsyncConnection, order: Order) -> None:
    """Update the decisions on an order: state, acceptance, withdrawal. The demand never changes, but that an
    approval may add why its reach is bearable."""
    await connection.execute(
        update(orders)
        .where(orders.c.number == order.number)
        .values(
            state=order.state.value,
            accepted_at=order.accepted_at,
            withdrawn_by=order.withdrawn_by,
            withdrawn_at=order.withdrawn_at,
            withdrawal_reason=order.withdrawal_reason,
            proportionality=order.demand.proportionality,
        )
    )


async def find(connection: AsyncConnection, reference: str) -> Order | None:
    """The whole order with this reference; None: there is none, and none is on record."""
    found = await connection.execute(select(orders.c.number).where(orders.c.reference == reference))
    number = found.scalar_one_or_none() or order_rows.number_of(reference)
    if number > _LARGEST:
        return None
    rows = await _read(connection, (number,))
    return next((order for order in rows.orders if order.reference == reference), None)


async def overtaken(connection: AsyncConnection, now: int) -> list[str]:
    """The references of orders by number whose term, or whose newest suspension, the clock has ended since
    somebody last decided on them. Their rows may be damaged."""
    decided = (OrderState.ACCEPTED.value, OrderState.SUSPENDED.value)
    over = orders.c.state.in_(decided) & (orders.c.not_after > 0) & (orders.c.not_after <= now)
    newest = (
        select(order_step.c.until)
        .where(
            (order_step.c.order_number == orders.c.number) & (order_step.c.kind == StepKind.SUSPENDED.value)
        )
        .order_by(order_step.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    resumed = (orders.c.state == OrderState.SUSPENDED.value) & (newest <= now)
    found = await connection.execute(
        select(orders.c.reference).where(over | resumed).order_by(orders.c.number)
    )
    return list(found.scalars())


async def noted_ahead(connection: AsyncConnection, now: int) -> list[str]:
    """The references of orders by number that were noted as expired, or as resumed by their times, and whose
    term or suspension ends only after ``now``: the clock was ahead. Their rows may be damaged."""
    expired = (orders.c.state == OrderState.EXPIRED.value) & (orders.c.not_after > now)
    resumed = StepKind.RESUMED.value
    some = select(order_step.c.order_number).where(order_step.c.kind == resumed, order_step.c.until > now)
    newest = (
        select(order_step.c.until)
        .where(order_step.c.order_number == orders.c.number)
        .where(order_step.c.kind.in_((StepKind.SUSPENDED.value, resumed)))
        .order_by(order_step.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    accepted = orders.c.state == OrderState.ACCEPTED.value
    suspended = accepted & orders.c.number.in_(some) & (newest > now)
    found = await connection.execute(
        select(orders.c.reference).where(expired | suspended).order_by(orders.c.number)
    )
    return list(found.scalars())


async def unreviewed(connection: AsyncConnection) -> list[float]:
    """The moments of the emergency ends that nobody has looked at."""
    kinds = (StepKind.EMERGENCY.value, StepKind.REVIEWED.value)
    columns = (order_step.c.order_number, order_step.c.kind, order_step.c.at)
    query = select(*columns).where(order_step.c.kind.in_(kinds)).order_by(order_step.c.number)
    newest = {number: (kind, at) for number, kind, at in await connection.execute(query)}
    return [at for kind, at in newest.values() if kind == StepKind.EMERGENCY.value]


async def overriding(connection: AsyncConnection, person_of: Callable[[str], str]) -> list[int]:
    """The mandatory ids of the orders that override protection, in force or suspended, in their order: those
    behind which two people stand. ``person_of`` tells whose an account is.

    One whose end control noted is among them until every node told that it ended the order: the clock by
    which control did may be ahead, and nodes go by the times that they hold.
    """
    states = (OrderState.ACCEPTED.value, OrderState.SUSPENDED.value)
    held = exists().where(
        order_effect.c.order_number == orders.c.number,
        order_effect.c.kind == EffectKind.LIFT.value,
        order_effect.c.due_at >= orders.c.not_after,
        order_effect.c.everywhere_at == 0,
    )
    noted = (orders.c.state == OrderState.EXPIRED.value) & held
    query = (
        select(orders.c.number, order_approval.c.actor)
        .join(order_approval, order_approval.c.order_number == orders.c.number)
        .where(orders.c.protection_overridden & (orders.c.state.in_(states) | noted))
    )
    behind: dict[int, set[str]] = {}
    for number, account in await connection.execute(query):
        behind.setdefault(number, set()).add(person_of(account))
    return sorted(order_id(number) for number, people in behind.items() if len(people) > 1)


async def overriding_of(connection: AsyncConnection, numbers: Iterable[int]) -> set[int]:
    """The numbers among these of the orders that shall hold for protected names too."""
    every = sorted(set(numbers))
    found: set[int] = set()
    for start in range(0, len(every), 500):
        query = select(orders.c.number).where(orders.c.number.in_(every[start : start + 500]))
        found.update((await connection.execute(query.where(orders.c.protection_overridden))).scalars())
    return found


async def all_orders(connection: AsyncConnection) -> OrderRows:
    """Every order, whole; also those on record whose rows are gone."""
    return await _read(connection)


async def _read(connection: AsyncConnection, numbers: Sequence[int] = ()) -> OrderRows:
    """The orders with these numbers, or all. Those of many rows are made on a thread: thousands take tenths
    of a second."""
    rows = await connection.run_sync(lambda sync: order_rows.read_rows(_execute(sync), numbers))
    if rows.size <= FEW_ROWS:
        return order_rows.orders_of(rows)
    return await asyncio.to_thread(order_rows.orders_of, rows)


async def list_orders(connection: AsyncConnection, state: OrderState | None = None) -> list[Order]:
    """The orders by number, without their names and addresses (``entries`` counts those).

    A damaged one is among those of every state: nobody knows which it has.
    """
    rows = await all_orders(connection)
    return [_without_entries(order) for order in rows.orders if _is_in(order, state)]


async def page(
    connection: AsyncConnection, *, after: int = 0, limit: int = PAGE, state: OrderState | None = None
) -> tuple[list[Order], int]:
    """The orders behind a number, as :func:`list_orders` gives them, and the number to go on behind; 0: these
    are the last ones. It reads ``limit`` orders at most, and gives those of them that are in the state."""
    present = select(orders.c.number).where(orders.c.number > after).order_by(orders.c.number)
    numbers = list((await connection.execute(present.limit(limit + 1))).scalars())
    end = numbers[-1] if len(numbers) > limit else max([await _last_given(connection), *numbers])
    numbers = sorted([*numbers, *await _without_row(connection, after, end, numbers)])
    return await _read_page(connection, numbers[:limit], state), numbers[limit - 1] if numbers[limit:] else 0


async def newest(connection: AsyncConnection, limit: int) -> list[Order]:
    """The last orders by number, the newest last, as :func:`list_orders` gives them."""
    present = select(orders.c.number).order_by(orders.c.number.desc()).limit(limit)
    numbers = list((await connection.execute(present)).scalars())
    start = numbers[-1] if len(numbers) == limit else 1
    end = max([await _last_given(connection), *numbers])
    numbers = sorted([*numbers, *await _without_row(connection, start - 1, end, numbers)])
    return await _read_page(connection, numbers[-limit:], None)


async def _last_given(connection: AsyncConnection) -> int:
    """The last number that an order was given."""
    found: int = (await connection.execute(select(head.c.next_order))).scalar_one()
    return found - 1


async def _without_row(
    connection: AsyncConnection, after: int, end: int, present: Iterable[int]
) -> list[int]:
    """The numbers behind ``after`` and up to ``end`` of orders that were decided on and have no row.

    Numbers are given one after the other, so there is little to look for but behind a restore.
    """
    known = set(present)
    if end - after - len(known) <= MOST_LOOKED_FOR:
        missing = [number for number in range(after + 1, end + 1) if number not in known]
        wanted = [
            [f"order:O-{number}" for number in missing[at : at + PAGE]] for at in range(0, len(missing), PAGE)
        ]
        conditions = [audit.c.subject.in_(subjects) for subjects in wanted]
    else:
        conditions = [audit.c.subject.between(*order_sql.EVERY_SUBJECT)]
    found: set[int] = set()
    for condition in conditions:
        query = select(audit.c.subject).where(condition & audit.c.action.in_(order_sql.DECISIONS)).distinct()
        subjects = (await connection.execute(query)).scalars()
        found.update(order_rows.number_of(each.removeprefix("order:")) for each in subjects)
    return [number for number in found if after < number <= end and number not in known]


async def _read_page(
    connection: AsyncConnection, numbers: Sequence[int], state: OrderState | None
) -> list[Order]:
    if not numbers:
        return []
    rows = await _read(connection, numbers)
    return [_without_entries(order) for order in rows.orders if _is_in(order, state)]


def _without_entries(order: Order) -> Order:
    return replace(order, demand=replace(order.demand, names=(), addresses=(), sealed=None), seal="")


def _is_in(order: Order, state: OrderState | None) -> bool:
    return state is None or order.state is state or bool(order.damage)


@dataclass(frozen=True, slots=True)
class Shared:
    """An order that waits or is in force, and how many entries of another one it has."""

    reference: str
    state: str
    document: str
    entries: int


async def sharing(connection: AsyncConnection, order: Order, now: int) -> list[Shared]:
    """The other orders, not withdrawn and not at their end, that have entries of ``order``, which has them
    open; those with most of them first. Scopes are not compared; nor is another confidential order, of which
    anybody could find out by an order of their own whether a name is in it."""
    counts: dict[int, int] = {}
    names = {name for name, _ in order.demand.names}
    for table, entry, own in ((order_name, "name", names), (order_address, "prefix", order.demand.addresses)):
        query = (
            select(table.c.order_number, func.count(table.c[entry].distinct()))
            .where(table.c[entry].in_(own) & (table.c.order_number != order.number))
            .group_by(table.c.order_number)
        )
        for other, count in await connection.execute(query):
            counts[other] = counts.get(other, 0) + count
    query = (
        select(orders.c.number, orders.c.reference, orders.c.state, orders.c.document)
        .where(orders.c.number.in_(counts) & orders.c.state.not_in([each.value for each in ENDED]))
        .where((orders.c.not_after == 0) | (orders.c.not_after > now))
    )
    found = [
        Shared(reference, state, document, counts[other])
        for other, reference, state, document in await connection.execute(query)
    ]
    return sorted(found, key=lambda each: (-each.entries, each.reference))


async def remove(connection: AsyncConnection, number: int, reference: str) -> None:
    """Delete every row of an order: they are damaged, and nothing can be read from them."""
    for table in (order_name, order_address, sealed_order, order_approval, order_step):
        await connection.execute(delete(table).where(table.c.order_number == number))
    await connection.execute(
        delete(orders).where((orders.c.number == number) | (orders.c.reference == reference))
    )


async def seal(connection: AsyncConnection, order: Order) -> None:
    """Set the seal of an order that has none yet."""
    await connection.execute(update(orders).where(orders.c.number == order.number).values(seal=order.seal))


async def count(connection: AsyncConnection) -> dict[str, int]:
    """The number of orders in each state."""
    found = await connection.execute(select(orders.c.state, func.count()).group_by(orders.c.state))
    counts = dict.fromkeys((state.value for state in OrderState), 0)
    for state, number in found:
        counts[state] = number
    return counts


def _execute(connection: Connection) -> Execute:
    """The statements of ``model.order_rows``, carried out on the store's connection."""

    def execute(sql: str, parameters: tuple[int | str, ...] = (), /) -> Iterable[tuple[Any, ...]]:
        return (tuple(row) for row in connection.exec_driver_sql(sql, parameters))

    return execute


async def add_lost(connection: AsyncConnection, number: int, reference: str, at: float) -> bool:
    """Note the end of an order that this store does not have. False where that was noted before."""
    known = select(lost_order.c.number).where(lost_order.c.number == number)
    if (await connection.execute(known)).first() is not None:
        return False
    await connection.execute(insert(lost_order).values(number=number, reference=reference, ended_at=at))
    return True


async def unknown(connection: AsyncConnection, references: set[str]) -> set[str]:
    """Those of the references that neither the store has nor somebody ended as lost."""
    if not references:
        return set()
    known = select(orders.c.reference).where(orders.c.reference.in_(references))
    ended = select(lost_order.c.reference).where(lost_order.c.reference.in_(references))
    return references - {row.reference for row in await connection.execute(known.union(ended))}

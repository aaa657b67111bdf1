"""Statements about registers: adoptions, the documents taken in, their items and answers."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import OFF_NODES
from filterd.model.register import (
    ItemAct,
    ItemAnswer,
    ItemReason,
    RegisterAdoption,
    RegisterItem,
    RegisterPull,
    RegisterRun,
    RunOrigin,
    RunState,
)
from filterd.store.register_tables import register_adoption, register_item, register_pull, register_run
from filterd.store.tables import order_address, order_name, orders, sealed_order

_CHUNK = 500
"""rows in one statement"""


async def adoption(connection: AsyncConnection, register: str) -> RegisterAdoption | None:
    """The adoption of a register, be it asked for or decided."""
    query = select(register_adoption).where(register_adoption.c.register == register)
    row = (await connection.execute(query)).first()
    return None if row is None else RegisterAdoption(**row._mapping)


async def put_adoption(connection: AsyncConnection, adopted: RegisterAdoption) -> None:
    """Put an adoption in the place of the one before."""
    await connection.execute(
        delete(register_adoption).where(register_adoption.c.register == adopted.register)
    )
    await connection.execute(insert(register_adoption).values(**asdict(adopted)))


async def next_number(connection: AsyncConnection) -> int:
    """The number of the next run."""
    newest = (await connection.execute(select(func.max(register_run.c.number)))).scalar()
    return int(newest or 0) + 1


async def add(connection: AsyncConnection, run: RegisterRun, items: Sequence[RegisterItem]) -> None:
    """Add a run with its items."""
    await connection.execute(insert(register_run).values(**_run_values(run)))
    await add_items(connection, run.number, items)


async def add_items(connection: AsyncConnection, run: int, items: Sequence[RegisterItem]) -> None:
    """Add items to a run."""
    values = [_item_values(run, each) for each in items]
    for start in range(0, len(values), _CHUNK):
        await connection.execute(insert(register_item), values[start : start + _CHUNK])


async def put(connection: AsyncConnection, run: RegisterRun) -> None:
    """Change the row of a run."""
    await connection.execute(
        update(register_run).where(register_run.c.number == run.number).values(**_run_values(run))
    )


async def put_delivery(connection: AsyncConnection, run: RegisterRun, before: RegisterRun) -> None:
    """Change how the delivery of a run's answers stands, and nothing else of its row: what it became may have
    changed since ``before`` was read. Answers that were made due anew meanwhile stay so."""
    same = register_run.c.next_at == before.next_at
    values = {
        "attempts": run.attempts,
        "next_at": case((same, run.next_at), else_=register_run.c.next_at),
        "trouble": run.trouble,
        "delivered_at": run.delivered_at,
    }
    query = update(register_run).where(register_run.c.number == run.number)
    if not run.delivered_at:  # another process may have delivered them meanwhile
        query = query.where(register_run.c.delivered_at == before.delivered_at)
    await connection.execute(query.values(values))


async def put_items(connection: AsyncConnection, run: int, items: Iterable[RegisterItem]) -> None:
    """Change the rows of these items of a run."""
    values = list(items)
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK]
        numbers = [each.number for each in chunk]
        await connection.execute(
            delete(register_item).where(register_item.c.run == run, register_item.c.number.in_(numbers))
        )
        await connection.execute(insert(register_item), [_item_values(run, each) for each in chunk])


async def find(connection: AsyncConnection, register: str, document: str) -> RegisterRun | None:
    """The run of a document."""
    query = select(register_run).where(
        register_run.c.register == register, register_run.c.document == document
    )
    row = (await connection.execute(query)).first()
    return None if row is None else _run(row)


async def with_digest(connection: AsyncConnection, register: str, digest: str) -> RegisterRun | None:
    """The newest run of a document of these very bytes."""
    query = (
        select(register_run)
        .where(register_run.c.digest == digest, register_run.c.register == register)
        .order_by(register_run.c.number.desc())
    )
    row = (await connection.execute(query.limit(1))).first()
    return None if row is None else _run(row)


async def numbered(connection: AsyncConnection, number: int) -> RegisterRun | None:
    """The run with this number."""
    row = (await connection.execute(select(register_run).where(register_run.c.number == number))).first()
    return None if row is None else _run(row)


async def runs(
    connection: AsyncConnection, register: str = "", *, before: int = 0, limit: int = 100
) -> list[RegisterRun]:
    """The newest runs, of one register or of all; ``before``: those with a smaller number."""
    query = select(register_run).order_by(register_run.c.number.desc()).limit(limit)
    if register:
        query = query.where(register_run.c.register == register)
    if before:
        query = query.where(register_run.c.number < before)
    return [_run(row) for row in await connection.execute(query)]


async def open_runs(connection: AsyncConnection) -> list[RegisterRun]:
    """The runs that are held, or whose answers are not all there or not delivered."""
    waiting = (register_run.c.state == RunState.HELD.value) | (register_run.c.answered_at == 0)
    query = select(register_run).where(waiting | (register_run.c.next_at > 0)).order_by(register_run.c.number)
    return [_run(row) for row in await connection.execute(query)]


async def items(
    connection: AsyncConnection, run: int, *, after: int = 0, limit: int = 1_000_000
) -> list[RegisterItem]:
    """The items of a run by number, behind ``after``."""
    query = (
        select(register_item)
        .where(register_item.c.run == run, register_item.c.number > after)
        .order_by(register_item.c.number)
        .limit(limit)
    )
    return [_item(row) for row in await connection.execute(query)]


async def refused(connection: AsyncConnection, register: str, reason: ItemReason) -> set[str]:
    """The entries whose block was ever refused to a register for this reason."""
    of_it = select(register_run.c.number).where(register_run.c.register == register)
    query = (
        select(register_item.c.value)
        .where(register_item.c.run.in_(of_it), register_item.c.reason == reason.value)
        .where(register_item.c.act == ItemAct.BLOCK.value)
        .distinct()
    )
    return set((await connection.execute(query)).scalars())


@dataclass(frozen=True, slots=True)
class OpenDeadline:
    """A deadline of entries that are not in force yet, or not lifted. Times are Unix seconds."""

    register: str
    run: int
    received_at: float
    act: ItemAct
    due_at: float


async def open_deadlines(connection: AsyncConnection) -> list[OpenDeadline]:
    """The deadlines of items that have no answer yet, each once for its run and act."""
    query = (
        select(
            register_run.c.register,
            register_run.c.number,
            register_run.c.received_at,
            register_item.c.act,
            register_item.c.due_at,
        )
        .join(register_item, register_item.c.run == register_run.c.number)
        .where(register_run.c.answered_at == 0)
        .where(register_item.c.answer == "", register_item.c.due_at > 0)
        .distinct()
    )
    return [
        OpenDeadline(row.register, row.number, row.received_at, ItemAct(row.act), row.due_at)
        for row in await connection.execute(query)
    ]


async def open_blocks(connection: AsyncConnection) -> dict[str, set[str]]:
    """The entries whose block has no answer yet, by register: those of lists that are being put in force."""
    query = (
        select(register_run.c.register, register_item.c.value)
        .join(register_item, register_item.c.run == register_run.c.number)
        .where(register_run.c.answered_at == 0)
        .where(register_item.c.answer == "", register_item.c.act == ItemAct.BLOCK.value)
    )
    found: dict[str, set[str]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.register, set()).add(row.value)
    return found


async def with_refusals(
    connection: AsyncConnection, register: str, reasons: Iterable[ItemReason]
) -> list[RegisterRun]:
    """The runs with blocks that were refused to a register for one of these reasons, oldest first."""
    chosen = register_item.c.reason.in_([each.value for each in reasons])
    refused_in = select(register_item.c.run).where(chosen, register_item.c.act == ItemAct.BLOCK.value)
    query = (
        select(register_run)
        .where(register_run.c.register == register, register_run.c.number.in_(refused_in))
        .order_by(register_run.c.number)
    )
    return [_run(row) for row in await connection.execute(query)]


async def unblocked_since(connection: AsyncConnection, register: str, run: int) -> set[str]:
    """The entries that runs of a register after this one unblocked; those of a confidential one are empty."""
    later = select(register_run.c.number).where(
        register_run.c.register == register, register_run.c.number > run
    )
    query = select(register_item.c.value).where(
        register_item.c.run.in_(later),
        register_item.c.act == ItemAct.UNBLOCK.value,
        register_item.c.answer == ItemAnswer.PROCESSED.value,
    )
    return set((await connection.execute(query.distinct())).scalars())


async def taken_up(connection: AsyncConnection, first: RegisterRun) -> list[RegisterRun]:
    """The runs that took up what a document was refused, oldest first."""
    query = (
        select(register_run)
        .where(
            register_run.c.register == first.register,
            register_run.c.digest == first.digest,
            register_run.c.number > first.number,
        )
        .order_by(register_run.c.number)
    )
    found = [_run(row) for row in await connection.execute(query)]
    return [each for each in found if each.again and each.given == first.document]


async def answers_now(connection: AsyncConnection, first: RegisterRun) -> list[RegisterItem]:
    """The items of a document with their newest answers."""
    found = {each.number: each for each in await items(connection, first.number)}
    for run in await taken_up(connection, first):
        found.update({each.number: each for each in await items(connection, run.number)})
    return [found[number] for number in sorted(found)]


async def counts(connection: AsyncConnection, run: int) -> dict[tuple[str, str], int]:
    """The number of items of a run by answer and reason; empty text for none."""
    query = (
        select(register_item.c.answer, register_item.c.reason, func.count())
        .where(register_item.c.run == run)
        .group_by(register_item.c.answer, register_item.c.reason)
    )
    return {(answer, reason): count for answer, reason, count in await connection.execute(query)}


async def answers_between(
    connection: AsyncConnection, begins: float, ends: float
) -> list[tuple[RegisterRun, RegisterItem]]:
    """The items of runs that came in from ``begins`` on and before ``ends``, with their runs, in order."""
    chosen = (register_run.c.received_at >= begins) & (register_run.c.received_at < ends)
    query = select(register_run).where(chosen).order_by(register_run.c.number)
    found = [_run(row) for row in await connection.execute(query)]
    return [(run, item) for run in found for item in await items(connection, run.number)]


async def orders_with(connection: AsyncConnection, register: str, entries: Collection[str]) -> list[int]:
    """The numbers of the orders that a register's documents are now, oldest first, which have any of these
    entries and which nobody ended. Those whose entries are sealed are all among them."""
    wanted = select(func.json_each(json.dumps(list(entries))).table_valued("value").c.value)
    named = order_name.c.name.in_(wanted)
    numbered = order_address.c.prefix.in_(wanted)
    number = orders.c.number
    has_any = (
        select(1).where(order_name.c.order_number == number, named).exists()
        | select(1).where(order_address.c.order_number == number, numbered).exists()
        | select(1).where(sealed_order.c.order_number == number).exists()
    )
    query = (
        select(number)
        .distinct()
        .join(register_run, register_run.c.order_number == number)
        .where(register_run.c.register == register, has_any)
        .where(orders.c.state.not_in([each.value for each in OFF_NODES]))
        .order_by(number)
    )
    return list((await connection.execute(query)).scalars())


async def registers_of(connection: AsyncConnection, orders: Iterable[int]) -> list[str]:
    """The registers whose documents are these orders now, by id."""
    chosen = register_run.c.order_number.in_(list(orders))
    query = select(register_run.c.register).where(chosen).distinct().order_by(register_run.c.register)
    return list((await connection.execute(query)).scalars())


async def first_orders(connection: AsyncConnection) -> dict[int, str]:
    """The number of the order that each document became at first, with its register."""
    query = select(register_run.c.first_order, register_run.c.register).where(register_run.c.first_order > 0)
    return {row.first_order: row.register for row in await connection.execute(query)}


async def continue_order(connection: AsyncConnection, register: str, before: int, after: int) -> None:
    """Note that an order of a register goes on as another one; what its document became at first stays."""
    chosen = (register_run.c.register == register) & (register_run.c.order_number == before)
    await connection.execute(update(register_run).where(chosen).values(order_number=after))


async def pulls(connection: AsyncConnection) -> dict[str, RegisterPull]:
    """The state of each register's pulls."""
    rows = await connection.execute(select(register_pull))
    return {row.register: RegisterPull(**row._mapping) for row in rows}


async def put_pull(connection: AsyncConnection, pull: RegisterPull) -> None:
    """Put the state of a register's pulls in the place of the one before."""
    await connection.execute(delete(register_pull).where(register_pull.c.register == pull.register))
    await connection.execute(insert(register_pull).values(**asdict(pull)))


def _run_values(run: RegisterRun) -> dict[str, Any]:
    values = asdict(run)
    values["order_number"] = values.pop("order")
    return {**values, "origin": run.origin.value, "state": run.state.value}


def _item_values(run: int, item: RegisterItem) -> dict[str, Any]:
    answer = "" if item.answer is None else item.answer.value
    reason = "" if item.reason is None else item.reason.value
    values = asdict(item)
    values["row_at"] = values.pop("line")
    return {**values, "run": run, "act": item.act.value, "answer": answer, "reason": reason}


def _run(row: Any) -> RegisterRun:
    values = dict(row._mapping)
    order = values.pop("order_number")
    values["origin"], values["state"] = RunOrigin(row.origin), RunState(row.state)
    return RegisterRun(order=order, **values)


def _item(row: Any) -> RegisterItem:
    values = dict(row._mapping)
    del values["run"]
    values["line"] = values.pop("row_at")  # of its document: nobody's line
    values["act"] = ItemAct(row.act)
    values["answer"] = ItemAnswer(row.answer) if row.answer else None
    values["reason"] = ItemReason(row.reason) if row.reason else None
    return RegisterItem(**values)

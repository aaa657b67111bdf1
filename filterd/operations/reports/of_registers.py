"""Reads the rows of a record that registers and platforms fill, as they were at its moment."""

from __future__ import annotations

from dataclasses import replace

from filterd.model.report_record import AnswerRow
from filterd.operations.context import Context
from filterd.operations.registers import recording
from filterd.store import registers


async def answers(context: Context, begins_at: float, now: float) -> tuple[AnswerRow, ...]:
    """The answers to the items that came in within the range; one that was not answered yet has none."""
    async with context.store.read() as connection:
        found = await recording.answers(connection, context.settings, begins_at, now)
    return tuple(_as_of(each, now) for each in found)


def _as_of(row: AnswerRow, now: float) -> AnswerRow:
    return row if row.answered_at < now else replace(row, answered_at=0.0, answer="", reason="")


async def sources(context: Context) -> dict[str, str]:
    """The reference of each order that a register's document became at first, with the register."""
    async with context.store.read() as connection:
        found = await registers.first_orders(connection)
    return {f"O-{number}": register for number, register in found.items()}

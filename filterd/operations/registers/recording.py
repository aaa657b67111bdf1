"""The rows of the report record (``model.report_record``) that registers fill.

For the report's reader: call both within one read of the store::

    async with context.store.read() as connection:
        answers = await recording.answers(connection, context.settings, begins, ends)
    capacity = await recording.capacity_rows(context)

``answers`` has a row for each item of a document that came in from ``begins`` on and before ``ends`` (Unix
seconds), in order of arrival; an item that has no answer yet has ``answered_at`` 0 and an empty ``answer``.
No row has a name. ``capacity_rows`` tells how it stands now.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.settings import Settings
from filterd.model.report_record import AnswerRow, CapacityRow
from filterd.operations.context import Context
from filterd.operations.registers.capacity import capacity
from filterd.store import registers as rows


async def answers(
    connection: AsyncConnection, settings: Settings, begins: float, ends: float
) -> tuple[AnswerRow, ...]:
    """The answers to the items that came in within the range. A register that the settings do not have any
    more has no authority."""
    authorities = {each.id: each.authority for each in settings.registers}
    return tuple(
        AnswerRow(
            source=run.register,
            authority=authorities.get(run.register, ""),
            document=run.document,
            item=item.number,
            received_at=run.received_at,
            answered_at=item.answered_at,
            due_at=run.due_at,
            answer="" if item.answer is None else item.answer.value,
            reason="" if item.reason is None else item.reason.value,
        )
        for run, item in await rows.answers_between(connection, begins, ends)
    )


async def capacity_rows(context: Context) -> tuple[CapacityRow, ...]:
    """The room of each authority, and what is used of it."""
    return tuple(
        CapacityRow(each.authority, each.kind, each.declared, each.used) for each in await capacity(context)
    )

"""Registers of authorities: what is not adopted, not pulled, held, not answered, and rooms that fill."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from filterd.operations.context import OperationError
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.registers import showing
from filterd.operations.registers.showing import RegisterStatus
from filterd.store.errors import StoreError


def check(case: Case) -> Iterator[Finding]:
    """Look at each register. What keeps the store from being read, ``store`` says."""
    if not case.settings.registers:
        return
    try:
        every = asyncio.run(_read(case))
    except (StoreError, OperationError):
        return
    rooms = {}
    for each in every:
        yield from _of(each)
        rooms.update({(use.authority, use.kind): use for use in each.capacity if use.alarms})
    for use in rooms.values():
        yield found(
            "registers.full", authority=use.authority, kind=use.kind, used=use.used, declared=use.declared
        )


def _of(status: RegisterStatus) -> Iterator[Finding]:
    id = status.register.id
    if not status.adopted:
        yield found("registers.unadopted", register=id)
    if status.pull is not None and status.pull.problem:
        yield found("registers.pull", register=id, reason=status.pull.problem)
    if status.held:
        yield found("registers.held", register=id, reason=status.held[-1].problem)
    if status.late:
        reason = status.late[0].problem or "not answered"
        yield found("registers.late", register=id, count=len(status.late), reason=reason)
    untaken = [each for each in status.undelivered if each.trouble]
    if untaken:
        yield found("registers.untaken", register=id, count=len(untaken), reason=untaken[0].trouble)


async def _read(case: Case) -> list[RegisterStatus]:
    async with reading.opened(case) as context:
        return await showing.statuses(context)

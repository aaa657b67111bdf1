"""Data that is kept beyond its term, and requests of holders that wait for longer than the law allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.errors import OperationError
from filterd.operations.privacy import arco, made_backups, retention
from filterd.store.errors import StoreError


def check(case: Case) -> Iterator[Finding]:
    """Look at what is overdue. What keeps the store from being read, ``store`` says."""
    try:
        overdue, requests, stale = asyncio.run(_read(case))
    except (StoreError, OperationError, OSError):
        return
    late = {name: count for name, count in overdue.items() if count}
    if late:
        yield found("privacy.overdue", classes=", ".join(f"{name} {count}" for name, count in late.items()))
    if requests["overdue"]:
        yield found("privacy.arco", count=requests["overdue"])
    if stale:
        yield found("privacy.backup")


async def _read(case: Case) -> tuple[dict[str, int], dict[str, int], bool]:
    async with reading.opened(case) as context:
        term = context.settings.retention.backups
        backups = made_backups.noted(context.settings.state_dir)
        stale = bool(backups) and backups[-1].made_at < context.clock() - term
        return await retention.overdue(context), await arco.count(context), stale

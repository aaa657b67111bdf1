"""The suspension of parental filtering and the exceptions that are in force."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from filterd.model.lifting import Lifting
from filterd.operations import exceptions, suspension
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.store.errors import StoreError


def check(case: Case) -> Iterator[Finding]:
    """Look at what holds now. What keeps the store from being read, ``store`` says."""
    try:
        suspended, excepted = asyncio.run(_read(case))
    except StoreError:
        return
    if suspended is not None:
        until = datetime.fromtimestamp(suspended.until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield found("liftings.suspended", until=until, who=suspended.made_by)
    if excepted:
        yield found("liftings.exceptions", count=len(excepted))


async def _read(case: Case) -> tuple[Lifting | None, tuple[Lifting, ...]]:
    async with reading.opened(case) as context:
        return await suspension.present(context), await exceptions.list_exceptions(context)

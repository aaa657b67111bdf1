"""Facts that the law asks for and nobody wrote; published pages and lists that no longer hold, and
lists that must not be public any more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from filterd.config.cautions import facts_missing
from filterd.model.page_record import PageRecord
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.errors import OperationError
from filterd.operations.publishing import standing
from filterd.operations.service_page import records
from filterd.operations.service_page.gathering import service_facts
from filterd.store.errors import StoreError


def check(case: Case) -> Iterator[Finding]:
    """Look at the facts of the service. What keeps the store from being read, ``store`` says."""
    missing = [each.path for each in facts_missing(case.settings)]
    if missing:
        yield found("published.missing", keys=", ".join(missing))
    try:
        last, facts, behind, barred = asyncio.run(_read(case))
    except (StoreError, OperationError, OSError):
        return
    if last is not None and last.facts != facts:
        yield found("published.differs", record=last.stamp.number)
    if barred:
        yield found("published.barred", lists=", ".join(barred), first=barred[0])
    if behind:
        yield found("published.lists_behind", lists=", ".join(behind), arguments=" ".join(behind))


async def _read(case: Case) -> tuple[PageRecord | None, str, list[str], list[str]]:
    async with reading.opened(case) as context:
        last = await records.last_exported(context)
        facts = "" if last is None else (await service_facts(context)).digest
        return last, facts, await standing.behind(context), await standing.barred(context)

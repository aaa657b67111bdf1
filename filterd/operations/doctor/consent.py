"""The texts that consent rests on, and the evidence that waits or that nobody approved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from filterd.operations import consent, consent_report
from filterd.operations.consent import TextState, UsedText
from filterd.operations.context import OperationError
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.store.errors import StoreError


def check(case: Case) -> Iterator[Finding]:
    """Look at the texts and the evidence. What keeps the store or the policies from being read, ``store`` and
    ``configuration`` say."""
    try:
        used, waiting, repeated = asyncio.run(_read(case))
    except (StoreError, OperationError):
        return
    newest = {each.text.id: each for each in used}
    for each in newest.values():
        if each.state is not TextState.AS_SHOWN:
            yield found("consent.text", version=each.text.id, digest=each.text.digest[:12])
    if waiting:
        yield found("consent.waiting", count=waiting)
    if repeated:
        yield found("consent.repeated", count=repeated)


async def _read(case: Case) -> tuple[tuple[UsedText, ...], int, int]:
    async with reading.opened(case) as context:
        used, waiting = await consent.used_texts(context), await consent_report.waiting(context)
        return used, waiting, (await consent_report.by_evidence(context))["repeated"]

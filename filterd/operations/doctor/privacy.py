"""Data that is kept beyond its term, and requests of holders that wait for longer than the law allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.errors import OperationError
from filterd.operations.privacy import arco, made_backups, preservation, retention
from filterd.operations.privacy.preservation import HoldsStanding, clock_time
from filterd.store.errors import StoreError


@dataclass(frozen=True, slots=True)
class _Seen:
    overdue: Mapping[str, int]
    requests: Mapping[str, int]
    stale: bool
    """the newest backup is past its term"""
    holds: HoldsStanding
    on_hold: Mapping[str, int]


def check(case: Case) -> Iterator[Finding]:
    """Look at what is overdue. What keeps the store from being read, ``store`` says."""
    try:
        seen = asyncio.run(_read(case))
    except (StoreError, OperationError, OSError):
        return
    if any(seen.overdue.values()):
        yield found("privacy.overdue", classes=_counts(seen.overdue))
    if seen.requests["overdue"]:
        yield found("privacy.arco", count=seen.requests["overdue"])
    if seen.stale:
        yield found("privacy.backup")
    for each in seen.holds.ending:
        yield found("privacy.hold_ends", hold=each.reference, moment=clock_time(each.until))
    if seen.on_hold:
        yield found("privacy.held", classes=_counts(seen.on_hold))


def _counts(classes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in classes.items() if count)


async def _read(case: Case) -> _Seen:
    async with reading.opened(case) as context:
        term = context.settings.retention.backups
        backups = made_backups.noted(context.settings.state_dir)
        stale = bool(backups) and backups[-1].made_at < context.clock() - term
        return _Seen(
            await retention.overdue(context),
            await arco.count(context),
            stale,
            await preservation.standing(context),
            await retention.on_hold(context),
        )

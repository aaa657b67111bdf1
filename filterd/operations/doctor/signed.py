"""Signatures: keys, checkpoints against the trail, anchors, and the statement of the day."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path

from filterd.config.signing_settings import AnchorKind
from filterd.disk.signing_keys import SigningKeyError
from filterd.operations import signing
from filterd.operations.doctor import reading
from filterd.operations.doctor.case import Case, stands
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.errors import OperationError
from filterd.operations.signing import Purpose
from filterd.operations.trail import checkpoints, figures
from filterd.operations.trail.anchors import AnchorStatus
from filterd.operations.trail.figures import TrailFigures
from filterd.store.errors import StoreError

FAILS = 3
"""failed attempts in a row from which an anchor is told of"""
LATE = 3
"""times ``signing.every`` from which a checkpoint is late"""
STATEMENT_LATE = 2 * 86_400.0
DAYS = 86_400.0
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check(case: Case) -> Iterator[Finding]:
    """Look at keys and signatures; no private key is shown. What keeps the store from being read, ``store``
    says."""
    yield from _keys(case)
    try:
        look, damaged, fault, now = asyncio.run(_read(case))
    except (StoreError, OperationError, OSError):
        return
    if damaged is not None:
        yield found("signed.record_damaged", path=str(damaged))
    elif fault:
        yield found("signed.disagrees", reason=fault)
    for each in look.keys.unexplained:
        yield found("signed.key_replaced", key=each.key_id, purpose=each.purpose)
    for subject, fault in look.altered_keys:
        yield found("signed.key_altered", key=subject.removeprefix("key:"), reason=fault)
    if look.keys.in_use(Purpose.LIST) and not stands(path := signing.file_of(case.settings, Purpose.LIST)):
        yield found("signed.list_key_missing", path=str(path))
    yield from _late(case, look, now)
    yield from _anchors(case, look.anchors, now)


def _keys(case: Case) -> Iterator[Finding]:
    for purpose in Purpose:
        path = signing.file_of(case.settings, purpose)
        if not stands(path):
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            yield found("signed.key_open", path=str(path), mode=f"{mode:04o}")
        try:
            signing.load_key(purpose, path, close=False)
        except SigningKeyError as error:
            if purpose is Purpose.LIST:
                yield found("signed.list_key_unusable", reason=str(error))
            else:
                yield found("signed.key_damaged", path=str(path))


async def _read(case: Case) -> tuple[TrailFigures, Path | None, str, float]:
    async with reading.opened(case) as context:
        damaged = await checkpoints.unreadable_record(context)
        fault = await checkpoints.standing_fault(context)
        return await figures.look(context), damaged, fault, context.clock()


def _late(case: Case, look: TrailFigures, now: float) -> Iterator[Finding]:
    # from the future is late as well: a clock that was ahead signed it, and none since
    newest, every = look.newest, case.settings.signing.every
    if newest is not None and look.uncovered and abs(now - newest.at) > LATE * every:
        yield found("signed.late", entries=look.uncovered, number=newest.number)
    if look.statement is not None and abs(now - look.statement.at) > STATEMENT_LATE:
        yield found("signed.statement_late", day=look.statement.day)


def _anchors(case: Case, anchors: tuple[AnchorStatus, ...], now: float) -> Iterator[Finding]:
    if not case.settings.signing.anchors:
        yield found("signed.no_anchor")
    for each in anchors:
        if each.failures >= FAILS:
            yield found("signed.anchor_fails", anchor=each.id, reason=each.trouble)
        elif each.kind == AnchorKind.COUNTERSIGN and each.due:
            days = round((now - each.at) / DAYS) if each.at else 0
            yield found("signed.countersignature_due", anchor=each.id, number=each.checkpoint, days=days)

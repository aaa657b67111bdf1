"""Tells which nodes in service lack what a document's answers say, and waits for them, for a bounded time.

A node has it once it has read the document's decisions on orders, or has the version of the list in force
that they are in. Nodes that are not heard of for ``nodes.gone_after`` are not waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.register_settings import RegisterSettings
from filterd.model.mandatory import label_of
from filterd.model.records import NodeReport, VersionState
from filterd.model.register import ItemAnswer, RegisterItem, RegisterRun
from filterd.operations import nodes
from filterd.operations.context import Context
from filterd.operations.orders.arriving import expected
from filterd.store import feeds, order_times

HOLD = 120.0
"""seconds for which answers wait for nodes at most; never more than half of the time until they are due"""
POLL = 0.2
"""seconds between two looks"""
NO_NODE = "none in service"
"""in the place of names: there is no node that could have it"""


def held_until(run: RegisterRun) -> float:
    """The moment at which the answers go, whatever nodes lack; Unix seconds."""
    return run.answered_at + min(HOLD, max(0.0, (run.due_at - run.answered_at) / 2))


async def lacking(
    context: Context, register: RegisterSettings, items: Sequence[RegisterItem]
) -> tuple[str, ...]:
    """The nodes in service that do not have what was processed of a document, by name; :data:`NO_NODE` where
    none is in service. Empty: all have it, or nothing was processed."""
    decided = max((e.answered_at for e in items if e.answer is ItemAnswer.PROCESSED), default=0.0)
    if not decided:
        return ()
    async with context.store.read() as connection:
        wanted = await (_version if register.list else _revision)(connection, register, decided)
        if not wanted:
            return ()
        reports = await expected(connection, context, context.clock())
        found = []
        for each in reports:
            has = _list_version(each, register.list) if register.list else await _read(connection, each)
            if has < wanted:
                found.append(each.name)
    return tuple(sorted(found)) if reports else (NO_NODE,)


async def wait(
    context: Context,
    register: RegisterSettings,
    items: Sequence[RegisterItem],
    at_most: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ticks: Callable[[], float] = time.monotonic,
) -> tuple[str, ...]:
    """Wait until no node lacks it, at most ``at_most`` seconds; return those that still do. Nobody waits for
    a node where none is in service."""
    ends = ticks() + at_most
    while True:
        found = await lacking(context, register, items)
        if not found or found == (NO_NODE,) or ticks() >= ends:
            return found
        await sleep(POLL)


async def _revision(connection: AsyncConnection, _register: RegisterSettings, decided: float) -> int:
    """The newest change that what was decided then made of orders; 0: none."""
    return await order_times.decided_with(connection, decided)


async def _version(connection: AsyncConnection, register: RegisterSettings, decided: float) -> int:
    """The version of a list that was in force then; 0: none."""
    made = await feeds.versions(connection, register.list)
    taken = [e.version for e in made if e.state is not VersionState.QUARANTINED and e.at <= decided]
    return max(taken, default=0)


async def _read(connection: AsyncConnection, report: NodeReport) -> int:
    """The place in the orders' changes that a node has; 0 where it serves nothing, or follows another
    history of the store."""
    if not report.effective_digest or await nodes.history_of(connection, report) != nodes.THIS:
        return 0
    return report.mandatory_revision


def _list_version(report: NodeReport, feed: str) -> int:
    """The version of a list that a node has in force; 0: none."""
    labels = (feed, label_of(feed, confidential=True))
    if not report.effective_digest:
        return 0
    found = [e.version for e in report.feeds if e.label in labels and e.version.isdecimal()]
    return max(map(int, found), default=0)

"""What nodes report, as far as it is evidence, in the audit trail: list switches, availability, probes.

An entry is made where a report tells something else than the trail has, and for nothing else: neither for a
heartbeat, nor for a revision, so that an entry, which makes a revision, leads to no other. A node that goes
to and fro takes :data:`BURST` entries of a kind, and then one in :data:`PACE` seconds; the next one counts
what was left out. Nothing of a query is in any of them, and confidential lists stand under their labels.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from filterd.model.audit_chain import canonical
from filterd.model.records import NodeReport
from filterd.operations.context import Context
from filterd.operations.nodes import SILENT_AFTER
from filterd.operations.plain_values import moment
from filterd.store import change_log
from filterd.store import snapshots as node_rows

STATE, LISTS, PROBES, PROBE_DAY = "node.state", "node.lists", "node.probes", "node.probe_day"
AVAILABLE, UNREADY, SILENT = "available", "unready", "silent"
BURST = 12
"""entries of one kind about one node at once"""
PACE = 300.0
"""seconds until there is room for another one"""
REASONS, LONGEST = 5, 120
"""of an unready node: so many, each of so many characters"""

Told = dict[str, Any]


@dataclass(slots=True)
class _Kind:
    """The entries of one kind about one node."""

    recorded: Any = None
    """what the trail says"""
    last: Any = None
    """what was reported last"""
    skipped: int = 0
    """changes that were not recorded, since there was no room"""
    room: float = BURST
    filled_at: float = -math.inf

    def takes(self, now: float) -> bool:
        """Take room for an entry; False where there is none."""
        passed = now - self.filled_at
        self.room = min(BURST, self.room + passed / PACE) if passed > 0 else self.room
        self.filled_at = now
        if self.room < 1:
            return False
        self.room -= 1
        return True

    def is_due(self, present: Any, now: float) -> bool:
        """True if this differs from what the trail says, and there is room to say it."""
        if present != self.last:
            self.skipped += self.last is not None and self.last != self.recorded
            self.last = present
        return present != self.recorded and self.takes(now)

    def settle(self, present: Any) -> None:
        """The trail says this now."""
        self.recorded = self.last = present
        self.skipped = 0


@dataclass(slots=True)
class _Node:
    """One node."""

    state: _Kind = field(default_factory=_Kind)
    """(state, when the process began)"""
    lists: _Kind = field(default_factory=_Kind)
    """digest of all lists"""
    probes: _Kind = field(default_factory=_Kind)
    """label -> state"""
    in_force: dict[str, tuple[str, str]] = field(default_factory=dict)
    """label -> version and digest, as this process recorded them"""
    day: str = ""
    counted_since: float = 0.0
    counted: dict[str, Counter[str]] = field(default_factory=dict)
    """label -> outcomes of the day's probes"""
    tested: dict[str, float] = field(default_factory=dict)
    """label -> when the last counted probe was"""


class NodeEvidence:
    """Owned by control's event loop."""

    def __init__(self, now: float) -> None:
        """``now``: when this process began to hear nodes, Unix seconds."""
        self._began = now
        self._nodes: dict[str, _Node] | None = None
        self._lock = asyncio.Lock()

    async def take(self, context: Context, report: NodeReport) -> None:
        """Record what a report tells anew. Raises StoreError; the next report tells it again."""
        async with self._lock:
            node = (await self._known(context)).setdefault(report.name, _Node())
            await self._take_state(context, node, report)
            await self._take_lists(context, node, report)
            await self._take_probes(context, node, report)

    async def watch(self, context: Context) -> None:
        """Record the nodes that fell silent. Raises StoreError."""
        async with self._lock:
            known = await self._known(context)
            async with context.store.read() as connection:
                reports = await node_rows.nodes(connection)
            now = context.clock()
            for each in reports:
                if now - max(each.seen_at, self._began) <= SILENT_AFTER:
                    continue
                node = known.setdefault(each.name, _Node())
                present = (SILENT, int(each.began_at))
                if node.state.is_due(present, now):
                    told: Told = {"state": SILENT, "since": moment(each.seen_at)}
                    told["process"] = int(each.began_at)
                    await self._write(context, each.name, STATE, node.state, told)
                    node.state.settle(present)

    async def _take_state(self, context: Context, node: _Node, report: NodeReport) -> None:
        state = AVAILABLE if report.ready else UNREADY
        present = (state, int(report.began_at))
        if not node.state.is_due(present, context.clock()):
            return
        told: Told = {
            "state": state,
            "since": moment(report.seen_at),
            "process_since": moment(report.began_at),
            "process": int(report.began_at),
        }
        if not report.ready:
            told["reasons"] = [each[:LONGEST] for each in report.missing[:REASONS]]
        await self._write(context, report.name, STATE, node.state, told)
        node.state.settle(present)

    async def _take_lists(self, context: Context, node: _Node, report: NodeReport) -> None:
        present = {each.label: (each.version, each.digest) for each in report.feeds}
        whole = hashlib.sha256(canonical(present).encode()).hexdigest()
        if not report.feeds or not node.lists.is_due(whole, context.clock()):
            return
        switched = [
            {"list": each.label, "version": each.version, "digest": each.digest, "since": moment(each.since)}
            for each in report.feeds
            if node.in_force.get(each.label) != (each.version, each.digest)
        ]
        told = {"lists": whole, "switched": switched, "ended": sorted(node.in_force.keys() - present.keys())}
        await self._write(context, report.name, LISTS, node.lists, told)
        node.lists.settle(whole)
        node.in_force = present

    async def _take_probes(self, context: Context, node: _Node, report: NodeReport) -> None:
        if not report.canaries and not node.probes.recorded:
            return
        await self._close_day(context, node, report)
        for each in report.canaries:
            if node.tested.get(each.label) != each.tested_at:
                node.tested[each.label] = each.tested_at
                node.counted.setdefault(each.label, Counter())[each.state.value] += 1
        present = {each.label: each.state.value for each in report.canaries}
        if node.probes.is_due(present, context.clock()):
            before: Mapping[str, str] = node.probes.recorded or {}
            changed = {label: state for label, state in present.items() if before.get(label) != state}
            told = {"lists": present, "changed": changed, "ended": sorted(before.keys() - present.keys())}
            await self._write(context, report.name, PROBES, node.probes, told)
            node.probes.settle(present)

    async def _close_day(self, context: Context, node: _Node, report: NodeReport) -> None:
        """Record the day's probes where another day has begun, in UTC."""
        now = context.clock()
        day = moment(now)[: len("2026-11-27")]
        if node.day and node.day != day and node.counted:
            told = {
                "day": node.day,
                "counted_since": moment(node.counted_since),
                "lists": {label: dict(sorted(each.items())) for label, each in sorted(node.counted.items())},
            }
            await self._write(context, report.name, PROBE_DAY, _Kind(), told)
        if node.day != day:
            node.day, node.counted_since, node.counted = day, now, {}

    async def _write(self, context: Context, name: str, action: str, kind: _Kind, told: Told) -> None:
        after = {**told, "left_out": kind.skipped} if kind.skipped else told
        async with context.store.write(f"node:{name}", context.clock()) as write:
            write.audit(action, f"node:{name}", after=after)

    async def _known(self, context: Context) -> dict[str, _Node]:
        """The nodes, with what the trail says of them; read once."""
        if self._nodes is None:
            async with context.store.read() as connection:
                states = await change_log.newest_decisions(connection, "node", (STATE,))
                lists = await change_log.newest_decisions(connection, "node", (LISTS,))
                probes = await change_log.newest_decisions(connection, "node", (PROBES,))
            self._nodes = {name: _Node() for name in states.keys() | lists.keys() | probes.keys()}
            for name, node in self._nodes.items():
                state = states.get(name, {})
                node.state.settle((state.get("state", ""), state.get("process", 0)))
                node.lists.settle(lists.get(name, {}).get("lists"))
                node.probes.settle(probes.get(name, {}).get("lists"))
        return self._nodes

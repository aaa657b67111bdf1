"""Compares the rows of the times of orders with the entries in which nodes told of them.

Many facts of one report have one entry together, which has their number and a digest; where a node has one
such entry the digest is compared, where it has several the number. Orders of before these rows were kept have
neither rows nor entries.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.audit_chain import AuditEntry, canonical
from filterd.model.order_times import SINGLE, NodeArrival, OrderEffect
from filterd.store import told_rows

APPLIED, LIFTED, PROBED, EVERYWHERE = "node.applied", "node.lifted", "node.probed", "node.everywhere"
UNDECIDED = "no decision was made when effect {0} is said to have been decided"
EFFECT_GONE = "the row of effect {0}, of which a node told, is gone"
GONE = "the row of effect {0} on node {1} is gone"
UNTOLD = "no entry tells of effect {0} on node {1}"
ALTERED = "the times of effect {0} on node {1} are not what the node told"
PROBE = "the probe of effect {0} on node {1} is not what the node told"
COMPLETE = "the moment when every node had effect {0} is not what the trail tells"
TOGETHER = "the times of orders on it are not what it told"
Place = tuple[str, int]


@dataclass(slots=True)
class TimeRows:
    """The rows, and the entries that they are compared with, each in their order."""

    effects: Sequence[OrderEffect]
    arrivals: Sequence[NodeArrival]
    decisions: Sequence[tuple[str, int, float]]
    """reference, revision and moment of what was decided on orders"""
    told: Sequence[AuditEntry]


@dataclass(slots=True)
class _Told:
    """The last entry of each kind, by what it tells of."""

    arrived: dict[tuple[Place, str], AuditEntry] = field(default_factory=dict)
    probed: dict[tuple[Place, str], AuditEntry] = field(default_factory=dict)
    everywhere: dict[Place, AuditEntry] = field(default_factory=dict)
    together: dict[str, list[AuditEntry]] = field(default_factory=lambda: defaultdict(list))
    crowded: set[str] = field(default_factory=set)
    """nodes that told of more probes at once than have an entry"""


async def altered(connection: AsyncConnection) -> list[tuple[str, str]]:
    """The orders whose times are not what the trail tells, and the nodes: the subject there, and why."""
    rows = TimeRows(
        await told_rows.effects(connection),
        await told_rows.arrivals(connection),
        await told_rows.decisions(connection),
        await told_rows.entries(connection, (APPLIED, LIFTED, PROBED, EVERYWHERE)),
    )
    return await asyncio.to_thread(compare, rows)


def compare(rows: TimeRows) -> list[tuple[str, str]]:
    """The same, of rows that were read: one fault of each order and node."""
    effects = {(each.reference, each.effect): each for each in rows.effects}
    told = _by_subject(rows.told, effects)
    found: dict[str, str] = {}
    for reference, fault in (
        *_gone(rows, effects),
        *_of_effects(rows, told),
        *_of_arrivals(rows, effects, told),
    ):
        found.setdefault(f"order:{reference}", fault)
    apart = defaultdict[str, list[NodeArrival]](list)
    for each in rows.arrivals:
        if (_place(each), each.node) not in told.arrived:
            apart[each.node].append(each)
    for node, entries in told.together.items():
        if not _agree(apart[node], entries):
            found[f"node:{node}"] = TOGETHER
    return list(found.items())


def _by_subject(entries: Iterable[AuditEntry], effects: dict[Place, OrderEffect]) -> _Told:
    told, probes = _Told(), Counter[tuple[str, float]]()
    for each in entries:
        node, said = each.actor.removeprefix("node:"), each.after or {}
        if each.subject.startswith("node:"):
            told.together[node].append(each)
            continue
        place = each.subject.removeprefix("order:"), said.get("effect", 0)
        effect = effects.get(place)
        if (
            effect is None or each.revision < effect.revision
        ):  # of one that had this number, and was not to be
            continue
        if each.action == PROBED:
            probes[node, each.at] += 1
            told.probed[place, node] = each
        elif each.action == EVERYWHERE:
            told.everywhere[place] = each
        else:
            told.arrived[place, node] = each
    told.crowded = {node for (node, _), number in probes.items() if number >= SINGLE}
    return told


def _place(arrival: NodeArrival) -> Place:
    return f"O-{arrival.order_number}", arrival.effect


def _gone(rows: TimeRows, effects: dict[Place, OrderEffect]) -> Iterable[tuple[str, str]]:
    """Effects that arrived and have no row. A decision forgets those that are still to come by its clock."""
    for each in rows.told:
        reference, said = each.subject.removeprefix("order:"), each.after or {}
        there = each.action not in {APPLIED, LIFTED} or (reference, said.get("effect", 0)) in effects
        if there or each.subject.startswith("node:"):
            continue
        if not any(
            of == reference and revision > each.revision and at < said.get("due_at", 0.0)
            for of, revision, at in rows.decisions
        ):
            yield reference, EFFECT_GONE.format(said.get("effect", 0))


def _of_effects(rows: TimeRows, told: _Told) -> Iterable[tuple[str, str]]:
    decided = {(reference, at) for reference, _, at in rows.decisions}
    moments = defaultdict[Place, list[float]](list)
    for arrival in rows.arrivals:
        moments[_place(arrival)].append(arrival.applied_at)
    untold = [
        each
        for each in rows.effects
        if each.everywhere_at > 0 and (each.reference, each.effect) not in told.everywhere
    ]
    for each in rows.effects:
        place = each.reference, each.effect
        entry = told.everywhere.get(place)
        if (each.reference, each.decided_at) not in decided:
            yield each.reference, UNDECIDED.format(each.effect)
        elif entry is not None:
            said = entry.after or {}
            if (each.everywhere_at, each.nodes) != (said.get("at"), said.get("nodes")):
                yield each.reference, COMPLETE.format(each.effect)
        elif each.everywhere_at > 0:  # more than so many at once have no entry
            earlier = [at for at in moments[place] if at <= each.everywhere_at]
            if len(untold) <= SINGLE or each.everywhere_at not in earlier or len(earlier) < each.nodes:
                yield each.reference, COMPLETE.format(each.effect)


def _of_arrivals(rows: TimeRows, effects: dict[Place, OrderEffect], told: _Told) -> Iterable[tuple[str, str]]:
    there = {(_place(each), each.node) for each in rows.arrivals}
    for (reference, number), node in told.arrived.keys() - there:
        yield reference, GONE.format(number, node)
    for each in rows.arrivals:
        place = _place(each)
        entry = told.arrived.get((place, each.node))
        if entry is None and not told.together.get(each.node):
            yield place[0], UNTOLD.format(each.effect, each.node)
        elif entry is not None and not _told_so(effects[place], each, entry):
            yield place[0], ALTERED.format(each.effect, each.node)
        elif each.node not in told.crowded and not _probed_so(each, told.probed.get((place, each.node))):
            yield place[0], PROBE.format(each.effect, each.node)


def _told_so(effect: OrderEffect, arrival: NodeArrival, entry: AuditEntry) -> bool:
    said = entry.after or {}
    have = (str(effect.kind), effect.revision, effect.due_at, arrival.applied_at, arrival.exact)
    return have == tuple(said.get(name) for name in ("kind", "revision", "due_at", "applied_at", "exact"))


def _probed_so(arrival: NodeArrival, entry: AuditEntry | None) -> bool:
    if entry is None:
        return not arrival.probe
    said = entry.after or {}
    have = str(arrival.probe), arrival.probed_at, arrival.reason
    return have == tuple(said.get(name) for name in ("probe", "probed_at", "reason"))


def _agree(rows: Sequence[NodeArrival], entries: Sequence[AuditEntry]) -> bool:
    """True where the rows of a node that have no entry of their own can be those of its common entries."""
    told = [each.after or {} for each in entries]
    if len(rows) != sum(each.get("effects", 0) for each in told):
        return False
    return len(told) > 1 or together(rows) == told[0].get("digest")


def together(rows: Iterable[NodeArrival]) -> str:
    """The digest over arrivals that one entry tells of."""
    every = [[*_place(each), each.applied_at, each.exact] for each in rows]
    return hashlib.sha256(canonical(sorted(every)).encode()).hexdigest()

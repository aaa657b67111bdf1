"""Drift: nodes that run other lists than they should.

A node has drifted if its snapshot, or a list on it, is none that control made; if it still lacks the newest
snapshot after ``nodes.drift_after``; or if it differs for as long from the other nodes that have read as far.
Silent nodes, and those that follow another history of the store, have remarks of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.mandatory import label_of
from filterd.model.records import NodeReport, SnapshotRecord
from filterd.operations.context import Context
from filterd.operations.snapshots import current_file
from filterd.policy import snapshot_layout
from filterd.store import feeds, snapshots

SHOWN = 12
"""digits of a digest in a text"""
REMEDY = "filterd node show NODE; the resolver's log says why it takes no newer snapshot"


@dataclass(frozen=True, slots=True)
class Made:
    """The snapshots and list versions that control made, as far as nodes have them."""

    snapshots: frozenset[str]
    """digests"""
    current: SnapshotRecord | None
    lists: Mapping[tuple[str, str], str]
    """(label, version) -> digest"""
    labels: frozenset[str]
    """of the feeds whose versions are known"""


async def made(connection: AsyncConnection, context: Context, reports: Sequence[NodeReport]) -> Made:
    """The snapshots and list versions of these reports that control made."""
    path = current_file(context.settings.state_dir / snapshot_layout.DIRECTORY)
    ids = {each: each for each in await feeds.known(connection)}
    ids.update({label_of(each, confidential=True): each for each in tuple(ids)})
    told = {(each.label, each.version) for report in reports for each in report.feeds if each.label in ids}
    return Made(
        await snapshots.compiled(connection, {each.snapshot_digest for each in reports}),
        None if path is None else await snapshots.of_file(connection, path.name),
        {
            (label, version): digest
            for label, version in told
            if (digest := await feeds.digest_of(connection, ids[label], version))
        },
        frozenset(ids),
    )


def drifts(
    reports: Sequence[NodeReport], found: Made, now: float, patience: float
) -> dict[str, tuple[str, ...]]:
    """Node -> the reasons why it has drifted; nodes that have not are left out."""
    others = _minority(reports, now, patience)
    reasons = {}
    for report in reports:
        told = [*_never_made(report, found), *_behind(report, found, now, patience)]
        if report.name in others:
            told.append("the other nodes have other lists or orders in force at the same revision")
        if told:
            reasons[report.name] = tuple(told)
    return reasons


def _never_made(report: NodeReport, found: Made) -> list[str]:
    """The reasons that no time heals."""
    told = []
    if report.snapshot_digest and report.snapshot_digest not in found.snapshots:
        told.append(f"the store has no record of its snapshot {report.snapshot_digest[:SHOWN]}")
    for each in report.feeds:
        digest = found.lists.get((each.label, each.version), "")
        if each.label in found.labels and digest != each.digest:
            made_as = f"was read as {digest[:SHOWN]}" if digest else "was never read"
            told.append(f"{each.label} version {each.version} is {each.digest[:SHOWN]} there and {made_as}")
    return told


def _behind(report: NodeReport, found: Made, now: float, patience: float) -> list[str]:
    current = found.current
    if current is None or report.snapshot_digest == current.digest or now - current.built_at <= patience:
        return []
    has = report.snapshot_digest[:SHOWN] or "none"
    return [f"its snapshot is {has}, and the newest is {current.digest[:SHOWN]}"]


def _minority(reports: Sequence[NodeReport], now: float, patience: float) -> set[str]:
    """The nodes that have read as far as others, and have had another effective digest than most of them for
    too long. Of two halves both are told."""
    groups: dict[tuple[str, int], list[NodeReport]] = {}
    for each in reports:
        if each.effective_digest and now - each.effective_at > patience:
            groups.setdefault((each.snapshot_digest, each.mandatory_revision), []).append(each)
    found = set()
    for group in groups.values():
        counts = Counter(each.effective_digest for each in group).most_common()
        agreed = counts[0][0] if len(counts) == 1 or counts[0][1] > counts[1][1] else ""
        found |= {each.name for each in group if each.effective_digest != agreed}
    return found

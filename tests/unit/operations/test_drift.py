"""Drift: digests that control never made, a node behind the newest snapshot, nodes that differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.model.mandatory import label_of
from filterd.model.records import OTHER_HISTORY, FeedInForce, NodeReport
from filterd.operations import nodes, snapshots
from filterd.operations.context import Context
from filterd.operations.drift import Made, drifts
from filterd.operations.feeds import listing, updating
from filterd.policy.proof import feeds_in_force
from tests.worlds.installation import Installation

PATIENCE = 600.0


async def made(context: Context) -> tuple[str, tuple[FeedInForce, ...]]:
    """Read the lists and build: the snapshot's digest, and the feeds as a node would report them."""
    await updating.update(context)
    record = await snapshots.build(context)
    meta = {"lists": snapshots.show(context).lists}
    return record.digest, feeds_in_force(meta, context.clock())


async def drift_of(context: Context, *reports: NodeReport) -> dict[str, tuple[str, ...]]:
    """Node -> its reasons, after these reports."""
    for each in reports:
        await nodes.record(context, each)
    return {each.report.name: each.drift for each in await nodes.list_nodes(context) if each.drift}


def report(context: Context, digest: str, feeds: tuple[FeedInForce, ...], name: str = "a") -> NodeReport:
    return NodeReport(name, context.clock(), 1, 1, digest, True, {}, effective_digest="e" * 64, feeds=feeds)


async def test_a_node_with_the_newest_lists_has_not_drifted(installation: Installation) -> None:
    async with installation.open() as context:
        digest, feeds = await made(context)
        installation.now += 2 * PATIENCE
        assert await drift_of(context, report(context, digest, feeds)) == {}


async def test_a_list_that_is_not_what_was_read(installation: Installation) -> None:
    async with installation.open() as context:
        digest, feeds = await made(context)
        label = label_of("worst-of", confidential=True)
        other = tuple(replace(each, digest="f" * 64) if each.label == label else each for each in feeds)
        (reason,) = (await drift_of(context, report(context, digest, other)))["a"]
        version = next(each.version for each in await listing.versions(context, "worst-of"))
    assert reason.startswith(f"{label} version {version} is ffffffffffff there and was read as ")
    assert "worst-of" not in reason


async def test_a_version_that_was_never_read(installation: Installation) -> None:
    async with installation.open() as context:
        digest, feeds = await made(context)
        other = (replace(feeds[0], version="99"), *feeds[1:])
        (reason,) = (await drift_of(context, report(context, digest, other)))["a"]
    assert reason.endswith("and was never read")


async def test_a_snapshot_that_control_never_made(installation: Installation) -> None:
    async with installation.open() as context:
        _, feeds = await made(context)
        reasons = (await drift_of(context, report(context, "0" * 64, feeds)))["a"]
    assert reasons == ("the store has no record of its snapshot 000000000000",)


@pytest.mark.ring("night")
async def test_a_node_has_time_to_take_a_new_snapshot(installation: Installation) -> None:
    async with installation.open() as context:
        digest, feeds = await made(context)
        installation.write_policy("lists/adult.txt", "adult.example\nblue.example\nnew.example\n")
        installation.now += 10
        newest, _ = await made(context)
        installation.now += PATIENCE
        assert await drift_of(context, report(context, digest, feeds)) == {}
        installation.now += 1
        (reason,) = (await drift_of(context, report(context, digest, feeds)))["a"]
    assert reason == f"its snapshot is {digest[:12]}, and the newest is {newest[:12]}"


async def test_silence_and_another_history_are_told_as_such(installation: Installation) -> None:
    async with installation.open() as context:
        await made(context)
        silent = replace(report(context, "0" * 64, ()), seen_at=installation.now - 61)
        lost = replace(report(context, "0" * 64, (), name="b"), missing=(OTHER_HISTORY,))
        assert await drift_of(context, silent, lost) == {}


@pytest.mark.parametrize(
    ("digests", "drifted"),
    [
        ("e", set()),
        ("eee", set()),
        ("eef", {"2"}),
        ("efef", {"0", "1", "2", "3"}),
        ("ef", {"0", "1"}),
        ("efg", {"0", "1", "2"}),
    ],
)
def test_nodes_that_differ(digests: str, drifted: set[str]) -> None:
    reports = [
        NodeReport(str(number), 0.0, 7, 0, "ab", True, {}, effective_digest=each * 64, effective_at=0.0)
        for number, each in enumerate(digests)
    ]
    found = Made(frozenset({"ab"}), None, {}, frozenset())
    assert set(drifts(reports, found, PATIENCE + 1, PATIENCE)) == drifted
    assert drifts(reports, found, PATIENCE, PATIENCE) == {}
    moving = [replace(each, mandatory_revision=number) for number, each in enumerate(reports)]
    assert drifts(moving, found, PATIENCE + 1, PATIENCE) == {}

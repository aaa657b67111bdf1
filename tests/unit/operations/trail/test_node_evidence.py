"""What nodes report in the trail: once for each change, never for a heartbeat, and bounded for who flaps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.model.records import CanaryResult, CanaryState, FeedInForce, NodeReport
from filterd.operations import nodes
from filterd.operations.context import Context
from filterd.operations.trail.node_evidence import BURST, PACE, NodeEvidence
from filterd.store import change_log
from tests.worlds.installation import NOW, Installation, install


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


def report(**values: object) -> NodeReport:
    """The report of a node that is ready, with one list."""
    made = NodeReport(
        name="resolver-1",
        seen_at=NOW,
        mandatory_revision=1,
        parental_revision=1,
        snapshot_digest="d" * 64,
        ready=True,
        lists={},
        began_at=NOW - 100,
        feeds=(feed("1"),),
    )
    return replace(made, **values)  # type: ignore[arg-type]


def feed(version: str, label: str = "worst") -> FeedInForce:
    """A list in force."""
    return FeedInForce(label, "mandatory", version, version * 64, 1, NOW - 50)


def probe(state: CanaryState, tested_at: float = NOW) -> CanaryResult:
    """The outcome of a probe."""
    return CanaryResult("worst", "worst.canary.example", state, "", tested_at, 0.0)


async def entries(context: Context) -> list[tuple[str, str, dict[str, Any]]]:
    """Who told what of a node."""
    async with context.store.read() as connection:
        found = await change_log.entries(connection)
    told = [each.entry for each in found if each.entry.subject == "node:resolver-1"]
    return [(each.actor, each.action, each.after or {}) for each in told]


async def test_a_heartbeat_and_a_revision_are_no_entries(installation: Installation) -> None:
    async with installation.open("control") as context:
        evidence = NodeEvidence(NOW)
        for revision in range(1, 6):
            await evidence.take(context, report(mandatory_revision=revision, seen_at=NOW + revision))
        found = await entries(context)
        assert [(actor, action) for actor, action, _ in found] == [
            ("node:resolver-1", "node.state"),
            ("node:resolver-1", "node.lists"),
        ]
        assert found[0][2]["state"] == "available"
        assert found[1][2]["switched"][0]["version"] == "1"


async def test_a_restart_of_control_tells_nothing_twice(installation: Installation) -> None:
    async with installation.open("control") as context:
        full = report(canaries=(probe(CanaryState.BLOCKED),))
        await NodeEvidence(NOW).take(context, full)
        before = await entries(context)
        await NodeEvidence(NOW).take(context, full)
        assert await entries(context) == before
        assert len(before) == 3


async def test_a_list_switch_names_what_changed(installation: Installation) -> None:
    async with installation.open("control") as context:
        evidence = NodeEvidence(NOW)
        await evidence.take(context, report(feeds=(feed("1"), feed("1", "adult"))))
        await evidence.take(context, report(feeds=(feed("2"),)))
        _, action, after = (await entries(context))[-1]
        assert action == "node.lists"
        assert [each["list"] for each in after["switched"]] == ["worst"]
        assert after["ended"] == ["adult"]


async def test_availability_is_an_interval(installation: Installation) -> None:
    async with installation.open("control") as context:
        evidence = NodeEvidence(NOW)
        await nodes.record(context, report())
        await evidence.take(context, report())
        installation.now += 61
        await evidence.watch(context)
        await evidence.watch(context)
        await evidence.take(context, report(seen_at=NOW + 70, ready=False, missing=("no policy snapshot",)))
        await evidence.take(context, report(seen_at=NOW + 80, began_at=NOW + 75))
        told = [after for _, action, after in await entries(context) if action == "node.state"]
        assert [each["state"] for each in told] == ["available", "silent", "unready", "available"]
        assert told[2]["reasons"] == ["no policy snapshot"]
        assert told[3]["process"] == NOW + 75


async def test_a_control_that_just_started_calls_nobody_silent(installation: Installation) -> None:
    async with installation.open("control") as context:
        await nodes.record(context, report())
        installation.now += 3600
        evidence = NodeEvidence(installation.now)
        await evidence.watch(context)
        assert await entries(context) == []
        installation.now += 61
        await evidence.watch(context)
        assert [action for _, action, _ in await entries(context)] == ["node.state"]


async def test_a_node_that_flaps_does_not_flood_the_trail(installation: Installation) -> None:
    async with installation.open("control") as context:
        evidence = NodeEvidence(NOW)
        for turn in range(200):
            await evidence.take(context, report(ready=bool(turn % 2), feeds=()))
        assert len(await entries(context)) == BURST
        installation.now += PACE
        await evidence.take(context, report(ready=False, feeds=()))
        found = await entries(context)
        assert len(found) == BURST + 1
        assert found[-1][2]["left_out"] >= 90


async def test_probes_are_told_on_change_and_counted_by_the_day(installation: Installation) -> None:
    async with installation.open("control") as context:
        evidence = NodeEvidence(NOW)
        for minute in range(10):
            tested = probe(CanaryState.PASSED if minute == 4 else CanaryState.BLOCKED, NOW + minute * 60)
            await evidence.take(context, report(canaries=(tested,)))
            await evidence.take(context, report(canaries=(tested,)))
        told = [after for _, action, after in await entries(context) if action == "node.probes"]
        assert [each["changed"] for each in told] == [
            {"worst": "blocked"},
            {"worst": "passed"},
            {"worst": "blocked"},
        ]
        installation.now += 86_400
        await evidence.take(context, report(canaries=(probe(CanaryState.BLOCKED, NOW + 86_400),)))
        (day,) = [after for _, action, after in await entries(context) if action == "node.probe_day"]
        assert day["lists"] == {"worst": {"blocked": 9, "passed": 1}}
        assert "canary.example" not in str(await entries(context))

"""The canaries as commands and snapshots have them."""

from __future__ import annotations

from dataclasses import replace

from filterd.config.proof_settings import CanarySettings
from filterd.config.value_types import parse_canary_zone, parse_duration
from filterd.model.mandatory import label_of
from filterd.model.records import CanaryResult, CanaryState, NodeReport
from filterd.operations import canaries, nodes, snapshots
from filterd.operations.explain import explain
from filterd.operations.feeds import updating
from filterd.policy import canary
from tests.worlds.installation import NOW, Installation

LABEL = label_of("worst-of", confidential=True)
NAME = f"{LABEL}.canary.example"
RESULT = CanaryResult(LABEL, NAME, CanaryState.PASSED, "answered", NOW - 5, NOW - 65)


def with_zone(installation: Installation, zone: str = "Canary.Example.") -> Installation:
    settings = CanarySettings(parse_canary_zone(zone), parse_duration("1m"))
    return replace(installation, settings=replace(installation.settings, canary=settings))


async def test_without_a_zone_there_is_no_canary(installation: Installation) -> None:
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        assert canary.from_meta(snapshots.open_current(context).meta) == ()
        assert await canaries.list_canaries(context) == []


async def test_a_snapshot_has_the_canary_of_each_mandatory_list_that_was_read(
    installation: Installation,
) -> None:
    async with with_zone(installation).open() as context:
        await updating.update(context)
        await snapshots.build(context)
        snapshot = snapshots.open_current(context)
        assert [(each.label, each.name) for each in canary.from_meta(snapshot.meta)] == [(LABEL, NAME)]
        assert b"worst-of.canary" not in repr(snapshot.meta).encode()
    async with installation.open() as context:
        before = await snapshots.build(context)
    assert before.digest != snapshot.digest


async def test_the_canary_is_blocked_as_mandatory_for_everybody(installation: Installation) -> None:
    async with with_zone(installation).open() as context:
        await updating.update(context)
        await snapshots.build(context)
        assert (await explain(context, NAME)).reason == "mandatory"
        assert (await explain(context, "other.canary.example")).reason == "none"


async def test_each_mandatory_list_stands_beside_each_node(installation: Installation) -> None:
    installation = with_zone(installation)
    report = NodeReport("a", NOW, 0, 0, "", True, {}, canaries=(RESULT,))
    async with installation.open() as context:
        (unknown,) = await canaries.list_canaries(context)
        assert (unknown.node, unknown.state, unknown.reason) == ("", "unjudged", canaries.NOT_TESTED)
        await nodes.record(context, report)
        await nodes.record(context, replace(report, name="b", canaries=()))
        await nodes.record(context, replace(report, name="c", seen_at=NOW - 61))
        found = await canaries.list_canaries(context)
    assert {each.label for each in found} == {LABEL}
    assert [(each.node, each.state.value, each.reason) for each in found] == [
        ("a", "passed", "answered"),
        ("b", "unjudged", canaries.NOT_TESTED),
        ("c", "unjudged", canaries.SILENT),
    ]
    assert (found[0].tested_at, found[0].succeeded_at) == (NOW - 5, NOW - 65)


async def test_a_result_for_the_name_of_an_earlier_zone_is_none(installation: Installation) -> None:
    async with with_zone(installation, "new.example").open() as context:
        await nodes.record(context, NodeReport("a", NOW, 0, 0, "", True, {}, canaries=(RESULT,)))
        (found,) = await canaries.list_canaries(context)
    assert found.reason == canaries.NOT_TESTED

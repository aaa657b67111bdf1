"""Which list ran on which node when, from the reports alone: versions, restarts, silence, control away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.model.mandatory import label_of
from filterd.model.records import FeedInForce, ListPeriod, NodeReport
from filterd.operations import node_history, nodes
from filterd.operations.context import Context, OperationError
from filterd.store import node_history as rows
from tests.worlds.installation import NOW, Installation

ONE, TWO = "1" * 64, "2" * 64
STARTED = NOW - 100.0


def feed(label: str = "adult", version: str = "1", digest: str = ONE, since: float = STARTED) -> FeedInForce:
    return FeedInForce(label, "category", version, digest, 5, since)


def report(at: float, *feeds: FeedInForce, name: str = "a", began: float = STARTED) -> NodeReport:
    return NodeReport(name, at, 0, 0, "", True, {}, began_at=began, feeds=feeds)


async def told(context: Context, *reports: NodeReport) -> list[tuple[str, float, float]]:
    """Version, beginning and end of each period of ``adult`` after these reports."""
    for each in reports:
        await nodes.record(context, each)
    found = await node_history.history(context, list_id="adult")
    return [(each.period.version, each.period.since, each.period.until) for each in found]


async def test_a_version_lasts_while_reports_say_the_same(installation: Installation) -> None:
    async with installation.open() as context:
        assert await told(context, *(report(NOW + 5 * turn, feed()) for turn in range(4))) == [
            ("1", STARTED, 0)
        ]


async def test_a_new_version_ends_the_one_before_at_the_time_the_node_took_it(
    installation: Installation,
) -> None:
    later = feed(version="2", digest=TWO, since=NOW + 3)
    async with installation.open() as context:
        found = await told(context, report(NOW, feed()), report(NOW + 5, later))
        assert found == [("1", STARTED, NOW + 3), ("2", NOW + 3, 0)]


async def test_the_same_version_with_another_digest_is_another_period(installation: Installation) -> None:
    other = feed(digest=TWO, since=NOW + 3)
    async with installation.open() as context:
        found = await told(context, report(NOW, feed()), report(NOW + 5, other))
        assert found == [("1", STARTED, NOW + 3), ("1", NOW + 3, 0)]


async def test_a_quick_restart_is_no_break_and_a_long_absence_is_one(installation: Installation) -> None:
    quick, late = NOW + 30, NOW + 1000
    async with installation.open() as context:
        again = report(quick + 1, feed(since=quick), began=quick)
        assert await told(context, report(NOW, feed()), again) == [("1", STARTED, 0)]
        absent = report(late + 1, feed(since=late), began=late)
        assert await told(context, absent) == [("1", STARTED, quick + 1), ("1", late, 0)]


async def test_a_node_that_went_on_while_control_was_away_has_no_gap(installation: Installation) -> None:
    away = NOW + 3600
    took = feed(version="2", digest=TWO, since=NOW + 1800)
    async with installation.open() as context:
        assert await told(context, report(NOW, feed()), report(away, feed())) == [("1", STARTED, 0)]
        found = await told(context, report(away + 3600, replace(took, since=away + 1800)))
        assert found == [("1", STARTED, away + 1800), ("2", away + 1800, 0)]


async def test_a_list_that_is_gone_ends_with_the_report_that_lacks_it(installation: Installation) -> None:
    async with installation.open() as context:
        found = await told(context, report(NOW, feed()), report(NOW + 5))
        assert found == [("1", STARTED, NOW + 5)]


async def test_a_clock_that_is_wrong_on_the_node_makes_no_period_end_before_it_begins(
    installation: Installation,
) -> None:
    ahead, behind = feed(since=NOW + 9999), feed(version="2", digest=TWO, since=5.0)
    async with installation.open() as context:
        found = await told(context, report(NOW, ahead), report(NOW + 5, behind))
        assert found == [("1", NOW, NOW), ("2", NOW, 0)]


async def test_the_auditors_question(installation: Installation) -> None:
    """Which list ran on which node at time T: before the first report, under each version, in a gap."""
    second = feed(version="2", digest=TWO, since=NOW + 100)
    back = NOW + 5000
    async with installation.open() as context:
        for each in (
            report(NOW, feed()),
            report(NOW + 101, second),
            report(NOW, feed(), name="b"),
            report(back, replace(second, since=back), began=back),
        ):
            await nodes.record(context, each)

        async def at(moment: float) -> list[tuple[str, str]]:
            found = await node_history.history(context, at=moment)
            return [(each.period.node, each.period.version) for each in found]

        assert await at(STARTED - 1) == []
        assert await at(NOW) == [("a", "1"), ("b", "1")]
        assert await at(NOW + 50) == [("a", "1"), ("b", "1")]
        assert await at(NOW + 100) == [("a", "2")]  # b was not heard of again
        assert await at(NOW + 2000) == []
        assert await at(back) == [("a", "2")]


async def test_a_confidential_list_is_found_by_its_id_and_by_its_label(installation: Installation) -> None:
    label = label_of("worst-of", confidential=True)
    async with installation.open() as context:
        await nodes.record(context, report(NOW, feed(label), feed()))
        for asked in ("worst-of", label):
            found = await node_history.history(context, list_id=asked)
            assert [each.period.label for each in found] == [label]


async def test_a_node_that_never_reported_is_told(installation: Installation) -> None:
    async with installation.open() as context:
        with pytest.raises(OperationError, match="no node 'x' has ever reported") as caught:
            await node_history.history(context, node="x")
        assert caught.value.remedy == "see their names: filterd node list"


async def test_the_whole_node_has_a_period_for_each_effective_digest(installation: Installation) -> None:
    first = replace(report(NOW), effective_digest=ONE, effective_at=STARTED)
    async with installation.open() as context:
        await nodes.record(context, first)
        await nodes.record(context, replace(first, seen_at=NOW + 5, snapshot_digest="ab" * 32))
        order = replace(first, seen_at=NOW + 10, effective_digest=TWO, effective_at=NOW + 7)
        await nodes.record(context, order)
        found = [each.period for each in await node_history.history(context, list_id=node_history.WHOLE)]
    assert [(each.digest, each.since, each.until) for each in found] == [
        (ONE, STARTED, NOW + 7),
        (TWO, NOW + 7, 0),
    ]


async def test_old_periods_are_forgotten_and_lasting_ones_are_not(installation: Installation) -> None:
    keep = float(installation.settings.nodes.history)
    old = ListPeriod("a", "old", "1", ONE, NOW - 3 * keep, 0.0)
    async with installation.open() as context:
        async with context.store.report() as connection:
            await rows.begin(connection, old)
            await rows.end(connection, old, NOW - keep - 1)
            await rows.begin(connection, replace(old, label="adult"))
        await nodes.record(context, report(NOW, feed(since=NOW - 3 * keep)))
        await nodes.record(context, report(NOW + 5, feed(version="2", digest=TWO, since=NOW + 1)))
        found = await node_history.history(context)
    assert "old" not in {each.period.label for each in found}
    assert [each.period.version for each in found] == ["1", "2"]

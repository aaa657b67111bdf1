"""When orders arrive on nodes, and leave them: nodes away, control away, clocks that jump, several nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.order import Order
from filterd.model.order_times import SINGLE, OrderArrival, ProbeState
from filterd.model.records import NodeReport
from filterd.operations import nodes
from filterd.operations.backup import backup
from filterd.operations.context import Context
from filterd.operations.orders import due, ending, lifting, suspending, taking, times
from filterd.operations.orders.arriving import ArrivalBook
from filterd.store import change_log
from filterd.store import order_times as rows
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.backups import put_back
from tests.worlds.installation import NOW, Installation


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """One approval is enough."""
    async with installation.open("ana", approvals=1) as opened:
        yield opened


class Nodes:
    """Nodes that report to control as they would over the socket."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.book = ArrivalBook()

    async def report(self, name: str, at: float, *orders: OrderArrival, **more: object) -> NodeReport:
        """A report at this moment of a node that has everything, unless ``more`` says otherwise."""
        async with self.context.store.read() as connection:
            revision = await change_log.revision(connection)
            here = await change_log.hash_at(connection, revision) or ""
        made = NodeReport(
            name,
            at,
            revision,
            0,
            "",
            ready=True,
            lists={},
            mandatory_hash=here,
            effective_digest="d",
            orders=orders,
            sent_at=at,
        )
        made = replace(made, **more)  # type: ignore[arg-type]  # names of its fields
        await self.tell(made)
        return made

    async def tell(self, report: NodeReport) -> None:
        """Send a report as it is."""
        await nodes.record(self.context, report)
        await self.book.take(self.context, report)

    async def times(self) -> times.OrderTimes:
        """The times of the first order."""
        return await times.show(self.context, "O-1")


@pytest.fixture
def world(context: Context) -> Nodes:
    """No node has reported yet."""
    return Nodes(context)


def arrival(at: float, *, active: bool = True, revision: int = 10_000, **more: object) -> OrderArrival:
    """The first order's."""
    made = OrderArrival("O-1", revision, active, at)
    return replace(made, **more)  # type: ignore[arg-type]  # names of its fields


async def taken(context: Context) -> Order:
    """The first order, in force at once."""
    return await taking.add(context, REQUEST)


async def entries(context: Context) -> list[tuple[str, str]]:
    """Action and actor of what the trail says of nodes."""
    async with context.store.read() as connection:
        found = await change_log.newest_entries(connection, 1000)
    return [(each.entry.action, each.entry.actor) for each in found if each.entry.action.startswith("node.")]


async def test_two_nodes_and_the_last_of_them_decides(context: Context, world: Nodes) -> None:
    await world.report("a", NOW - 1)
    await world.report("b", NOW - 1)
    await taken(context)
    await world.report("a", NOW + 0.2, arrival(NOW + 0.1))
    found = (await world.times()).enforcement
    assert found is not None
    assert (found.first_node_at, found.all_nodes_at) == (NOW + 0.1, 0.0)
    assert [(each.node, each.state) for each in found.nodes] == [("a", "applied"), ("b", "waiting")]
    await world.report("b", NOW + 0.5, arrival(NOW + 0.4))
    found = (await world.times()).enforcement
    assert found is not None
    assert (found.first_node_seconds, found.all_nodes_seconds, found.lacking) == (0.1, 0.4, ())
    assert [each.exact for each in found.nodes] == [True, True]
    told = [("node.applied", "node:a"), ("node.applied", "node:b"), ("node.everywhere", "node:b")]
    assert await entries(context) == told
    for at in (1.0, 2.0, 3.0):  # entries are revisions, which nodes report: nothing new of any order
        await world.report("a", NOW + at, arrival(NOW + 0.1))
    assert await entries(context) == told


async def test_a_node_that_is_away_is_named_and_awaited_until_it_is_gone(
    context: Context, world: Nodes, installation: Installation
) -> None:
    await world.report("a", NOW - 1)
    await world.report("b", NOW - 90)
    await taken(context)
    await world.report("a", NOW + 0.2, arrival(NOW + 0.1))
    found = (await world.times()).enforcement
    assert found is not None
    assert [(each.node, each.state) for each in found.lacking] == [("b", "away")]
    installation.now = NOW + context.settings.nodes.gone_after
    await world.report("a", installation.now, arrival(NOW + 0.1))
    found = (await world.times()).enforcement
    assert found is not None
    assert found.all_nodes_at == NOW + 0.1
    await world.report("b", installation.now + 5)  # it is back: what was everywhere stays so
    found = (await world.times()).enforcement
    assert found is not None
    assert (found.all_nodes_at, [each.exact for each in found.nodes]) == (NOW + 0.1, [True, False])


async def test_control_was_away_and_the_node_tells_since_when(context: Context, world: Nodes) -> None:
    await world.report("a", NOW - 1)
    await taken(context)
    world.book = ArrivalBook()
    await world.report("a", NOW + 600, arrival(NOW + 0.3))
    found = (await world.times()).enforcement
    assert found is not None
    assert (found.all_nodes_seconds, found.nodes[0].exact) == (0.3, True)


async def test_a_node_that_started_anew_has_it_at_the_latest_then(context: Context, world: Nodes) -> None:
    await world.report("a", NOW - 1)
    await taken(context)
    await world.report("a", NOW + 7)
    found = (await world.times()).enforcement
    assert found is not None
    assert (found.all_nodes_seconds, found.nodes[0].exact) == (7.0, False)


async def test_a_clock_that_was_set_back_gives_no_negative_time(context: Context, world: Nodes) -> None:
    await world.report("a", NOW - 1)
    await taken(context)
    await world.report("a", NOW - 3600, arrival(NOW - 3600))
    found = (await world.times()).enforcement
    assert found is not None
    assert (found.all_nodes_seconds, found.nodes[0].exact) == (0.0, False)


@pytest.mark.parametrize(
    "lacks",
    [
        {"mandatory_revision": 0, "mandatory_hash": ""},
        {"mandatory_hash": "another history"},
        {"effective_digest": ""},
    ],
)
async def test_a_node_that_is_behind_or_elsewhere_or_serves_nothing_has_nothing(
    context: Context, world: Nodes, lacks: dict[str, object]
) -> None:
    await taken(context)
    await world.report("a", NOW + 1, **lacks)
    found = (await world.times()).enforcement
    assert found is not None
    assert [each.state for each in found.nodes] == ["waiting"]
    assert await entries(context) == []


async def test_a_withdrawal_is_lifted_where_no_node_keeps_the_order(context: Context, world: Nodes) -> None:
    await taken(context)
    await world.report("a", NOW + 1, arrival(NOW + 0.1))
    await ending.withdraw(context, "O-1", reason="over")
    await world.report("a", NOW + 2, arrival(NOW + 0.1), kept_orders=("O-1",))
    found = (await world.times()).lifting
    assert found is not None
    assert [each.state for each in found.nodes] == ["waiting"]
    last = arrival(NOW + 2.5, active=False)
    await world.report("a", NOW + 3, arrival(NOW + 0.1), last)
    found = (await world.times()).lifting
    assert found is not None
    assert (found.all_nodes_seconds, found.nodes[0].exact) == (2.5, True)
    assert (await entries(context))[-2:] == [("node.lifted", "node:a"), ("node.everywhere", "node:a")]
    assert not any((await times.outstanding(context)).waiting.values())


async def test_what_a_restore_forgot_is_heard_again_from_the_same_report(
    context: Context, world: Nodes, installation: Installation, tmp_path: Path
) -> None:
    """Control keeps running through a restore. It took the next report for one that says nothing new, and
    doctor said for good that the order was not lifted, although it was."""
    await taken(context)
    await world.report("a", NOW + 1)
    await backup(context, tmp_path / "backup")
    await ending.withdraw(context, "O-1", reason="over")
    for at in (2, 3):  # the second has nothing new
        await world.report("a", NOW + at)
    assert not any((await times.outstanding(context)).waiting.values())
    done = await put_back(installation, tmp_path / "backup")
    assert done.ended_again == {"withdrawal": 1}
    assert any((await times.outstanding(context)).waiting.values())
    await world.report("a", NOW + 4)
    assert not any((await times.outstanding(context)).waiting.values())


async def test_an_order_ends_by_the_clock_of_the_node(
    context: Context, world: Nodes, installation: Installation
) -> None:
    await taking.add(context, replace(REQUEST, not_after=int(NOW) + 100))
    await world.report("a", NOW + 1, arrival(NOW + 0.1))
    before = await world.times()
    assert before.lifting is not None
    assert (before.lifting.due_at, before.lifting.first_node_at) == (NOW + 100, 0.0)
    installation.now = NOW + 103
    await world.report("a", NOW + 103, arrival(NOW + 0.1), sent_at=NOW + 50)  # its clock is behind
    found = (await world.times()).lifting
    assert found is not None
    assert [each.state for each in found.lacking] == ["waiting"]
    await world.report("a", NOW + 160, arrival(NOW + 0.1), arrival(NOW + 153, active=False))
    found = (await world.times()).lifting
    assert found is not None
    assert found.all_nodes_seconds == 53.0


async def test_a_probe_is_recorded_and_a_later_one_corrects_it(context: Context, world: Nodes) -> None:
    await taken(context)
    await world.report("a", NOW + 1, arrival(NOW + 0.1))
    bad = arrival(NOW + 0.1, probe=ProbeState.CONTRARY, probed_at=NOW + 1.2, reason="answered")
    await world.report("a", NOW + 2, bad)
    assert (await times.outstanding(context)).contrary == ("O-1",)
    good = arrival(NOW + 0.1, probe=ProbeState.SEEN, probed_at=NOW + 3)
    await world.report("a", NOW + 4, good)
    found = (await world.times()).enforcement
    assert found is not None
    assert (found.probed_seconds, found.nodes[0].probe) == (3.0, "seen")
    assert (await times.outstanding(context)).contrary == ()
    assert [action for action, _ in await entries(context)].count("node.probed") == 2


@pytest.mark.ring("merge")
async def test_a_new_node_tells_of_all_orders_in_one_entry(context: Context, world: Nodes) -> None:
    for number in range(SINGLE + 1):
        await taking.add(context, replace(REQUEST, document=f"{number}"))
    await world.report("new", NOW + 1)
    assert await entries(context) == [("node.applied", "node:new")]


async def test_waiting_ends_with_the_nodes_or_with_its_time(context: Context, world: Nodes) -> None:
    ticks = iter(range(1000))

    async def sleep(_: float) -> None:
        await world.report("a", NOW + 1, arrival(NOW + 0.25))

    await world.report("a", NOW - 1)
    await taken(context)
    late = await times.wait(context, "O-1", 0.0, sleep, lambda: float(next(ticks)))
    assert (late.complete, late.effect is not None) == (False, True)
    done = await times.wait(context, "O-1", 60.0, sleep, lambda: float(next(ticks)))
    assert done.complete
    assert done.effect is not None
    assert done.effect.all_nodes_seconds == 0.25


async def test_a_clock_of_control_that_was_ahead_delays_no_note(
    context: Context, world: Nodes, installation: Installation
) -> None:
    begins = int(NOW) + 600
    await world.report("a", NOW - 1)
    await taking.add(context, replace(REQUEST, not_before=begins))
    await world.report("a", NOW + 5_000, sent_at=NOW + 1)
    await world.report("a", NOW + 2)
    await world.report("a", begins + 2)
    installation.now = begins + 3
    found = (await world.times()).enforcement
    assert found is not None
    assert found.all_nodes_at == begins + 2


@pytest.mark.parametrize("later", ["lift", "suspend"])
async def test_a_node_that_would_resume_by_itself_is_waited_for(
    context: Context, world: Nodes, installation: Installation, later: str
) -> None:
    """It holds the end of a suspension, and lacks what took that end away."""
    await world.report("a", NOW - 1)
    await taken(context)
    await world.report("a", NOW + 1, arrival(NOW + 0.1))
    until, installation.now = int(NOW) + 600, NOW + 10
    await suspending.suspend(context, "O-1", until=until, document="S-1", reason="asked for")
    async with context.store.read() as connection:
        here = await change_log.revision(connection)
    node = await world.report("a", NOW + 11, arrival(NOW + 10.5, active=False, revision=here))
    installation.now = NOW + 20
    if later == "lift":
        await lifting.lift(context, "O-1", document="L-1", reason="closed")
    else:
        more = until + 600
        await suspending.suspend(context, "O-1", until=more, document="S-2", reason="longer")
    behind = replace(node, seen_at=NOW + 21, sent_at=NOW + 21)
    await world.tell(behind)
    found = (await world.times()).lifting
    assert found is not None
    assert (found.all_nodes_at, [each.state for each in found.nodes]) == (0.0, ["waiting"])
    await due.reported(context, "O-1", report="ACK-1")
    await world.report("a", NOW + 30, *behind.orders)
    found = (await world.times()).lifting
    assert found is not None
    assert (found.decided_at, found.all_nodes_at) == (NOW + 20, NOW + 30)
    async with context.store.read() as connection:
        kinds = [each.kind.value for each in await rows.of_order(connection, 1)]
    assert kinds == ["enforce", "lift", "lift"] + ["enforce"] * (later == "suspend")

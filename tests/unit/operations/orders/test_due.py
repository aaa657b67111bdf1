"""The duties of the orders of a store, and the note that an authority was told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.order import OrderStep, StepKind
from filterd.model.order_times import EffectKind, OrderEffect
from filterd.operations import audit
from filterd.operations.context import Context, OperationError
from filterd.operations.orders import due, ending, reviewing, showing, suspending, taking
from filterd.operations.orders.duties import Reached, measured
from filterd.store.order_times import OVERTAKEN
from tests.unit.operations.orders.test_duties import TAX
from tests.unit.operations.test_order_times import Nodes, arrival
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.installation import NOW, Installation, as_person

MEXICO = Path(__file__).parents[4] / "policies/jurisdictions/mx.yaml"
DAY = 86_400


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    installation.write_policy("jurisdictions/mx.yaml", MEXICO.read_text(encoding="utf-8"))
    async with installation.open("ana", approvals=1) as context:
        yield context


@pytest.fixture
def world(context: Context) -> Nodes:
    """The nodes, none of which has reported yet."""
    return Nodes(context)


async def kinds(context: Context) -> list[tuple[str, str]]:
    """What is due: order and duty."""
    return [(each.order.reference, each.kind.value) for each in await due.list_due(context)]


async def test_nothing_is_due_without_orders(context: Context) -> None:
    assert await due.list_due(context) == []


async def test_enforced_once_every_node_has_it(context: Context, world: Nodes) -> None:
    await world.report("n1", NOW - 1)
    await world.report("n2", NOW - 1)
    await taking.add(context, REQUEST)
    assert await kinds(context) == [("O-1", "enforce"), ("O-1", "review")]
    await world.report("n1", NOW + 1, arrival(NOW + 0.5))
    assert await kinds(context) == [("O-1", "enforce"), ("O-1", "review")]
    await world.report("n2", NOW + 3, arrival(NOW + 2))
    assert await kinds(context) == [("O-1", "report"), ("O-1", "review")]
    done = [each for each in await due.list_due(context, done=True) if not each.open]
    assert [(each.kind.value, each.done_at, each.late) for each in done] == [("enforce", NOW + 2, False)]


async def test_a_block_that_came_too_late_is_late_however_early_it_was_accepted(
    context: Context, world: Nodes
) -> None:
    await world.report("n1", NOW - 1)
    await taking.add(context, replace(REQUEST, enforce_by=int(NOW) + 60))
    await world.report("n1", NOW + 120, arrival(NOW + 90))
    done = [each for each in await due.list_due(context, done=True) if not each.open]
    assert [(each.kind.value, each.done_at, each.late) for each in done] == [("enforce", NOW + 90, True)]


async def test_a_suspension_is_done_when_the_nodes_lifted_and_not_when_they_resume(
    context: Context, world: Nodes, installation: Installation
) -> None:
    await world.report("n1", NOW - 1)
    await taking.add(context, REQUEST)
    await world.report("n1", NOW + 1, arrival(NOW + 0.5))
    installation.now += 10
    await suspending.suspend(
        context, "O-1", until=int(NOW) + DAY, document="S-1", received_at=NOW, reason="asked"
    )
    assert ("O-1", "unblock") in await kinds(context)
    await world.report("n1", NOW + 12, arrival(NOW + 11, active=False))
    assert ("O-1", "unblock") not in await kinds(context)
    found = {each.kind.value: each for each in await due.list_due(context, done=True)}
    assert (found["unblock"].done_at, found["enforce"].done_at) == (NOW + 11, NOW + 0.5)


def test_an_enforcement_that_was_overtaken_is_not_done() -> None:
    first = OrderEffect(1, 1, EffectKind.ENFORCE, NOW, NOW, 1, everywhere_at=OVERTAKEN)
    lifted = OrderEffect(1, 2, EffectKind.LIFT, NOW + 5, NOW + 5, 2, everywhere_at=OVERTAKEN)
    again = OrderEffect(1, 3, EffectKind.ENFORCE, NOW + 9, NOW + 9, 3, everywhere_at=NOW + 10)
    suspended = replace(TAX, accepted_at=NOW, steps=(OrderStep(1, StepKind.SUSPENDED, NOW + 5, "ana"),))
    upgraded = replace(suspended, accepted_at=NOW - DAY)
    assert measured([again], suspended) == Reached(enforced_at=NOW + 10), "those before were still to come"
    assert measured([replace(again, effect=1)], upgraded) == Reached(), "blocked before anything was recorded"
    assert measured([first, lifted], suspended) == Reached()
    assert measured([first, lifted, again], suspended) == Reached(enforced_at=NOW + 10)


async def test_only_what_is_due_soon(context: Context) -> None:
    await taking.add(context, REQUEST)
    assert [each.kind.value for each in await due.list_due(context, 10 * DAY)] == ["enforce"]
    assert await due.list_due(context, 60) == []


async def test_a_report_is_noted_and_audited(context: Context, world: Nodes) -> None:
    await taking.add(context, REQUEST)
    await world.report("n1", NOW, arrival(NOW))
    order = await due.reported(context, "o-1", report="acuse 77", at=NOW - 5, digest="ab" * 32)
    told = order.last(StepKind.REPORTED)
    assert told is not None
    assert (told.evidence, told.received_at, told.at, told.actor) == ("acuse 77", NOW - 5, NOW, "ana")
    assert await kinds(context) == [("O-1", "review")]
    actions = {each.entry.action for each in await audit.tail(context, subject="order:O-1")}
    assert actions == {"order.add", "order.report", "node.applied", "node.everywhere"}
    assert not (await showing.show(context, "O-1")).damage, "its row is what the trail says"
    assert await audit.compare(context) == ()


async def test_a_report_of_what_was_not_carried_out(context: Context) -> None:
    pending = replace(
        context, settings=replace(context.settings, orders=replace(context.settings.orders, approvals=2))
    )
    await taking.add(pending, REQUEST)
    with pytest.raises(OperationError, match="nothing was carried out yet"):
        await due.reported(context, "O-1", report="acuse")
    with pytest.raises(OperationError, match="in the future"):
        await due.reported(context, "O-1", report="acuse", at=NOW + DAY)


async def test_an_emergency_end_waits_for_another_person(
    context: Context, installation: Installation
) -> None:
    await taking.add(context, REQUEST)
    installation.now += 60
    await ending.withdraw(context, "O-1", reason="a hospital", emergency=True)
    (waits,) = await due.list_due(context)
    assert (waits.kind, waits.due_at) == ("emergency_review", NOW + 60 + 3 * DAY)
    assert not waits.overdue(NOW + 60 + 3 * DAY)
    assert waits.overdue(NOW + 61 + 3 * DAY)
    assert await due.duties(context) == [], "no law sets it: nobody is alarmed"
    await reviewing.review(as_person(context, "bob"), "O-1", reason="it was")
    assert await due.list_due(context) == []
    assert [each.done_at for each in await due.list_due(context, done=True)] == [NOW + 60]


async def test_what_was_kept_and_missed_stays_when_the_order_ends(
    context: Context, world: Nodes, installation: Installation
) -> None:
    await world.report("n1", NOW - 1)
    await taking.add(context, REQUEST)
    await taking.add(context, replace(REQUEST, document="D-2", report_by=int(NOW) + 60))
    await world.report("n1", NOW + 1, arrival(NOW + 0.5), arrival(NOW + 0.5, reference="O-2"))
    installation.now += 120
    for reference in ("O-1", "O-2"):
        await ending.withdraw(context, reference, reason="mistake")
    found = await due.list_due(context, done=True)
    told = [(each.order.reference, each.kind.value, each.done_at, each.missed) for each in found]
    kept = [("O-1", "enforce", NOW + 0.5, False), ("O-2", "enforce", NOW + 0.5, False)]
    assert sorted(told) == [*kept, ("O-2", "report", 0.0, True)]
    assert await due.list_due(context) == [], "nothing of it is due"
    installation.now += 200 * DAY
    assert await due.list_due(context, done=True) == []
    assert [each.kind.value for each in await due.of_order(context, 2)] == ["report", "enforce"]


async def test_a_withdrawn_order_has_nothing_due(context: Context) -> None:
    await taking.add(context, REQUEST)
    await ending.withdraw(context, "O-1", reason="mistake")
    assert await kinds(context) == []

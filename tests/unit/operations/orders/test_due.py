"""What is due for the orders of a store, and the note that an authority was told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.model.order import StepKind
from filterd.model.records import NodeReport
from filterd.operations import audit, nodes
from filterd.operations.context import Context, OperationError
from filterd.operations.orders import due, ending, showing, taking
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.installation import NOW, Installation

MEXICO = Path(__file__).parents[4] / "policies/jurisdictions/mx.yaml"
DAY = 86_400


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    installation.write_policy("jurisdictions/mx.yaml", MEXICO.read_text(encoding="utf-8"))
    async with installation.open("ana", approvals=1) as context:
        yield context


async def node_at(context: Context, revision: int) -> None:
    """A node reports that it has the orders up to this revision."""
    await nodes.record(context, NodeReport("n1", NOW, revision, revision, "", True, {}))


async def kinds(context: Context) -> list[tuple[str, str]]:
    """What is due: order and duty."""
    return [(each.order.reference, each.kind.value) for each in await due.list_due(context)]


async def test_nothing_is_due_without_orders(context: Context) -> None:
    assert await due.list_due(context) == []


async def test_enforced_once_every_node_has_it(context: Context) -> None:
    await taking.add(context, REQUEST)
    assert await kinds(context) == [("O-1", "enforce"), ("O-1", "review")]
    await node_at(context, 0)
    assert await kinds(context) == [("O-1", "enforce"), ("O-1", "review")]
    await node_at(context, 10_000)
    assert await kinds(context) == [("O-1", "report"), ("O-1", "review")]
    done = await due.list_due(context, done=True)
    assert [each.kind.value for each in done if not each.open] == ["enforce"]


async def test_only_what_is_due_soon(context: Context) -> None:
    await taking.add(context, REQUEST)
    assert [each.kind.value for each in await due.list_due(context, 10 * DAY)] == ["enforce"]
    assert await due.list_due(context, 60) == []


async def test_a_report_is_noted_and_audited(context: Context) -> None:
    await taking.add(context, REQUEST)
    await node_at(context, 10_000)
    order = await due.reported(context, "o-1", report="acuse 77", at=NOW - 5, digest="ab" * 32)
    told = order.last(StepKind.REPORTED)
    assert told is not None
    assert (told.evidence, told.received_at, told.at, told.actor) == ("acuse 77", NOW - 5, NOW, "ana")
    assert await kinds(context) == [("O-1", "review")]
    actions = {each.entry.action for each in await audit.tail(context, subject="order:O-1")}
    assert actions == {"order.add", "order.report"}
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


async def test_a_withdrawn_order_has_nothing_due(context: Context) -> None:
    await taking.add(context, REQUEST)
    await ending.withdraw(context, "O-1", reason="mistake")
    assert await kinds(context) == []

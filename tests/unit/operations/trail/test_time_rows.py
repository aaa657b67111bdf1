"""The times of orders must be what the nodes told: ``audit verify`` compares the rows with the entries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from filterd.cli.waiting import spans
from filterd.model.order_times import SINGLE, OrderArrival, ProbeState
from filterd.operations import audit
from filterd.operations.context import Context
from filterd.operations.orders import ending, taking
from tests.unit.operations.test_order_times import Nodes
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.installation import NOW, Installation
from tests.worlds.trail import tamper


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    """One approval is enough."""
    async with installation.open("ana", approvals=1) as opened:
        yield opened


async def enforced(context: Context, installation: Installation) -> Nodes:
    """An order that two nodes have and one saw; then it is withdrawn, and one node lacks that."""
    world = Nodes(context)
    for name in ("a", "b"):
        await world.report(name, NOW - 1)
    await taking.add(context, REQUEST)
    here = OrderArrival("O-1", 10_000, True, NOW + 0.1)
    await world.report("a", NOW + 0.2, here)
    await world.report("b", NOW + 0.5, replace(here, at=NOW + 0.4))
    await world.report("a", NOW + 3, replace(here, probe=ProbeState.SEEN, probed_at=NOW + 2))
    installation.now = NOW + 10
    await ending.withdraw(context, "O-1", reason="revoked")
    await world.report("a", NOW + 11, OrderArrival("O-1", 20_000, False, NOW + 10.5))
    return world


async def faults(context: Context) -> list[tuple[str, str]]:
    """The subjects at fault, and why."""
    return [(each.subject, each.fault) for each in await audit.compare(context)]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE order_effect SET everywhere_at = everywhere_at - 86400 WHERE effect = 1", "every node"),
        ("UPDATE order_effect SET everywhere_at = 0, nodes = 0 WHERE effect = 1", "every node"),
        ("UPDATE order_effect SET nodes = 3 WHERE effect = 1", "every node"),
        ("UPDATE order_effect SET everywhere_at = 1800000010.5, nodes = 1 WHERE effect = 2", "every node"),
        ("UPDATE order_effect SET decided_at = decided_at - 60 WHERE effect = 1", "no decision"),
        ("UPDATE order_effect SET due_at = due_at + 60 WHERE effect = 1", "not what the node told"),
        ("UPDATE order_effect SET kind = 'lift' WHERE effect = 1", "not what the node told"),
        ("UPDATE order_node SET applied_at = applied_at - 1 WHERE node = 'b'", "not what the node told"),
        ("UPDATE order_node SET exact = 0 WHERE node = 'b'", "not what the node told"),
        ("UPDATE order_node SET probe = 'seen' WHERE node = 'b'", "the probe of effect 1 on node b"),
        ("UPDATE order_node SET probe = 'contrary' WHERE effect = 1 AND node = 'a'", "the probe of effect 1"),
        ("UPDATE order_node SET node = 'c' WHERE node = 'b'", "is gone"),
        ("DELETE FROM order_node WHERE node = 'b'", "the row of effect 1 on node b is gone"),
        ("INSERT INTO order_node VALUES (1, 2, 'b', 1800000010.5, 1, '', 0, '')", "no entry tells"),
        ("DELETE FROM order_effect WHERE effect = 2", "the row of effect 2"),
    ],
)
async def test_a_row_that_was_changed_is_found(
    context: Context, installation: Installation, statement: str, says: str
) -> None:
    await enforced(context, installation)
    assert await faults(context) == []
    tamper(installation, statement)
    ((subject, fault),) = await faults(context)
    assert (subject, says in fault) == ("order:O-1", True), fault


@pytest.mark.ring("night")
async def test_times_told_together_are_compared_with_their_digest(
    context: Context, installation: Installation
) -> None:
    world = Nodes(context)
    for number in range(SINGLE + 1):
        await taking.add(context, replace(REQUEST, document=f"{number}"))
    await world.report("new", NOW + 1)
    assert await faults(context) == []
    tamper(installation, "UPDATE order_node SET applied_at = applied_at - 1 WHERE order_number = 7")
    found = await faults(context)
    assert ("node:new", "the times of orders on it are not what it told") in found
    tamper(installation, "UPDATE order_node SET applied_at = applied_at + 1 WHERE order_number = 7")
    assert await faults(context) == []
    tamper(installation, "UPDATE order_effect SET everywhere_at = everywhere_at - 1 WHERE order_number = 7")
    assert [subject for subject, _ in await faults(context)] == ["order:O-7"]


async def test_an_order_of_before_has_neither_rows_nor_entries(
    context: Context, installation: Installation
) -> None:
    await taking.add(context, REQUEST)
    tamper(installation, "DELETE FROM order_effect")
    assert await faults(context) == []


async def test_an_order_whose_rows_were_altered_is_shown_all_the_same(
    context: Context, installation: Installation
) -> None:
    world = await enforced(context, installation)
    tamper(installation, "DELETE FROM order_node")
    found = (await world.times()).enforcement
    assert found is not None
    assert found.all_nodes_at
    assert "filterd audit verify" in spans(found, probing=False)

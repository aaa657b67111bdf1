"""An order that overrides protection is taken in, approved by two people, and compiled into the snapshot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.model.order import OrderState
from filterd.model.rule import Scope
from filterd.operations import snapshots
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.orders import ending, expiring, showing, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.orders.showing import Lifted
from filterd.policy import snapshot_layout
from filterd.policy.overriding import OVERRIDING
from filterd.store import orders as rows
from tests.unit.operations.test_order_times import Nodes, arrival
from tests.worlds.installation import NOW, Installation, as_person

REQUEST = OrderRequest(
    authority="SAT",
    official="A. Official",
    document="1/2026",
    ground="LIVA 18-H",
    reason="notified",
    entries=(("shop.portal.example", Scope.EXACT),),
    proportionality="one shop of many, named by the judge",
    override_protection=True,
)


async def test_it_is_in_the_snapshot(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        added = await taking.add(context, REQUEST)
        assert added.state is OrderState.PENDING
        order = await taking.approve(as_person(context, "bob"), "O-1")
        assert order.state is OrderState.ACCEPTED
        assert await showing.lifted(context, order) == Lifted(1, ("portal.example",))
        await snapshots.make(context)
        meta = snapshots.meta_in_force(context.settings.state_dir / snapshot_layout.DIRECTORY)
        assert meta is not None
        assert meta[OVERRIDING] == [257]
        assert await showing.lifted(context, order) == Lifted()


async def test_it_takes_two_people_before_its_name_is_protected(installation: Installation) -> None:
    alone = replace(REQUEST, entries=(("solo.example", Scope.EXACT),))
    async with installation.open(approvals=1) as context:
        added = await taking.add(context, alone)
        assert added.state is OrderState.PENDING
        async with context.store.read() as connection:
            assert await rows.overriding(connection, context.person_of) == []
        order = await taking.approve(as_person(context, "bob"), "O-1")
        assert order.state is OrderState.ACCEPTED
        async with context.store.read() as connection:
            assert await rows.overriding(connection, context.person_of) == [257]
            assert await rows.overriding(connection, lambda _: "ana") == [], "two accounts of one person"


async def test_one_that_one_person_put_in_force_overrides_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = replace(REQUEST, entries=(("solo.example", Scope.EXACT),))
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        with monkeypatch.context() as old:
            old.setattr(taking, "_people", lambda *_: 1)
            assert (await taking.add(context, alone)).state is OrderState.ACCEPTED
        installation.write_policy("protected.yaml", "public_suffixes: true\nnames: {exact: [solo.example]}\n")
        await snapshots.make(context)
        meta = snapshots.meta_in_force(context.settings.state_dir / snapshot_layout.DIRECTORY)
        assert meta is not None
        assert not meta.get(OVERRIDING)
        assert await showing.lifted(context, await showing.show(context, "O-1")) == Lifted(
            1, ("solo.example",)
        )


async def test_a_clock_of_control_that_is_ahead_protects_no_name_of_it(installation: Installation) -> None:
    ends = int(installation.now) + 86_400
    async with installation.open(approvals=1) as context:
        world = Nodes(context)
        await world.report("a", installation.now)
        await taking.add(context, replace(REQUEST, not_after=ends))
        await taking.approve(as_person(context, "bob"), "O-1")
        await world.report("a", installation.now)
        right, installation.now = installation.now, ends + 3600.0
        assert await expiring.record_ends(as_person(context, "control")) == 1
        await world.report("a", installation.now, sent_at=right)
        assert await overriding(context) == [257], "the node, whose clock is right, has it in force"
        installation.now += 3600.0
        await world.report("a", installation.now)
        assert await overriding(context) == [], "the node told that it ended it"


@pytest.mark.ring("night")
async def test_a_node_has_it_once_its_snapshot_protects_the_name_no_more(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        await snapshots.make(context)
        before = (await snapshots.history(context))[0].digest
        world = Nodes(context)
        await world.report("a", NOW, snapshot_digest=before)
        await taking.add(context, REQUEST)
        await taking.approve(as_person(context, "bob"), "O-1")
        told = arrival(NOW + 0.1)
        await world.report("a", NOW + 1, told, snapshot_digest=before)
        found = (await world.times()).enforcement
        assert found is not None
        assert (found.all_nodes_at, [each.state for each in found.nodes]) == (0.0, ["waiting"])
        await snapshots.make(context)
        await world.report("a", NOW + 8, told, snapshot_digest=before)
        await world.report("a", NOW + 9, told, snapshot_digest=(await snapshots.history(context))[0].digest)
        found = (await world.times()).enforcement
        assert found is not None
        assert (found.all_nodes_at, [each.exact for each in found.nodes]) == (NOW + 9, [False])
        await ending.withdraw(context, "O-1", reason="another site was meant")
        await world.report("a", NOW + 10, arrival(NOW + 9.5, active=False), snapshot_digest=before)
        lifting = (await world.times()).lifting
        assert lifting is not None
        assert lifting.all_nodes_at == NOW + 9.5


async def overriding(context: Context) -> list[int]:
    """The orders whose names the next snapshot does not protect."""
    async with context.store.read() as connection:
        return await rows.overriding(connection, context.person_of)

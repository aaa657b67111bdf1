"""An order that overrides protection is taken in, approved by two people, and compiled into the snapshot."""

from __future__ import annotations

from filterd.model.order import OrderState
from filterd.model.rule import Scope
from filterd.operations import snapshots
from filterd.operations.feeds import updating
from filterd.operations.orders import showing, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.orders.showing import Lifted
from filterd.policy import snapshot_layout
from filterd.policy.overriding import OVERRIDING
from tests.worlds.installation import Installation, as_person

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

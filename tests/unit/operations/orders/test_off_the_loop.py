"""What takes long for a large order is done on threads: each of these held the event loop, and with it every
page of the web process, for 0.1 to 0.5 s."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from filterd.model import order_rows
from filterd.model.order import OrderState
from filterd.model.rule import Scope
from filterd.operations import exceptions, snapshots, staying
from filterd.operations.feeds import updating
from filterd.operations.orders import guards, showing, taking, warnings
from filterd.operations.orders.intake import OrderRequest
from filterd.store import orders as rows
from tests.worlds.installation import Installation, as_person


@pytest.fixture
def on_loop(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the functions that were called on the thread of the event loop."""
    found: list[str] = []

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            if threading.current_thread() is threading.main_thread():
                found.append(name)
            return real(*given)

        return call

    monkeypatch.setattr(rows, "FEW_ROWS", -1)
    monkeypatch.setattr(order_rows, "orders_of", watched("orders_of", order_rows.orders_of))
    for module in (showing, taking, warnings):
        monkeypatch.setattr(module, "guards", watched("guards", guards.guards))
    for name in ("hits", "overlap"):
        monkeypatch.setattr(guards.Guards, name, watched(name, getattr(guards.Guards, name)))
    monkeypatch.setattr(staying, "in_closed_hours", watched("in_closed_hours", staying.in_closed_hours))
    return found


async def test_an_order_is_taken_in_approved_and_shown(
    installation: Installation, on_loop: list[str]
) -> None:
    asked = OrderRequest("A", "O", "D", "G", "R", (("ordered.example", Scope.SUBTREE),))
    async with installation.open(approvals=2) as context:
        made = await taking.add(context, asked)
        await warnings.notices(context, made)
        accepted = await taking.approve(as_person(context, "bruno"), made.reference)
        assert accepted.state is OrderState.ACCEPTED
        await showing.hits_of(context, accepted)
        await showing.lifted(context, accepted)
        await showing.list_orders(context)
        await showing.page(context)
    assert on_loop == []


async def test_an_exception_is_held_against_the_hours_of_profiles(
    installation: Installation, on_loop: list[str]
) -> None:
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        on_loop.clear()
        await exceptions.add(context, "shop.example", 3_600, reason="ticket 3")
    assert on_loop == []

"""An order's life: each state allows what makes sense and no more, each step is on record, nodes are told."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest

from filterd.model.changelog import CHANGES_SQL, MANDATORY, OrderChange, decode
from filterd.model.full_state import mandatory_state
from filterd.model.order import Order, OrderState, StepKind
from filterd.model.rule import Scope
from filterd.operations import audit
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError
from filterd.operations.orders import ending, expiring, lifting, showing, suspending, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.plain_records import standing
from filterd.store.ledger import ORDER_STEP, WITHDRAWAL, Ledger
from tests.worlds.installation import NOW, Installation, as_person

HOUR = 3600
REQUEST = OrderRequest(
    authority="SAT",
    official="A. Official",
    document="500-2026-1",
    ground="LIVA 18-H QUINTUS",
    reason="notified today",
    entries=(("bad.example", Scope.SUBTREE), ("also.example", Scope.EXACT)),
)


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open("ana") as context:
        yield context


async def accepted(context: Context, request: OrderRequest = REQUEST) -> Order:
    added = await taking.add(context, request)
    return await taking.approve(as_person(context, "bob"), added.reference)


def newest(installation: Installation) -> OrderChange:
    """What nodes were told last, which is also what one that starts anew reads."""
    with closing(sqlite3.connect(installation.database)) as raw:
        rows = raw.execute(CHANGES_SQL, (MANDATORY, 0, 999, 999)).fetchall()
        last = [decode(kind, payload) for _, _, kind, _, payload, *_ in rows][-1]
        assert isinstance(last, OrderChange)
        (whole,) = [each for each in mandatory_state(raw.execute) if each == last]
        assert isinstance(whole, OrderChange)
    return whole


async def test_a_suspension_ends_by_itself_on_nodes_and_control_notes_it(
    context: Context, installation: Installation
) -> None:
    await accepted(context)
    until = int(NOW) + HOUR
    order = await suspending.suspend(
        context, "o-1", until=until, document="S-7", received_at=NOW - 60, reason="asked for"
    )
    assert order.state is OrderState.SUSPENDED
    assert not order.in_force(NOW + HOUR - 1)
    assert order.in_force(until)
    assert (newest(installation).not_before, newest(installation).withdrawn) == (until, False)
    assert len(newest(installation).names) == 2
    assert await expiring.note(context) == 0
    assert [standing(order, at) for at in (NOW, until)] == ["suspended", "in force"]
    installation.now = until + 5
    assert await expiring.note(replace(context, actor="control")) == 1
    assert await expiring.note(context) == 0
    order = await showing.show(context, "O-1")
    first, second = order.steps
    assert (first.kind, first.at, first.actor, first.reason) == (StepKind.SUSPENDED, NOW, "ana", "asked for")
    assert (first.document, first.received_at, first.until) == ("S-7", NOW - 60, until)
    assert (second.kind, second.at, second.actor, second.until) == (
        StepKind.RESUMED,
        float(until),
        "control",
        until,
    )
    assert order.state is OrderState.ACCEPTED
    assert newest(installation).not_before == until, "nodes hold what they held"
    assert not order.damage


async def test_a_clock_of_control_that_is_ahead_resumes_and_ends_nothing(
    context: Context, installation: Installation
) -> None:
    await accepted(context, replace(REQUEST, not_after=int(NOW) + 2 * HOUR))
    until = int(NOW) + HOUR
    await suspending.suspend(context, "O-1", until=until, document="S-7", reason="asked for")
    installation.now = until + 1
    await expiring.note(context)
    order = await showing.show(context, "O-1")
    assert order.state is OrderState.ACCEPTED
    assert standing(order, NOW + 60) == "suspended"
    installation.now = NOW + 3 * HOUR
    await expiring.note(context)
    order = await showing.show(context, "O-1")
    assert order.state is OrderState.EXPIRED
    assert standing(order, until + 60) == "in force", "it is, on every node whose clock is right"
    assert standing(order, NOW + 3 * HOUR) == "expired"
    assert (newest(installation).not_before, newest(installation).not_after) == (until, int(NOW) + 2 * HOUR)


async def test_a_term_that_is_over_is_noted_at_its_end(context: Context, installation: Installation) -> None:
    end = int(NOW) + HOUR
    await accepted(context, replace(REQUEST, not_after=end))
    installation.now = end - 1
    assert await expiring.note(context) == 0
    installation.now = end + 500
    assert await expiring.note(replace(context, actor="control")) == 1
    order = await showing.show(context, "O-1")
    assert (order.state, order.steps[-1].kind) == (OrderState.EXPIRED, StepKind.EXPIRED)
    assert (order.steps[-1].at, order.steps[-1].actor) == (float(end), "control")
    assert await showing.count(context) == dict.fromkeys(map(str, OrderState), 0) | {"expired": 1}


async def test_many_terms_are_noted_a_few_at_a_time_and_damaged_ones_stand_in_nobodys_way(
    context: Context, installation: Installation
) -> None:
    for number in range(5):
        await accepted(context, replace(REQUEST, not_after=int(NOW) + HOUR, document=f"D-{number}"))
    with closing(sqlite3.connect(installation.database)) as raw, raw:
        raw.execute("UPDATE orders SET official = 'somebody else' WHERE number = 1")
    installation.now += 2 * HOUR
    patch = pytest.MonkeyPatch()
    with patch.context() as few:
        few.setattr(expiring, "AT_ONCE", 3)
        assert [await expiring.note(context) for _ in range(3)] == [3, 1, 0]
    states = [each.state for each in await showing.list_orders(context)]
    assert states == [OrderState.ACCEPTED] + [OrderState.EXPIRED] * 4


async def test_it_resumes_before_its_time(context: Context, installation: Installation) -> None:
    await accepted(context)
    await suspending.suspend(context, "O-1", until=int(NOW) + HOUR, document="S-7", reason="asked for")
    order = await suspending.resume(context, "O-1", reason="asked again")
    assert (order.state, order.in_force(NOW)) == (OrderState.ACCEPTED, True)
    assert newest(installation).not_before == 0


async def test_a_lifting_says_who_demanded_it_and_when_it_came_in(
    context: Context, installation: Installation
) -> None:
    await accepted(context)
    installation.now += 50
    order = await lifting.lift(
        context, "O-1", document="L-9", received_at=NOW + 10, reason="the judge lifted it"
    )
    assert order.state is OrderState.LIFTED
    (step,) = order.steps
    assert (step.document, step.received_at, step.at) == ("L-9", NOW + 10, NOW + 50)
    assert newest(installation).withdrawn
    assert newest(installation).names == ()
    before = await audit.verify(context)
    assert await lifting.lift(context, "O-1", document="L-9", reason="again") == order
    assert await ending.withdraw(context, "O-1", reason="again") == order
    assert await audit.verify(context) == before
    with pytest.raises(ConflictError, match="O-1 was lifted: there is nothing to lift"):
        await lifting.lift(context, "O-1", document="L-10", reason="another")
    ended = Ledger(installation.settings.store.ledger).endings()
    assert [(each.kind, each.number) for each in ended] == [(WITHDRAWAL, 1)]


async def test_the_ledger_knows_of_steps_that_a_restore_would_lose(
    context: Context, installation: Installation
) -> None:
    await accepted(context)
    await suspending.suspend(context, "O-1", until=int(NOW) + HOUR, document="S-7", reason="asked for")
    installation.now += 2 * HOUR
    await expiring.note(context)
    ended = Ledger(installation.settings.store.ledger).endings()
    assert [(each.kind, each.number) for each in ended] == [(ORDER_STEP, 1)], "a note is made again"


@pytest.mark.parametrize(
    ("until", "said"),
    [(-1, "would end before it begins"), (0, "would end before it begins"), (3 * HOUR, "over by then")],
)
async def test_a_suspension_that_makes_no_sense(context: Context, until: int, said: str) -> None:
    await accepted(context, replace(REQUEST, not_after=int(NOW) + 3 * HOUR))
    with pytest.raises(OperationError, match=said):
        await suspending.suspend(context, "O-1", until=int(NOW) + until, document="S-7", reason="asked for")


async def test_nobody_approves_what_is_over(context: Context, installation: Installation) -> None:
    await taking.add(context, replace(REQUEST, not_after=int(NOW) + HOUR))
    installation.now += 2 * HOUR
    with pytest.raises(ConflictError, match="the term of order O-1 is over"):
        await taking.approve(as_person(context, "bob"), "O-1")

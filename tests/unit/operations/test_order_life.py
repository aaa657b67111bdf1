"""An order's life: each state allows what makes sense and no more, each step is on record, nodes are told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import replace

import pytest

from filterd.config.people_settings import PersonSettings
from filterd.model.changelog import CHANGES_SQL, MANDATORY, OrderChange, decode
from filterd.model.full_state import mandatory_state
from filterd.model.order import OFF_NODES, Order, OrderState, StepKind
from filterd.model.rule import Scope
from filterd.operations import audit
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, NotAllowedError
from filterd.operations.orders import (
    confirming,
    ending,
    expiring,
    lifting,
    outside,
    people,
    reviewing,
    showing,
    suspending,
    taking,
)
from filterd.operations.orders.basis import DEFAULT_REVIEW
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.orders.life import ALLOWED, LifeAct
from filterd.operations.plain_records import plain_order, standing
from filterd.store.ledger import ORDER_ACCEPTED, ORDER_STEP, WITHDRAWAL, Ledger
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
    assert await expiring.record_ends(context) == 0
    assert [standing(order, at) for at in (NOW, until)] == ["suspended", "in force"]
    installation.now = until + 5
    assert await expiring.record_ends(replace(context, actor="control")) == 1
    assert await expiring.record_ends(context) == 0
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
    await expiring.record_ends(context)
    order = await showing.show(context, "O-1")
    assert order.state is OrderState.ACCEPTED
    assert standing(order, NOW + 60) == "suspended"
    installation.now = NOW + 3 * HOUR
    await expiring.record_ends(context)
    order = await showing.show(context, "O-1")
    assert order.state is OrderState.EXPIRED
    assert standing(order, until + 60) == "in force", "it is, on every node whose clock is right"
    assert standing(order, NOW + 3 * HOUR) == "expired"
    assert (newest(installation).not_before, newest(installation).not_after) == (until, int(NOW) + 2 * HOUR)


async def test_a_suspension_that_a_clock_ahead_ended_can_be_ended_early(
    context: Context, installation: Installation
) -> None:
    await accepted(context)
    until = int(NOW) + 10 * DAY
    await suspending.suspend(context, "O-1", until=until, document="S-7", reason="asked for")
    installation.now = NOW + 30 * DAY
    assert await expiring.record_ends(context) == 1
    installation.now = NOW + HOUR
    order = await suspending.resume(context, "O-1", reason="the authority: at once")
    assert (order.state, order.in_force(NOW + HOUR)) == (OrderState.ACCEPTED, True)
    assert newest(installation).not_before == 0
    assert await expiring.record_ends(context) == 0
    assert not (await showing.show(context, "O-1")).damage


async def test_control_takes_back_what_it_noted_by_a_clock_that_was_ahead(
    context: Context, installation: Installation
) -> None:
    await accepted(context)
    end, until = int(NOW) + 20 * DAY, int(NOW) + 10 * DAY
    await accepted(context, replace(REQUEST, not_after=end))
    await suspending.suspend(
        context, "O-1", until=until, document="S-7", received_at=NOW - 60, reason="asked for"
    )
    installation.now = NOW + 30 * DAY
    assert await expiring.record_ends(context) == 2
    states = [each.state for each in await showing.list_orders(context)]
    assert states == [OrderState.ACCEPTED, OrderState.EXPIRED]
    installation.now = end - expiring.SLACK
    assert await expiring.record_ends(context) == 0, "its time comes again soon"
    installation.now = NOW + DAY
    assert await expiring.record_ends(replace(context, actor="control")) == 2
    assert await expiring.record_ends(context) == 0
    suspended, running = await showing.list_orders(context)
    assert (suspended.state, running.state) == (OrderState.SUSPENDED, OrderState.ACCEPTED)
    again = suspended.steps[-1]
    assert (again.at, again.document, again.received_at, again.until) == (NOW, "S-7", NOW - 60, until)
    assert (again.actor, again.reason.startswith("the clock was ahead")) == ("control", True)
    assert not running.damage
    assert (newest(installation).not_before, suspended.not_before) == (until, until)
    installation.now = until
    assert await expiring.record_ends(context) == 1
    assert (await showing.show(context, "O-1")).state is OrderState.ACCEPTED


@pytest.mark.parametrize("act", [LifeAct.SUSPEND, LifeAct.CONFIRM, LifeAct.EXECUTE])
async def test_an_order_that_a_clock_ahead_expired_is_decided_on_as_it_is(
    context: Context, installation: Installation, act: LifeAct
) -> None:
    await accepted(context, replace(REQUEST, not_after=int(NOW) + DAY))
    installation.now = NOW + 2 * DAY
    await expiring.record_ends(context)
    installation.now = NOW
    found = await ACTS[act](context)
    assert found.state is AFTER.get(act, OrderState.ACCEPTED)


async def test_a_term_that_is_over_is_noted_at_its_end(context: Context, installation: Installation) -> None:
    end = int(NOW) + HOUR
    await accepted(context, replace(REQUEST, not_after=end))
    installation.now = end - 1
    assert await expiring.record_ends(context) == 0
    installation.now = end + 500
    assert await expiring.record_ends(replace(context, actor="control")) == 1
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
        assert [await expiring.record_ends(context) for _ in range(3)] == [3, 1, 0]
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
    assert [(each.kind, each.number) for each in ended] == [(ORDER_ACCEPTED, 1), (WITHDRAWAL, 1)]


async def test_the_ledger_knows_of_steps_that_a_restore_would_lose(
    context: Context, installation: Installation
) -> None:
    await accepted(context)
    await suspending.suspend(context, "O-1", until=int(NOW) + HOUR, document="S-7", reason="asked for")
    installation.now += 2 * HOUR
    await expiring.record_ends(context)
    ended = Ledger(installation.settings.store.ledger).endings()
    assert [each.kind for each in ended] == [ORDER_ACCEPTED, ORDER_STEP], "a note is made again"


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


async def _in_state(context: Context, state: OrderState) -> None:
    """O-1 in a state, as people and the clock bring it there."""
    if state is OrderState.QUARANTINED:
        await taking.add(context, replace(REQUEST, entries=(("help.example", Scope.EXACT),)))
        return
    if state is OrderState.PENDING:
        await taking.add(context, REQUEST)
        return
    await accepted(context, replace(REQUEST, not_after=int(NOW) + DAY))
    if state is OrderState.SUSPENDED:
        await ACTS[LifeAct.SUSPEND](context)
    elif state is OrderState.OUTSIDE_DNS:
        await ACTS[LifeAct.EXECUTE](context)
    elif state is OrderState.EXPIRED:
        await expiring.record_ends(replace(context, clock=lambda: NOW + DAY))
    elif state is OrderState.LIFTED:
        await ACTS[LifeAct.LIFT](context)
    elif state is OrderState.WITHDRAWN:
        await ACTS[LifeAct.WITHDRAW](context)


DAY = 24 * HOUR
ACTS: dict[LifeAct, Callable[[Context], Awaitable[Order]]] = {
    LifeAct.APPROVE: lambda context: taking.approve(as_person(context, "eva"), "O-1"),
    LifeAct.SUSPEND: lambda context: suspending.suspend(
        context, "O-1", until=int(NOW) + HOUR, document="S-1", reason="asked for"
    ),
    LifeAct.RESUME: lambda context: suspending.resume(context, "O-1", reason="asked for"),
    LifeAct.LIFT: lambda context: lifting.lift(context, "O-1", document="L-1", reason="demanded"),
    LifeAct.WITHDRAW: lambda context: ending.withdraw(context, "O-1", reason="wrong"),
    LifeAct.CONFIRM: lambda context: confirming.confirm(context, "O-1", reason="needed"),
    LifeAct.EXECUTE: lambda context: outside.execute(context, "O-1", evidence="the page was taken down"),
}
AFTER = {
    LifeAct.APPROVE: OrderState.ACCEPTED,
    LifeAct.SUSPEND: OrderState.SUSPENDED,
    LifeAct.RESUME: OrderState.ACCEPTED,
    LifeAct.LIFT: OrderState.LIFTED,
    LifeAct.WITHDRAW: OrderState.WITHDRAWN,
    LifeAct.EXECUTE: OrderState.OUTSIDE_DNS,
}
TABLE = {
    #            pending quarantined accepted suspended outside expired lifted withdrawn
    LifeAct.APPROVE: "x x - - - - - -",
    LifeAct.SUSPEND: "- - x x - - - -",
    LifeAct.RESUME: "- - - x - - - -",
    LifeAct.LIFT: "x x x x x x = -",
    LifeAct.WITHDRAW: "x x x x x x = =",
    LifeAct.CONFIRM: "- - x x x - - -",
    LifeAct.EXECUTE: "x x x x x - - -",
}
"""x: it makes sense; =: it changes nothing; -: it is refused. docs/orders.md has the same"""


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("act", TABLE)
async def test_each_state_allows_what_makes_sense_and_no_more(
    context: Context, installation: Installation, state: OrderState, act: LifeAct
) -> None:
    await _in_state(context, state)
    if state is OrderState.EXPIRED:
        installation.now = NOW + DAY
    sign = TABLE[act].split()[list(OrderState).index(state)]
    before = await showing.show(context, "O-1")
    assert before.state is state
    assert (sign == "x") is (state in ALLOWED[act])
    proof = await audit.verify(context)
    if sign == "x" and not (act is LifeAct.APPROVE and state is OrderState.QUARANTINED):
        found = await ACTS[act](context)
        assert found.state is AFTER.get(act, state)
        assert not (await showing.show(context, "O-1")).damage
        assert newest(installation).withdrawn is (found.state in OFF_NODES)
    elif sign == "=":
        assert await ACTS[act](context) == before
        assert await audit.verify(context) == proof
    else:
        with pytest.raises(OperationError) as refused:
            await ACTS[act](context)
        assert "O-1" in str(refused.value)
        assert refused.value.remedy
        assert await audit.verify(context) == proof


async def test_another_person_looks_at_an_emergency_end(context: Context, installation: Installation) -> None:
    await accepted(context)
    ended = await lifting.lift(context, "O-1", document="L-1", reason="a hospital", emergency=True)
    assert [each.kind for each in ended.steps] == [StepKind.LIFTED, StepKind.EMERGENCY]
    installation.now += reviewing.WITHIN
    assert reviewing.overdue([ended], installation.now) == ()
    installation.now += 1
    assert reviewing.overdue([ended], installation.now) == (ended,)
    with pytest.raises(ConflictError, match="ana stands behind"):
        await reviewing.review(context, "O-1", reason="fine")
    looked = await reviewing.review(as_person(context, "bob"), "O-1", reason="it was a hospital")
    assert looked.unreviewed is None
    with pytest.raises(ConflictError, match="no emergency end"):
        await reviewing.review(as_person(context, "bob"), "O-1", reason="again")


async def test_a_confirmation_sets_the_next_review(context: Context) -> None:
    await accepted(context)
    first = await confirming.confirm(context, "O-1", reason="needed")
    assert first.review_at == int(NOW) + DEFAULT_REVIEW
    second = await confirming.confirm(context, "O-1", until=int(NOW) + HOUR, document="C-1", reason="held")
    assert (second.review_at, second.steps[-1].document) == (int(NOW) + HOUR, "C-1")
    with pytest.raises(OperationError, match="lies in the past"):
        await confirming.confirm(context, "O-1", until=int(NOW), reason="held")


async def test_names_of_what_was_executed_outside_dns_leave_the_nodes(
    context: Context, installation: Installation
) -> None:
    await accepted(context)
    order = await outside.execute(context, "O-1", evidence="ticket 7: taken down", digest="AB" * 32)
    assert (order.steps[-1].evidence, order.steps[-1].digest) == ("ticket 7: taken down", "ab" * 32)
    assert newest(installation).names == ()
    assert plain_order(order, NOW)["steps"][0]["kind"] == "executed"
    with pytest.raises(OperationError, match="no SHA-256"):
        await outside.execute(context, "O-1", evidence="more", digest="ab")


@pytest.mark.parametrize("bad", ["two\nlines", "\x1b[31mred", "x" * 1001])
async def test_a_reason_is_one_line_that_can_be_printed(context: Context, bad: str) -> None:
    await accepted(context)
    with pytest.raises(OperationError, match="cannot be printed"):
        await suspending.suspend(context, "O-1", until=int(NOW) + HOUR, document="S-1", reason=bad)
    with pytest.raises(OperationError, match="cannot be printed"):
        await lifting.lift(context, "O-1", document=bad, reason="demanded")


async def test_two_people_who_act_at_once_do_one_thing_after_the_other(context: Context) -> None:
    await accepted(context)
    both = await asyncio.gather(
        ACTS[LifeAct.LIFT](context),
        ACTS[LifeAct.SUSPEND](as_person(context, "bob")),
        return_exceptions=True,
    )
    order = await showing.show(context, "O-1")
    assert order.state is OrderState.LIFTED
    assert not order.damage
    assert sum(isinstance(each, Order) for each in both) in (1, 2)


async def test_a_confidential_order_keeps_its_names_through_its_life(
    context: Context, installation: Installation
) -> None:
    await accepted(context, replace(REQUEST, confidential=True))
    await ACTS[LifeAct.SUSPEND](context)
    await ACTS[LifeAct.RESUME](context)
    assert newest(installation).fingerprints is not None
    await ACTS[LifeAct.EXECUTE](context)
    trail = installation.database.read_bytes()
    assert b"bad.example" not in trail
    assert b"also.example" not in trail


async def test_a_damaged_order_is_not_decided_on(context: Context, installation: Installation) -> None:
    await accepted(context)
    await ACTS[LifeAct.SUSPEND](context)
    with closing(sqlite3.connect(installation.database)) as raw, raw:
        raw.execute("UPDATE order_step SET until = until + 999")
    for act in (LifeAct.RESUME, LifeAct.LIFT, LifeAct.CONFIRM, LifeAct.EXECUTE):
        with pytest.raises(OperationError, match="damaged"):
            await ACTS[act](context)
    assert await expiring.record_ends(replace(context, clock=lambda: NOW + 2 * DAY)) == 0


PEOPLE = (PersonSettings("ana", ("ana", "ana-admin", "aperez")),)


def _with_people(context: Context) -> Context:
    return replace(context, settings=replace(context.settings, people=PEOPLE))


@pytest.mark.parametrize("account", ["ana-admin", "aperez"])
async def test_one_human_is_one_person_whatever_the_account(context: Context, account: str) -> None:
    await taking.add(context, REQUEST)
    other = replace(_with_people(context), actor=account)
    with pytest.raises(ConflictError, match="ana stands behind order O-1 already"):
        await taking.approve(other, "O-1")
    with pytest.raises(NotAllowedError, match="ana made this token"):
        await taking.approve(replace(other, actor="bob", token_made_by=account), "O-1")
    stranger = await taking.approve(as_person(_with_people(context), "bob"), "O-1")
    assert stranger.state is OrderState.ACCEPTED
    await lifting.lift(context, "O-1", document="L-1", reason="a hospital", emergency=True)
    with pytest.raises(ConflictError, match="ana stands behind"):
        await reviewing.review(other, "O-1", reason="fine")


async def test_a_token_of_ones_other_account_is_ones_own(context: Context) -> None:
    maker = "aperez"
    own = replace(_with_people(context), actor="ana", token_made_by=maker)
    people.require_own(own, 2)
    maker = "bob"
    with pytest.raises(NotAllowedError):
        people.require_own(replace(own, token_made_by=maker), 2)

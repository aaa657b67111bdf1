"""The trouble of one ticket, with its text, its order or its change: it is told, and no other one waits."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.ticket_messages import Ticket, Tickets, read_tickets
from filterd.model.order import OrderState
from filterd.operations.context import Context
from filterd.operations.orders import ending, intake, showing
from filterd.operations.registers import ticket_full, ticket_visits
from filterd.operations.registers.documents import room_of
from filterd.operations.registers.items import CapacityLeft
from filterd.operations.registers.ticket_channel import TicketChannel
from filterd.operations.registers.ticket_visits import AWAY, TICKETS
from tests.unit.operations.registers.conftest import Live, no_lookup
from tests.worlds.installation import as_person


async def test_an_entry_that_nothing_can_store_is_refused_by_itself(live: Live) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", "\ud800", "http://kept.example/\udfff", at=at)
    live.platform.add("T-2", "good.example", at=at + 1)
    assert (await live.turn()).visit.taken == ["T-1", "T-2"]
    assert await live.names("O-1") == ["good.example"]
    assert await live.deliver() == 2
    assert live.platform.processed == ["good.example"]
    assert set(live.platform.unprocessed.values()) == {"MALFORMED"}
    assert len(live.platform.unprocessed) == 2


@pytest.mark.ring("night")
@pytest.mark.parametrize("status", [404, 500, 401])
async def test_a_ticket_whose_text_does_not_come_keeps_no_other_one_out(live: Live, status: int) -> None:
    at = live.installation.now - 600
    bad = [f"T-{each}" for each in range(AWAY + 1)]
    for each in bad:
        live.platform.add(each, f"{each}.example", at=at)
    live.platform.add("T-8", "good.example", at=at + 1)
    live.platform.no_text = dict.fromkeys(bad, status)
    first, second = await live.turn(), await live.turn()
    assert first.visit.taken + second.visit.taken == ["T-8"]
    assert "ticket T-" in second.problem
    waits = "2 more tickets wait: the platform does not give their texts"
    assert (waits in first.visit.problems) is (status != 404), "a refused login is not tried for each ticket"
    live.platform.no_text = {}
    assert sorted((await live.turn()).visit.taken) == bad


async def test_a_ticket_that_comes_late_blocks_nothing_that_a_newer_one_opened(live: Live) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", "a.example", "b.example", "again.example", at=at)
    live.platform.add("T-2", "A.example", "again.example", at=at + 1, genre="unblocking")
    live.platform.add("T-3", "again.example", at=at + 2)
    live.platform.no_text = {"T-1": 404}
    assert (await live.turn()).visit.taken == ["T-2", "T-3"]
    live.platform.no_text = {}
    done = await live.turn(compare=True)
    assert (done.visit.taken, done.visit.problems) == (["T-1"], [])
    orders = {each.reference: each.state for each in await showing.list_orders(live.context)}
    in_force = [each for each, state in orders.items() if state is OrderState.ACCEPTED]
    blocked = [await live.names(each) for each in sorted(in_force)]
    assert blocked == [["again.example"], ["again.example", "b.example"]]


async def test_an_order_that_cannot_be_lifted_keeps_no_ticket_out(live: Live) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", "a.example", at=at)
    await live.turn()
    async with live.context.store.report() as connection:
        await connection.execute(text("UPDATE orders SET official = 'another' WHERE number = 1"))
    live.platform.cancel("T-1")
    live.platform.add("T-2", "new.example", at=at)
    done = await live.turn()
    assert (done.visit.lifted, done.visit.taken) == ([], ["T-2"])
    assert "ticket T-1: order O-1 is damaged" in done.problem


async def test_a_fault_of_ours_with_one_ticket_is_told(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    at = live.installation.now - 600
    for each in ("T-1", "T-2"):
        live.platform.add(each, f"{each}.example", at=at)
    inner = ticket_visits.content_of

    def content_of(ticket: Ticket) -> bytes:
        if ticket.id == "T-1":
            raise LookupError(ticket.id)
        return inner(ticket)

    monkeypatch.setattr(ticket_visits, "content_of", content_of)
    done = await live.turn()
    assert done.visit.taken == ["T-2"]
    assert "ticket T-1: a fault of filterd itself, please report it: LookupError" in done.problem


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_changed_ticket_gets_replies_for_what_was_taken(live: Live, restarted: bool) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", "a.example", at=at)
    live.platform.add("T-2", "Kept.example", at=at)
    await live.turn()
    live.platform.add("T-1", "other.example", at=at)
    if restarted:
        live.channel = TicketChannel(no_lookup)
    live.platform.counted.clear()
    assert await live.deliver() == 2
    assert live.platform.processed == ["a.example", "Kept.example"]
    assert live.platform.counted[TICKETS] == int(restarted), "not once for each ticket"
    done = await live.turn(compare=True)
    assert "T-1: it has other entries than when it was taken" in done.problem
    assert done.compared is not None
    assert done.compared.absent == ("a.example",)
    assert await live.state("O-1") is OrderState.ACCEPTED


async def test_more_than_an_order_holds_comes_by_several_documents(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (intake, ticket_full):
        monkeypatch.setattr(module, "MAX_ENTRIES", 2)
    monkeypatch.setattr("filterd.operations.registers.documents.MAX_ENTRIES", 2)
    live.platform.full["fqdn"] = [f"n{each}.example" for each in range(5)]
    done = await live.turn(compare=True)
    assert done.problem == ""
    orders = await showing.list_orders(live.context)
    assert sorted(each.entries for each in orders) == [1, 2, 2]
    at = int(live.installation.now)
    assert {each.demand.document for each in orders} == {f"full-{at}-{each}" for each in (1, 2, 3)}


async def test_an_unblock_that_was_cancelled_is_told_and_a_full_list_blocks_again(live: Live) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", "a.example", "b.example", "c.example", at=at)
    await live.turn(compare=True)
    live.platform.add("T-2", "a.example", "b.example", "never.example", at=at, genre="unblocking")
    await live.turn()
    live.platform.cancel("T-2")
    live.platform.tickets["T-2"]["fqdn"] = []
    live.platform.full["fqdn"] = ["a.example", "never.example"]
    done = await live.turn()  # it compares at once
    assert "ticket T-2: it unblocked, and was cancelled since" in done.problem
    assert "opened by a ticket that was cancelled since, and in no full list: 1;" in done.problem
    assert done.compared is not None
    assert (done.compared.missing, done.compared.left_open) == (
        ("a.example", "never.example"),
        ("b.example",),
    )
    assert (await live.names("O-2"), await live.names("O-3")) == (
        ["c.example"],
        ["a.example", "never.example"],
    )
    done = await live.turn()
    assert (done.visit.taken_back, done.compared, "in no full list: 1;" in done.problem) == ([], None, True)


async def test_what_a_person_opened_before_a_cancelled_unblock_stays_open(live: Live) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", "a.example", at=at)
    await live.turn()
    await ending.withdraw(as_person(live.context, "ana"), "O-1", reason="an error")
    live.platform.add("T-2", "a.example", at=at, genre="unblocking")
    await live.turn()
    live.platform.cancel("T-2")
    live.platform.full["fqdn"] = ["a.example"]
    compared = (await live.turn()).compared
    assert compared is not None
    assert (compared.missing, compared.taken_back) == ((), ("T-2",))


@pytest.mark.parametrize("live", [{"capacity": {"names": 1, "addresses": 1}}], indirect=True)
async def test_a_comparison_looks_at_the_room_once(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", *(f"n{each}.example" for each in range(5)), at=at)
    await live.turn()
    looks = []

    async def counted(context: Context, register: RegisterSettings) -> CapacityLeft:
        looks.append(register.id)
        return await room_of(context, register)

    monkeypatch.setattr(ticket_full, "room_of", counted)
    assert (await live.turn(compare=True)).compared is not None
    assert len(looks) == 1


async def test_a_long_answer_is_read_beside_the_event_loop(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = []

    def read(content: bytes) -> Tickets:
        readers.append(threading.current_thread() is threading.main_thread())
        return read_tickets(content)

    monkeypatch.setattr(ticket_visits, "read_tickets", read)
    at = live.installation.now
    await live.turn()
    live.platform.add("T-1", *(f"n{each}.example" for each in range(2_000)), at=at)
    await live.turn()
    assert (readers[0], readers[-1]) == (True, False)

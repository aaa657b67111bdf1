"""Tickets of a platform that misbehaves: taken once, answered item by item, lifted when cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filterd.config.load import from_value
from filterd.model.order import OrderState, StepKind
from filterd.operations import audit
from filterd.operations.errors import OperationError
from filterd.operations.orders import due, showing
from filterd.operations.registers import answering
from filterd.policy.jurisdictions import DeadlineKind
from filterd.store import registers as rows
from tests.unit.operations.registers.conftest import TICKETS, Live
from tests.worlds.ticket_platform import EMAIL, PlatformFault


async def test_a_ticket_is_an_order_and_each_item_has_its_reply(live: Live) -> None:
    names = ("stream.example", "www.portal.example", "popular.example", "site.example/page", "no name")
    live.platform.add("T-1", *names, at=live.installation.now - 60, addresses=("203.0.113.7", "198.51.100.9"))
    done = await live.turn()
    assert (done.visit.taken, done.problem) == (["T-1"], "")
    order = await showing.show(live.context, "O-1")
    assert (order.state, order.approvals) == (OrderState.ACCEPTED, ("ana", "bob"))
    assert (await live.names("O-1"), order.demand.addresses) == (
        ["site.example", "stream.example"],
        ("203.0.113.7/32",),
    )
    assert (order.demand.document, order.demand.received_at) == ("T-1", live.installation.now - 60)
    duties = {each.kind: each.due_at for each in await due.list_due(live.context)}
    assert duties[DeadlineKind.ENFORCE] == duties[DeadlineKind.REPORT] == live.installation.now - 60 + 1800
    assert await live.deliver() == 1
    assert sorted(live.platform.processed) == ["203.0.113.7", "site.example/page", "stream.example"]
    assert live.platform.unprocessed == {
        "www.portal.example": "PROTECTED",
        "popular.example": "PROTECTED",
        "no name": "MALFORMED",
        "198.51.100.9": "PROTECTED",
    }
    reported = (await showing.show(live.context, "O-1")).last(StepKind.REPORTED)
    assert reported is not None
    assert reported.evidence == "register live: T-1"
    assert (await live.turn()).visit.taken == [], "a ticket is taken once"
    await audit.verify(live.context)


async def test_a_wrong_item_has_its_reply_and_keeps_no_other_one_out(live: Live) -> None:
    at = live.installation.now - 60
    live.platform.add("T-1", "stream.example", " ", "bad\x7fname", at=at)
    live.platform.tickets["T-1"]["ipv6"] = ["2001:db8::7"]
    assert (await live.turn()).visit.taken == ["T-1"]
    assert await live.names("O-1") == ["stream.example"]
    assert await live.deliver() == 1
    assert live.platform.processed == ["stream.example"]
    refused = {"2001:db8::7": "NOT_EXECUTABLE_BY_DNS", " ": "MALFORMED", "bad\x7fname": "MALFORMED"}
    assert live.platform.unprocessed == refused
    live.platform.cancel("T-1")
    assert (await live.turn()).visit.lifted == ["T-1"]


async def test_a_ticket_waits_while_it_can_be_cancelled(live: Live) -> None:
    live.platform.add("T-1", "stream.example", at=live.installation.now)
    waiting = (await live.turn()).visit
    assert (waiting.taken, waiting.waiting, waiting.next_at) == ([], 1, live.installation.now + 60)
    live.platform.cancel("T-1")
    live.installation.now += 3600
    live.platform.full["fqdn"] = ["stream.example"]
    never = (await live.turn(compare=True)).visit
    assert (never.taken, never.never) == ([], ["T-1"])
    with pytest.raises(OperationError):
        await showing.show(live.context, "O-1")


async def test_a_cancelled_ticket_is_lifted_and_what_another_demands_stays(live: Live) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", "stream.example", "both.example", at=at)
    live.platform.add("T-2", "both.example", at=at)
    assert (await live.turn()).visit.taken == ["T-1", "T-2"]
    live.platform.cancel("T-1")
    live.platform.full["fqdn"] = ["stream.example", "both.example"]
    for _ in range(2):
        done = await live.turn(compare=True)
    assert (await live.state("O-1"), await live.state("O-2")) == (OrderState.LIFTED, OrderState.ACCEPTED)
    assert done.visit.lifted == [], "it is lifted once"
    assert done.compared is not None
    assert done.compared.missing == (), "no full list brings it back"


async def test_an_unblocking_ticket_ends_its_entries_alone(live: Live) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", "a.example", "b.example", at=at)
    await live.turn()
    live.platform.add("T-2", "a.example", at=at, genre="unblocking")
    await live.turn()
    assert await live.state("O-1") is OrderState.LIFTED
    assert await live.names("O-2") == ["b.example"]
    live.platform.full["fqdn"] = ["a.example", "b.example"]
    compared = (await live.turn(compare=True)).compared
    assert compared is not None
    assert (compared.missing, compared.absent) == ((), ())


async def test_a_full_list_brings_what_is_missing_and_lifts_nothing(live: Live) -> None:
    at = live.installation.now - 600
    live.platform.add("T-1", "a.example", "b.example", at=at)
    live.platform.full["fqdn"] = ["b.example", "a.example", "lost.example", "www.portal.example"]
    done = await live.turn(compare=True)
    assert await live.names("O-2") == ["lost.example"]
    live.installation.now += 3600
    live.platform.fault = PlatformFault.TRUNCATED
    done = await live.turn(compare=True)
    assert done.compared is not None
    assert done.compared.absent == ("lost.example",), "a.example has its ticket"
    assert "in neither the full list nor a ticket: 1;" in done.problem
    assert await live.state("O-1") is await live.state("O-2") is OrderState.ACCEPTED
    assert await live.deliver() == 2
    assert live.platform.unprocessed == {"www.portal.example": "PROTECTED"}


@pytest.mark.parametrize("fault", [PlatformFault.WRONG_CHECKSUM, PlatformFault.OTHER_TEXT])
async def test_a_ticket_that_nobody_vouches_for_is_told_and_asked_for_again(
    live: Live, fault: PlatformFault
) -> None:
    live.platform.fault = fault
    live.platform.add("T-1", "stream.example", at=live.installation.now - 600)
    done = await live.turn()
    assert (done.visit.taken, "ticket T-1: " in done.problem) == ([], True)
    live.platform.fault = PlatformFault.NONE
    assert (await live.turn()).visit.taken == ["T-1"]


@pytest.mark.parametrize(
    "fault",
    [PlatformFault.SERVER_ERROR, PlatformFault.NO_JSON, PlatformFault.LOCKED, PlatformFault.NO_RENEWAL],
)
async def test_a_platform_that_is_away_changes_nothing(live: Live, fault: PlatformFault) -> None:
    live.platform.add("T-1", "stream.example", at=live.installation.now - 600)
    await live.turn()
    live.platform.fault = fault
    live.platform.expire(wholly=True)
    with pytest.raises(OperationError, match="the platform of the register live"):
        await live.turn()
    assert await live.state("O-1") is OrderState.ACCEPTED


async def test_replies_that_are_refused_are_sent_until_they_are_taken(live: Live) -> None:
    live.platform.add("T-1", "a.example", "b.example", at=live.installation.now - 600)
    await live.turn()
    live.platform.fault = PlatformFault.REPLIES_REFUSED
    assert await live.deliver() == 0
    (run,) = await answering.undelivered(live.context)
    assert (run.attempts, "refuses for now" in run.trouble) == (1, True)
    assert (await showing.show(live.context, "O-1")).last(StepKind.REPORTED) is None
    live.platform.fault = PlatformFault.NONE
    live.platform.expire()
    assert await live.deliver() == 1
    assert sorted(live.platform.processed) == ["a.example", "b.example"]


@pytest.mark.ring("night")
@pytest.mark.parametrize("live", [{"capacity": {"names": 2, "addresses": 1}}], indirect=True)
async def test_what_finds_no_room_is_answered_so_and_taken_once_there_is_some(live: Live) -> None:
    at = live.installation.now - 600
    live.platform.add(
        "T-1", "a.example", "b.example", "c.example", at=at, addresses=("203.0.113.7", "203.0.113.8")
    )
    await live.turn()
    await live.deliver()
    assert live.platform.unprocessed == {"c.example": "OVER_CAPACITY", "203.0.113.8": "OVER_CAPACITY"}
    live.platform.add("T-2", "a.example", at=at, genre="unblocking")
    live.platform.full = {"fqdn": ["b.example", "c.example"], "ipv4": ["203.0.113.7", "203.0.113.8"]}
    await live.turn(compare=True)
    assert await live.names("O-3") == ["c.example"]


async def test_what_was_protected_is_taken_with_a_full_list_once_it_is_not(live: Live) -> None:
    live.platform.add("T-1", "a.example", "portal.example", at=live.installation.now - 600)
    live.platform.full["fqdn"] = ["a.example", "portal.example"]
    assert (await live.turn(compare=True)).problem == ""
    protected = (live.installation.base / "policies" / "protected.yaml").read_text("utf-8")
    live.installation.write_policy("protected.yaml", protected.replace("portal.example", "other.example"))
    await live.turn(compare=True)
    assert await live.names("O-2") == ["portal.example"]


async def test_a_ticket_that_changed_is_told_and_what_is_protected_here_is_said_once(live: Live) -> None:
    live.platform.add("T-1", "a.example", at=live.installation.now - 600)
    await live.turn()
    live.platform.add("T-1", "other.example", at=live.installation.now - 600)
    assert "T-1: it has other entries than when it was taken" in (await live.turn(compare=True)).problem
    assert live.platform.protected == ["own.example", "192.0.2.1"]
    async with live.context.store.read() as connection:
        assert len(await rows.runs(connection, "live")) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"platform": None},
        {"source": "/a/file"},
        {"confidential": True},
        {"page": {"list_mark": "names.txt", "control_mark": "names.sha256"}},
        {"list": "some-feed"},
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    account = {"account": EMAIL, "password_file": "password"}
    register = {
        "authority": "mf",
        "ground": "x",
        "source": "https://192.0.2.1",
        "platform": account,
        **TICKETS,
    }
    assert from_value({"registers": [register]}, base=tmp_path).registers[0].platform is not None
    with pytest.raises(Exception, match="registers"):
        from_value({"registers": [{**register, **changes}]}, base=tmp_path)

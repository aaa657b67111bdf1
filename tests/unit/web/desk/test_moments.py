"""Times typed at the duty desk: what no clock can show is refused, and takes no page away."""

from __future__ import annotations

import pytest

from filterd.model.duty import AskedKind, AskedWay, AuthorityRequest
from filterd.model.token import TokenRole
from filterd.operations.context import OperationError
from filterd.operations.duty import requests, roster
from filterd.operations.duty.requests import RequestAsked, Search
from filterd.store import duty as rows
from filterd.web.desk.orders.register import local_moment
from filterd.web.pages.translations import NO_CLOCK
from tests.unit.web.desk.conftest import PERSON, DeskWorld
from tests.worlds.page_words import translations

FAR, LONG_AGO = "9999-12-31T23:59", "0001-01-01T00:00"
BEYOND = 300_000_000_000
"""Unix seconds in a year of five digits"""
ASKED = {"authority": "sat", "document": "OF-1", "asked": "Bloquear", "way": "mail"}


@pytest.mark.parametrize("typed", [FAR, LONG_AGO, "9999-12-31T23:59-14:00", "1969-12-31T00:00"])
def test_a_time_that_cannot_be_meant_is_refused(typed: str) -> None:
    with pytest.raises(OperationError, match="not a time that can be meant"):
        local_moment(typed, "America/Mexico_City")


async def test_no_form_of_the_desk_takes_such_a_time(world: DeskWorld) -> None:
    officer = await world.agent(TokenRole.ON_CALL, maker=PERSON)
    for field, typed in (("due_at", FAR), ("received_at", LONG_AGO)):
        page = await officer.post("/desk/orders/requests/new", **ASKED, **{field: typed})
        assert page.status_code == 409 and "Bloquear" in page.text
        assert "not a time that can be meant" in page.text
    shift = {"what": "shift", "account": "ana", "begins": "9999-12-30T00:00", "ends": FAR}
    assert (await officer.post("/desk/orders/roster", **shift)).status_code == 409
    found = await officer.get("/desk/orders/requests?day=9999-12-31")
    assert found.status_code == 409
    assert await requests.search(world.context, Search()) == []


async def test_no_other_way_takes_it_either(world: DeskWorld) -> None:
    with pytest.raises(OperationError, match="by which it is due"):
        await requests.enter(world.context, RequestAsked("sat", "OF-1", "block", due_at=BEYOND))
    with pytest.raises(OperationError, match="end of the shift"):
        await roster.add(world.context, "ana", 253_370_700_000, 253_370_800_000)


async def test_a_stored_time_that_no_clock_shows_takes_no_page_away(world: DeskWorld) -> None:
    now = world.context.clock()
    made = AuthorityRequest(
        number=1,
        authority="sat",
        official="",
        document="OF-1",
        kind=AskedKind.BLOCK,
        way=AskedWay.MAIL,
        asked="Bloquear",
        received_at=-1e12,
        due_at=BEYOND,
        noted_by="ana",
        noted_at=now,
    )
    async with world.context.store.write("ana", now) as write:
        await rows.add_request(write.connection, made, "00" * 16)
        write.audit("request.note", "request:P-1")
    officer = await world.agent(TokenRole.ON_CALL, maker=PERSON)
    for path in ("/desk/orders", "/desk/orders/requests", "/desk/orders/requests/1"):
        page = await officer.get(path)
        assert page.status_code == 200 and "OF-1" in page.text and NO_CLOCK in page.text
    words = translations().of("en")
    assert words.moment(1e18) == words.exact(-1e18) == NO_CLOCK
    assert roster.local(BEYOND, "UTC") == f"{BEYOND} s after 1970"

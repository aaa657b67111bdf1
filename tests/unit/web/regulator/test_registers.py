"""Registers on the regulator's desk: the two who adopted one, what is held of it, and that it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.model.token import TokenRole
from filterd.operations import tokens
from filterd.operations.feeds import updating
from filterd.operations.registers import lists
from filterd.operations.registers.finding import require_register
from filterd.operations.tokens import TokenRequest
from filterd.web import regulator
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from tests.unit.operations.registers.conftest import adopted, with_list, with_registers
from tests.unit.operations.registers.test_lists import pull
from tests.unit.web.regulator.conftest import BASE, Desk
from tests.worlds.installation import Installation, as_person, with_portal
from tests.worlds.page_words import templates


@pytest.fixture
async def polish_desk(installation: Installation) -> AsyncIterator[Desk]:
    """The desk over Poland's register, which ana and bob adopted; more than one removal is held."""
    guard = {"max_removals": 1}
    with_registers(installation, {"id": "pl", "kind": "poland", "list": "pl-list", "guard": guard})
    with_list(installation)
    installation.settings = with_portal(installation.settings)
    listen = PagesSettings(Endpoint(ip_address("127.0.0.1"), 21_601), 100, BASE)
    async with installation.open("control") as context:
        await adopted(context, "pl")
        state = PagesState(context, WebSettings(None, None, regulator=listen), templates())
        yield Desk(make_pages(regulator.routes(), state), state, context, installation)


@pytest.mark.ring("night")
async def test_who_adopted_a_register_and_what_was_held_of_it(polish_desk: Desk) -> None:
    await updating.update(polish_desk.context)
    await pull(polish_desk.context, "a.example", "b.example", "c.example")
    polish_desk.context = as_person(polish_desk.context, "ana")
    visitor = await polish_desk.browser()
    for page in ("/regulator/lists", "/regulator/grounds"):
        assert "ana, bob" in (await visitor.get(page)).text, page
    assert "no person" in (await visitor.get("/regulator/grounds")).text  # worst-of, by its entry
    assert "Nothing" in (await visitor.get("/regulator/exceptions")).text
    await pull(polish_desk.context, "c.example")
    held = (await visitor.get("/regulator/exceptions")).text
    assert "2 removals at once" in held and "is to be lifted by" in held
    polish_desk.installation.now += 3 * 86_400  # the session is over by then
    made = await tokens.add(polish_desk.context, TokenRequest("games", TokenRole.REGULATOR))
    await visitor.client.post("/regulator/sign-in", data={"token": made.secret})
    assert "overdue" in (await visitor.get("/regulator/exceptions")).text
    register = require_register(polish_desk.context, "pl")
    await lists.accept_removals(polish_desk.context, register, reason="asked the ministry")
    after = (await visitor.get("/regulator/exceptions")).text
    assert "is to be lifted by" not in after
    assert "What was held of registers" in after and "2 removals at once" in after
    assert "a.example" not in held + after

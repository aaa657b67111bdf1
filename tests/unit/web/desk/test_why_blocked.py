"""Why is it blocked: the agent's words for what ``check`` says, and what is kept from the agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from filterd.config.web_settings import WebSettings
from filterd.model.subscriber import RequestEvidence
from filterd.model.token import TokenRole
from filterd.model.verdict import Reason
from filterd.operations import audit, snapshots, subscribers
from filterd.operations.feeds import updating
from filterd.web import desk
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from tests.unit.web.desk.conftest import DeskWorld
from tests.worlds.installation import NOW
from tests.worlds.page_words import templates, translations


@pytest.fixture
async def world(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """With a line that opted in, another one, and a snapshot."""
    evidence = RequestEvidence("holder", "counter", NOW, "1", "ticket 1")
    for each in ("home", "other"):
        await subscribers.add(world.context, each)
    await subscribers.opt_in(world.context, "home", "child", evidence)
    await subscribers.deny(world.context, "home", "secret.example")
    await updating.update(world.context)
    await snapshots.build(world.context)
    yield world


@pytest.mark.ring("night")
async def test_a_line_is_found_by_its_exact_id(world: DeskWorld) -> None:
    browser = await world.agent()
    page = await browser.get("/desk/find?id=home")
    assert page.url.path == "/desk/lines/home"
    assert "The filter is on for this line." in page.text
    assert "There are no queries to show" in page.text
    missing = [await browser.get(f"/desk/find?id={each}") for each in ("hom", "HOME", "nobody")]
    assert {each.status_code for each in missing} == {404}
    assert "home" not in missing[0].text.replace("home Internet", "")


async def test_security_is_shown_where_the_provider_has_it(world: DeskWorld) -> None:
    browser = await world.agent()
    words = translations().of("en").text("desk.line.security")
    assert words not in (await browser.get("/desk/lines/home")).text
    settings = world.installation.settings
    on = replace(settings, security=replace(settings.security, enabled=True))
    context = replace(world.context, settings=on)
    state = PagesState(context, WebSettings(None, None), templates())
    offered = DeskWorld(make_pages(desk.routes(), state), state, context, world.installation)
    assert words in (await (await offered.agent()).get("/desk/lines/home")).text


async def test_a_line_beyond_the_tokens_limit_is_as_one_that_does_not_exist(world: DeskWorld) -> None:
    browser = await world.agent(lines="ho")
    assert (await browser.get("/desk/lines/home")).status_code == 200
    refused, missing = await browser.get("/desk/lines/other"), await browser.get("/desk/lines/nobody")
    assert (refused.status_code, refused.text) == (missing.status_code, missing.text)
    checked = await browser.post("/desk/why", line="other", name="adult.example")
    assert (checked.status_code, checked.text) == (refused.status_code, refused.text)


async def test_it_says_what_closes_a_name_and_what_helps(world: DeskWorld) -> None:
    browser = await world.agent()
    page = (await browser.post("/desk/why", line="home", name="adult.example")).text
    assert "adult.example is blocked for this line." in page
    assert "The line closed that subject" in page
    assert "Tried: allowing the site opens it." in page
    spanish = await world.agent(language="es")
    page = (await spanish.post("/desk/why", line="home", name="https://adult.example/x")).text
    assert "adult.example está bloqueado para esta línea." in page
    page = (await browser.post("/desk/why", line="other", name="adult.example")).text
    assert "This line did not ask for the filter" in page


@pytest.mark.ring("merge")
async def test_a_confidential_list_is_not_named(world: DeskWorld) -> None:
    browser = await world.agent(TokenRole.OPERATOR)
    page = (await browser.post("/desk/why", line="home", name="worst.example")).text
    assert "mandatory, confidential rule" in page
    assert "worst-of" not in page and "INTERPOL" not in page


async def test_support_is_not_told_that_it_is_an_own_name(world: DeskWorld) -> None:
    await subscribers.allow(world.context, "home", "adult.example")
    browser = await world.agent()
    for name, said in (("www.secret.example", "closes"), ("adult.example", "opens")):
        page = (await browser.post("/desk/why", line="home", name=name)).text
        assert f"A choice of the line itself {said} it." in page
        assert "on its list" not in page and "Sites that the line" not in page
        assert "Tried" not in page and "secret.example subtree" not in page
    page = (
        await (await world.agent(TokenRole.OPERATOR)).post("/desk/why", line="home", name="secret.example")
    ).text
    assert "The line itself put it on its list" in page and "secret.example subtree" in page


@pytest.mark.ring("night")
async def test_a_check_that_touches_own_names_is_in_the_lines_record(world: DeskWorld) -> None:
    async def looks() -> list[str]:
        found = [each.entry for each in await audit.page(world.context, 0, 1000)]
        assert all(
            "secret" not in str(each.after) for each in found if each.action.startswith("subscriber.own")
        )
        return [each.subject for each in found if each.action == "subscriber.own_names_shown"]

    for role in (TokenRole.SUPPORT, TokenRole.OPERATOR):
        browser = await world.agent(role)
        await browser.post("/desk/why", line="home", name="open.example")
        before = await looks()
        await browser.post("/desk/why", line="home", name="www.secret.example")
        assert len(await looks()) == len(before) + 1


async def test_on_call_asks_for_every_line_and_for_none_in_particular(world: DeskWorld) -> None:
    browser = await world.agent(TokenRole.ON_CALL)
    page = await browser.post("/desk/why", name="worst.example")
    assert "mandatory, confidential rule" in page.text
    assert (await browser.post("/desk/why", line="home", name="adult.example")).status_code == 403
    assert (await browser.get("/desk/lines/home")).status_code == 403


@pytest.mark.parametrize("name", ["TikTok", "tik tok", "juego de autos.", "."])
async def test_a_name_of_an_application_is_no_site_and_gets_no_verdict(world: DeskWorld, name: str) -> None:
    browser = await world.agent(language="es")
    page = (await browser.post("/desk/why", line="home", name=name)).text
    assert "Eso no es un sitio: escríbelo con su punto" in page
    assert "no está bloqueado" not in page and "Qué decirle" not in page


async def test_what_is_typed_is_text(world: DeskWorld) -> None:
    browser = await world.agent()
    for name in ("<b>x</b>", "{{ 7*7 }}", "a\r\nSet-Cookie: x=1", "x" * 300, ""):
        reply = await browser.post("/desk/why", line="home", name=name)
        assert reply.status_code in (200, 409), name
        assert "<b>x" not in reply.text and "49" not in reply.text.replace("149", "")
        assert "set-cookie" not in reply.headers
    assert (await browser.get("/desk/find?id=%0d%0aSet-Cookie:x")).status_code == 404


def test_every_reason_has_words() -> None:
    words = translations().of("es")
    for reason in Reason:
        assert words.has(f"desk.why.reason.{reason.word}"), reason
        assert words.has(f"desk.why.do.{reason.word}"), reason
    for general in ("line_closes", "line_opens"):
        assert words.has(f"desk.why.reason.{general}") and words.has(f"desk.why.do.{general}")

"""Addresses of the desks that forms are sent to have a page behind them: the one with the form."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from starlette.routing import BaseRoute, Route

from filterd.model.token import TokenRole
from filterd.web import desk, regulator
from tests.unit.web.desk.conftest import DeskWorld


@pytest.mark.parametrize("routes", [desk.routes, regulator.routes], ids=["desk", "regulator"])
def test_every_address_of_a_form_answers_a_get(routes: Callable[[], list[BaseRoute]]) -> None:
    made = [each for each in routes() if isinstance(each, Route)]
    shown = {each.path for each in made if "GET" in (each.methods or ())}
    sent = {each.path for each in made if "POST" in (each.methods or ())}
    assert sent and sent <= shown


async def test_the_other_language_of_a_refused_form_is_the_page_with_the_form(world: DeskWorld) -> None:
    browser = await world.agent(TokenRole.SUPPORT)
    refused = await browser.post("/desk/reviews/appeal", folio="nothing")
    (link,) = re.findall(r'href="(\?lang=es)"', refused.text)
    page = await browser.get(f"{refused.url.path}{link}")
    assert (page.status_code, page.url.path) == (200, "/desk/reviews") and 'lang="es"' in page.text

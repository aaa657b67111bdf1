"""Reviews at the desk: taken in for a caller, decided by the clock, and decided again by another person."""

from __future__ import annotations

import pwd
import re
from collections.abc import AsyncIterator

import pytest

from filterd.model.token import TokenRole
from filterd.operations.reviews import deciding
from tests.meta.test_known_failures import ROOT
from tests.unit.web.desk.conftest import DeskWorld

DAY = 86_400
_CODES = re.compile(r'<dd class="code">([^<]+)</dd>')


@pytest.fixture
async def world(world: DeskWorld) -> AsyncIterator[DeskWorld]:
    """With the terms of Mexico."""
    world.installation.write_policy(
        "jurisdictions/mx.yaml", (ROOT / "policies/jurisdictions/mx.yaml").read_text()
    )
    yield world


def _another() -> str:
    return next(each.pw_name for each in pwd.getpwall() if each.pw_name not in ("daemon", "root"))


async def test_a_call_becomes_a_folio_a_decision_and_a_second_one(world: DeskWorld) -> None:
    agent = await world.agent()
    asked = {"site": "https://shop.example/a?b=c", "claim": "closed", "met": "parental", "text": "it is mine"}
    page = (await agent.post("/desk/reviews/new", **asked)).text
    folio, code = _CODES.findall(page)
    assert "shop.example" in page and "a?b=c" not in page
    listed = (await agent.get("/desk/reviews")).text
    assert "shop.example" in listed and "business days left" in listed and code not in listed
    world.installation.now += 60 * DAY
    agent = await world.agent()
    assert "overdue" in (await agent.get("/desk/reviews")).text
    decided = {"outcome": "refused", "reason": "It is what the list says."}
    page = (await agent.post("/desk/reviews/1", **decided)).text
    assert "It is what the list says." in page and "decided" in page
    assert "None waits." in (await agent.get("/desk/reviews")).text
    await agent.post("/desk/reviews/appeal", folio=folio, code=code)
    assert "second review" in (await agent.get("/desk/reviews")).text
    refused = await agent.post("/desk/reviews/1", **decided)
    assert refused.status_code == 403 and "same person" in refused.text
    other = await world.agent(name=_another(), maker="ben")
    page = (await other.post("/desk/reviews/1", outcome="upheld", reason="You are right.")).text
    assert "You are right." in page


async def test_what_is_wrong_decides_nothing(world: DeskWorld) -> None:
    agent = await world.agent()
    await agent.post("/desk/reviews/new", site="shop.example", claim="closed", met="unknown")
    for fields in (
        {"outcome": "burnt", "reason": "x"},
        {"outcome": "", "reason": "x"},
        {"outcome": "refused", "reason": ""},
        {"outcome": "forwarded", "reason": "x", "authority": "nobody"},
        {"outcome": "upheld", "reason": "x", "exception": "7"},
    ):
        assert (await agent.post("/desk/reviews/1", **fields)).status_code == 409, fields
    opened = {"outcome": "upheld", "reason": "x", "exception": "86400"}
    assert (await agent.post("/desk/reviews/1", **opened)).status_code == 403
    assert "shop.example" in (await agent.get("/desk/reviews")).text
    for number, status in (("2", 409), ("999999999", 409), ("1234567890", 404), ("1" * 5_000, 404)):
        assert (await agent.get(f"/desk/reviews/{number}")).status_code == status
    wrong = await agent.post("/desk/reviews/appeal", folio="R-1", code="x")
    assert wrong.status_code == 403


async def test_an_operator_opens_a_site_with_the_decision(world: DeskWorld) -> None:
    agent = await world.agent(TokenRole.OPERATOR)
    await agent.post("/desk/reviews/new", site="shop.example", claim="closed", met="unknown", text="<b>")
    assert "&lt;b&gt;" in (await agent.get("/desk/reviews/1")).text
    page = await agent.post("/desk/reviews/1", outcome="upheld", reason="Yes.", exception="86400")
    assert "they are right" in page.text


async def test_the_list_goes_on_on_another_page(world: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await world.agent()
    for number in range(3):
        await agent.post("/desk/reviews/new", site=f"n{number}.example", claim="closed", met="unknown")
    monkeypatch.setattr(deciding, "PAGE", 2)
    first = (await agent.get("/desk/reviews")).text
    assert "n1.example" in first and "n2.example" not in first
    assert "3 wait for a decision." in first and "Back to the first" not in first
    more = re.search(r'href="(/desk/reviews\?after=[^"]+)"', first)
    assert more is not None
    last = (await agent.get(more[1])).text
    assert 'href="/desk/reviews"' in last and "Back to the first" in last
    assert "n2.example" in last and "n1.example" not in last and "?after=" not in last

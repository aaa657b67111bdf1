"""Requests to look at a site again over HTTP: who decides, who counts, and what a repeat does."""

from __future__ import annotations

import pytest

from filterd.model.review import ReviewClaim
from filterd.model.token import TokenRole
from filterd.operations import exceptions
from filterd.operations.reviews import asking
from filterd.operations.reviews.asking import ReviewAsked
from tests.meta.test_known_failures import ROOT
from tests.unit.web.conftest import Api

BASE = "/api/v1/reviews"
MEXICO = "jurisdictions/mx.yaml"
REFUSED = {"outcome": "refused", "reason": "es un sitio de apuestas"}
OPENED = {"outcome": "upheld", "reason": "tienes razón", "exception_seconds": 3600}


@pytest.fixture
async def api(api: Api) -> Api:
    """With a country's terms."""
    api.installation.write_policy(MEXICO, (ROOT / "policies" / MEXICO).read_text())
    return api


async def test_from_the_counter_to_the_appeal(api: Api) -> None:
    support = await api.client(TokenRole.SUPPORT)
    made = (
        await support.post(BASE, json={"site": "https://Clinic.example/a?b", "text": "para la tarea"})
    ).json()
    assert made["name"] == "clinic.example"
    (listed,) = (await support.get(BASE)).json()["items"]
    assert (listed["name"], listed["requests"], listed["days_left"]) == ("clinic.example", 1, 5)
    shown = (await support.get(f"{BASE}/{made['folio']}")).json()
    assert [each["text"] for each in shown["asked"]] == ["para la tarea"]
    assert made["code"] not in str(shown)
    decided = await support.post(f"{BASE}/{listed['number']}/decision", json=REFUSED)
    assert (decided.status_code, decided.json()["decision"]["outcome"]) == (200, "refused")
    again = await support.post(f"{BASE}/{listed['number']}/decision", json=REFUSED)
    assert again.status_code == 409
    wrong = await support.post(f"{BASE}/{made['folio']}/appeal", json={"code": "22222-22222"})
    assert wrong.status_code == 403
    appealed = await support.post(f"{BASE}/{made['folio']}/appeal", json={"code": made["code"]})
    assert (appealed.status_code, appealed.json()["may_appeal"]) == (200, False)
    same = await support.post(f"{BASE}/{made['folio']}/decision", json=REFUSED)
    assert (same.status_code, "another person" in same.json()["remedy"]) == (403, True)


async def test_support_makes_no_exception(api: Api) -> None:
    asked = await asking.ask(api.context, ReviewAsked("clinic.example", ReviewClaim.CLOSED))
    at = f"{BASE}/{asked.folio}/decision"
    refused = await (await api.client(TokenRole.SUPPORT)).post(at, json=OPENED)
    assert (refused.status_code, await exceptions.list_exceptions(api.context)) == (403, ())
    operator = await api.client(TokenRole.OPERATOR)
    headers = {"Idempotency-Key": "k-1"}
    first = await operator.post(at, json=OPENED, headers=headers)
    assert first.status_code == 200
    repeated = await operator.post(at, json=OPENED, headers=headers)
    assert (repeated.status_code, repeated.json()) == (200, first.json())
    (exception,) = await exceptions.list_exceptions(api.context)
    assert first.json()["decision"]["exception"] == exception.number


async def test_a_folio_is_shown_once(api: Api) -> None:
    support = await api.client(TokenRole.SUPPORT)
    headers = {"Idempotency-Key": "k-2"}
    made = await support.post(BASE, json={"site": "clinic.example"}, headers=headers)
    assert made.status_code == 201
    again = await support.post(BASE, json={"site": "clinic.example"}, headers=headers)
    assert (again.status_code, made.json()["code"] in again.text) == (409, False)
    assert len((await support.get(BASE)).json()["items"]) == 1


async def test_the_regulator_sees_counts_and_no_site(api: Api) -> None:
    await asking.ask(api.context, ReviewAsked("clinic.example", ReviewClaim.CLOSED))
    regulator = await api.client(TokenRole.REGULATOR)
    for path in (BASE, f"{BASE}/1"):
        assert (await regulator.get(path)).status_code == 403
    counted = await regulator.get(f"{BASE}/statistics")
    assert (counted.status_code, counted.json()[0]["reviews"]) == (200, None)
    assert "clinic" not in counted.text
    limited = await api.client(TokenRole.SUPPORT, name="north", system=True, lines="north-")
    assert (await limited.get(BASE)).status_code == 403, "it concerns every line"


@pytest.mark.parametrize(
    "body",
    [{"site": ""}, {"site": "192.0.2.1"}, {"site": "a.example", "text": "x" * 501}, {"site": "a", "x": 1}],
)
async def test_what_cannot_be_taken_in_is_refused_with_what_to_do(api: Api, body: dict[str, object]) -> None:
    refused = await (await api.client(TokenRole.SUPPORT)).post(BASE, json=body)
    assert refused.status_code == 422
    assert refused.json()["remedy"]


async def test_the_list_is_read_page_by_page(api: Api) -> None:
    for number in range(5):
        await asking.ask(api.context, ReviewAsked(f"n{number}.example", ReviewClaim.CLOSED))
    support = await api.client(TokenRole.SUPPORT)
    whole = (await support.get(BASE)).json()
    assert (len(whole["items"]), whole["next"]) == (5, None)
    found, after = [], ""
    while after is not None:
        part = (await support.get(BASE, params={"limit": 2, "after": after})).json()
        assert len(part["items"]) <= 2
        found += part["items"]
        after = part["next"]
    assert found == whole["items"]
    assert (await support.get(BASE, params={"after": "7"})).status_code == 422

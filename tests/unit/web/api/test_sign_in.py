"""Links to the portal and PINs over the API: who may make one, for which lines, and that it shows once."""

from __future__ import annotations

import re

import httpx
import pytest

from filterd.model.token import TokenRole
from filterd.operations import audit, subscribers
from filterd.operations.portal import links
from filterd.operations.portal.state import PortalState
from tests.unit.web.conftest import Api
from tests.worlds.installation import PORTAL_URL

LINE = "/api/v1/subscribers/home"


@pytest.fixture
async def billing(api: Api) -> httpx.AsyncClient:
    """The provider's billing, beside two lines."""
    for each in ("home", "north-1"):
        await subscribers.add(api.context, each)
    return await api.client(TokenRole.PROVISIONING, "billing")


async def test_billing_makes_a_link_that_signs_in_once(api: Api, billing: httpx.AsyncClient) -> None:
    made = await billing.post(f"{LINE}/sign-in-links", json={"minutes": 60})
    assert made.status_code == 201
    shown = made.json()
    assert shown["url"].startswith(f"{PORTAL_URL}/portal/entrar?k=")
    assert shown["subscribers"] == ["home"]
    portal = PortalState.make(api.context.settings)
    signed_in = await links.consume(portal, api.context, shown["code"], address="203.0.113.7")
    assert signed_in.session.subscribers == ("home",)
    trail = [each.entry for each in await audit.tail(api.context)]
    entry = next(each for each in trail if each.action == "subscriber.sign_in_link")
    assert (entry.actor, (entry.after or {})["link"]) == ("billing", int(shown["link"].removeprefix("L-")))
    assert shown["code"] not in str(trail) and shown["url"].partition("=")[2] not in str(trail)


async def test_a_limited_token_makes_links_for_its_own_lines_alone(
    api: Api, billing: httpx.AsyncClient
) -> None:
    del billing
    north = await api.client(TokenRole.SUPPORT, "north", lines="north-")
    assert (await north.post(f"{LINE}/sign-in-links", json={})).status_code == 404
    both = {"also": ["home"], "organisation": "Escuela"}
    refused = await north.post("/api/v1/subscribers/north-1/sign-in-links", json=both)
    absent = await north.post(
        "/api/v1/subscribers/north-1/sign-in-links", json={"also": ["nobody"], "organisation": "Escuela"}
    )
    assert (refused.status_code, refused.json()["detail"]) == (404, absent.json()["detail"])
    assert (await north.post("/api/v1/subscribers/north-1/sign-in-links", json={})).status_code == 201


async def test_a_repeat_shows_no_second_link(billing: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "invoice-7"}
    first = await billing.post(f"{LINE}/sign-in-links", json={}, headers=key)
    again = await billing.post(f"{LINE}/sign-in-links", json={}, headers=key)
    assert (first.status_code, again.status_code) == (201, 409)
    assert first.json()["link"] in again.json()["detail"]
    assert first.json()["code"] not in again.text


@pytest.mark.parametrize(
    "body",
    [
        {"minutes": 1441},
        {"minutes": 0},
        {"also": ["north-1"]},
        {"person": "A-1"},
        {"organisation": "a\u0000b"},
        {"seconds": 5},
    ],
)
async def test_what_makes_no_sense_is_refused(billing: httpx.AsyncClient, body: dict[str, object]) -> None:
    refused = await billing.post(f"{LINE}/sign-in-links", json=body)
    assert refused.status_code in {404, 422}
    assert refused.json()["remedy"] or refused.json()["errors"]


async def test_a_pin_is_taken_off_with_the_record_of_the_request(billing: httpx.AsyncClient) -> None:
    asked = {"reference": "call 9", "reason": "forgotten"}
    assert (await billing.post(f"{LINE}/pin-reset", json=asked)).json() == {"removed": False}
    for missing in asked:
        body = {name: text for name, text in asked.items() if name != missing}
        assert (await billing.post(f"{LINE}/pin-reset", json=body)).status_code == 422


async def test_an_organisation_gets_one_link_for_its_lines(billing: httpx.AsyncClient) -> None:
    body = {"also": ["north-1"], "organisation": "Biblioteca Sur"}
    made = await billing.post(f"{LINE}/sign-in-links", json=body)
    assert made.json()["subscribers"] == ["home", "north-1"]
    assert re.fullmatch(r"L-[0-9]+", made.json()["link"])

"""Own names, which support sees by a code of the holder alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import httpx
import pytest

from filterd.model.token import TokenRole
from filterd.operations import audit, erasure, subscribers, view_codes
from filterd.operations.errors import NotAllowedError
from tests.unit.web.conftest import Api
from tests.worlds.installation import as_person

LINE = "/api/v1/subscribers/home"


@pytest.fixture
async def support(api: Api) -> httpx.AsyncClient:
    """A helpdesk, beside a line with an own name."""
    await subscribers.add(api.context, "home")
    await subscribers.deny(api.context, "home", "own.example")
    return await api.client(TokenRole.SUPPORT, "desk")


async def _code(api: Api) -> str:
    portal = await api.client(TokenRole.PROVISIONING, "counter")
    made = await portal.post(f"{LINE}/own-names-code")
    assert made.status_code == 201
    return str(made.json()["code"])


async def _view(client: httpx.AsyncClient, code: str) -> httpx.Response:
    return await client.post(f"{LINE}/own-names-view", json={"code": code})


@pytest.mark.ring("night")
async def test_the_code_of_the_holder_shows_own_names_for_some_minutes(
    api: Api, support: httpx.AsyncClient
) -> None:
    assert (await support.post(f"{LINE}/own-names-code")).status_code == 403
    assert (await support.get(LINE)).json()["own_names"] is None
    code = await _code(api)
    for written in (code, code.lower(), code.replace("-", " ")):
        seen = await _view(support, written)
        assert [each["name"] for each in seen.json()["own_names"]] == ["own.example"]
    api.installation.now += view_codes.SECONDS
    assert (await _view(support, code)).status_code == 403
    trail = [each.entry for each in await audit.tail(api.context)]
    assert [each.action for each in trail if each.actor == "desk"] == [
        *["subscriber.own_names_seen"] * 3,
        "subscriber.code_refused",
    ]
    assert code not in str(trail)


async def test_a_code_is_of_whoever_used_it_first(api: Api, support: httpx.AsyncClient) -> None:
    code = await _code(api)
    other = await api.client(TokenRole.SUPPORT, "desk-2")
    assert (await _view(support, code)).status_code == 200
    refused = await _view(other, code)
    assert (refused.status_code, "own.example" in refused.text) == (403, False)
    assert (await _view(support, code)).status_code == 200


async def test_a_code_is_tried_so_often(api: Api, support: httpx.AsyncClient) -> None:
    assert (await _view(support, "AAAA-AAAA")).status_code == 403, "there is none yet"
    code = await _code(api)
    refused = {(await _view(support, "AAAA-AAAA")).text for _ in range(view_codes.TRIES)}
    assert len(refused) == 1
    assert (await _view(support, code)).text == refused.pop()
    assert (await _view(support, await _code(api))).status_code == 200, "a new one is tried anew"


async def test_a_code_is_of_its_line_and_goes_with_it(api: Api, support: httpx.AsyncClient) -> None:
    code = await _code(api)
    await subscribers.add(api.context, "other")
    other = as_person(api.context, "bin")
    with pytest.raises(NotAllowedError):
        await view_codes.view(other, "other", code)
    with closing(sqlite3.connect(api.installation.database)) as store:
        ((digest,),) = store.execute("SELECT digest FROM view_code").fetchall()
    assert code.replace("-", "") not in digest
    await erasure.erase(api.context, "home", reason="asked")
    with closing(sqlite3.connect(api.installation.database)) as store:
        assert store.execute("SELECT count(*) FROM view_code").fetchone() == (0,)
    assert (await _view(support, code)).status_code == 404


async def test_a_limited_token_makes_no_code_for_other_lines(api: Api, support: httpx.AsyncClient) -> None:
    del support
    north = await api.client(TokenRole.PROVISIONING, "north", lines="north-")
    assert (await north.post(f"{LINE}/own-names-code")).status_code == 404
    assert (await _view(north, await _code(api))).status_code == 404

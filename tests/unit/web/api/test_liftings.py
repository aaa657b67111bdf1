"""Exceptions and the suspension over HTTP, and the tokens that may not make them."""

from __future__ import annotations

import pytest

from filterd.model.token import OF_LINES, TokenRole
from filterd.operations import exceptions, suspension
from tests.unit.web.conftest import Api

V1 = "/api/v1"


@pytest.mark.ring("night")
async def test_an_exception_is_made_listed_and_ended(api: Api) -> None:
    client = await api.client(TokenRole.ON_CALL)
    asked = {"name": "Shop.example.", "seconds": 600, "reason": "ticket 3"}
    made = await client.post(f"{V1}/exceptions", json=asked)
    assert made.status_code == 201, made.text
    found = made.json()["exception"]
    assert (found["name"], found["scope"], found["reason"]) == ("shop.example", "subtree", "ticket 3")
    (present,) = await exceptions.list_exceptions(api.context)
    assert present.number == found["number"]
    assert present.until - present.made_at == 600
    (listed,) = (await client.get(f"{V1}/exceptions")).json()["items"]
    assert listed == found
    ended = await client.post(f"{V1}/exceptions/{present.number}/end", params={"reason": "mended"})
    assert ended.json()["items"][0]["ended_at"]
    assert await exceptions.list_exceptions(api.context) == ()
    again = await client.post(f"{V1}/exceptions/{present.number}/end")
    assert "no exception in force" in again.json()["detail"]
    assert len((await client.get(f"{V1}/exceptions", params={"everything": "true"})).json()["items"]) == 1


async def test_all_errors_of_an_exception_at_once(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    refused = await client.post(
        f"{V1}/exceptions", json={"name": "not a name", "seconds": 99 * 86_400, "reason": ""}
    )
    assert refused.status_code == 422
    wrong = {each["field"] for each in refused.json()["errors"]}
    assert wrong == {"body.name", "body.seconds", "body.reason"}


async def test_a_suspension_begins_and_ends(api: Api) -> None:
    client = await api.client(TokenRole.ON_CALL)
    assert (await client.get(f"{V1}/suspension")).json() == {"suspended": False, "suspension": None}
    made = (await client.put(f"{V1}/suspension", json={"seconds": 60, "reason": "incident 4"})).json()
    assert made["suspended"]
    present = await suspension.present(api.context)
    assert present is not None
    assert present.reason == "incident 4"
    assert not (await client.delete(f"{V1}/suspension")).json()["suspended"]
    assert await suspension.present(api.context) is None
    assert "not suspended" in (await client.delete(f"{V1}/suspension")).json()["detail"]


async def test_a_token_of_some_lines_does_nothing_that_concerns_all(api: Api) -> None:
    made = await api.token(TokenRole.OPERATOR, lines="north-")
    assert made.token.permissions == OF_LINES
    client = api.with_secret(made.secret)
    assert (await client.get(f"{V1}/subscribers")).status_code == 200
    for method, path, body in (
        ("POST", "/exceptions", {"name": "shop.example", "reason": "r"}),
        ("PUT", "/suspension", {"reason": "r"}),
        ("POST", "/feeds/adult-starter/update", None),
        ("GET", "/audit/tail", None),
        ("GET", "/orders", None),
    ):
        assert (await client.request(method, V1 + path, json=body)).status_code == 403, path

"""Bodies of every call that are as costly as they may be: what they cost is judged before their items are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from filterd.model.token import TokenRole
from filterd.operations import subscribers
from filterd.operations.orders import taking
from filterd.web.api.fields import SLICE, Items, RequestBody
from filterd.web.api.problems import MOST_ERRORS
from tests.unit.web.api.test_matrix import ORDER
from tests.unit.web.conftest import Api
from tests.worlds.hostile_bodies import (
    MANY_PARTS,
    NO_DOCUMENTS,
    Schema,
    arrays_of,
    calls_with_body,
    hostile_bodies,
)

LONGEST_REPLY = 32_768
"""bytes of a refusal, whatever was sent"""
NAMES = {"id": "home", "name": "blue.example", "reference": "O-1", "number": "1", "register": "none"}


@pytest.fixture
async def api(api: Api) -> AsyncIterator[Api]:
    """With a line."""
    await subscribers.add(api.context, "home")
    yield api


async def _calls(api: Api) -> list[tuple[str, str, int, Schema]]:
    return calls_with_body((await api.bare().get("/api/openapi.json")).json())


async def test_every_array_of_a_body_has_a_length_that_is_judged_first(api: Api) -> None:
    arrays = [
        (method, path, place, each)
        for method, path, _, schema in await _calls(api)
        for place, each in arrays_of(schema)
    ]
    assert len(arrays) >= 10
    assert [each for each in arrays if "maxItems" not in each[3]] == []
    fields = [
        str((field.annotation, field.metadata))
        for model in _models(RequestBody)
        for field in model.model_fields.values()
        if "tuple[" in str(field.annotation) or "list[" in str(field.annotation)
    ]
    assert len(fields) >= 8
    assert [each for each in fields if Items.__name__ + "(" not in each] == []


def _models(model: type[RequestBody]) -> Iterator[type[RequestBody]]:
    for each in model.__subclasses__():
        yield each
        yield from _models(each)


async def test_no_refusal_is_longer_than_its_bound_or_repeats_what_was_sent(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    tried = 0
    for method, path, largest, schema in await _calls(api):
        for body in hostile_bodies(schema, largest):
            content = json.dumps(body, separators=(",", ":")).encode()
            assert len(content) <= largest
            reply = await _send(client, method, path, content)
            assert reply.status_code < 500, (method, path, reply.text[:500])
            assert len(reply.content) <= LONGEST_REPLY, (method, path, reply.text[:500])
            assert len(reply.json().get("errors", ())) <= MOST_ERRORS
            assert "a" * 100 not in reply.text, (method, path)
            assert "x" * 100 not in reply.text, (method, path)
            tried += 1
    assert tried > 300


async def test_bodies_that_are_no_documents_are_refused_as_such(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    for content in NO_DOCUMENTS:
        reply = await _send(client, "post", "/api/v1/subscribers", content)
        assert reply.status_code in (400, 422), content[:20]
        assert len(reply.content) <= LONGEST_REPLY


async def _send(client: httpx.AsyncClient, method: str, path: str, content: bytes) -> httpx.Response:
    for name, value in NAMES.items():
        path = path.replace("{" + name + "}", value)
    at = "/".join("1" if each.startswith("{") else each for each in path.split("/"))
    headers = {"Content-Type": "application/json"}
    return await client.request(method, at, content=content, headers=headers)


async def test_the_items_behind_the_first_wrong_slice_are_not_judged(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    names: list[object] = ["ordered.example"] * (3 * SLICE)
    names[SLICE + 7] = names[2 * SLICE + 1] = 0
    errors = (await client.post("/api/v1/orders", json={"names": names})).json()["errors"]
    assert [each["field"] for each in errors if ".names" in each["field"]] == [f"body.names.{SLICE + 7}"]


async def test_too_many_items_are_one_error_that_says_how_many_may_be_there(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    reply = await client.put("/api/v1/subscribers/home/choices/differences", json={"add": [0] * 20_000})
    assert reply.json()["errors"] == [
        {
            "field": "body.add",
            "detail": "20000 items, and 100 may be there",
            "remedy": "send at most 100",
        }
    ]


async def test_a_refusal_names_its_first_errors_and_counts_all(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    body = {"add": [0] * 100, "take": [0] * 100, "as_profile": [0] * 100}
    found = (await client.put("/api/v1/subscribers/home/choices/differences", json=body)).json()
    assert found["detail"] == f"the request has 300 errors, of which `errors` names {MOST_ERRORS}"
    assert len(found["errors"]) == MOST_ERRORS


async def test_a_document_of_many_parts_is_not_parsed(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    for content in MANY_PARTS:
        reply = await _send(client, "post", "/api/v1/orders", content)
        assert (reply.status_code, "arrays, objects and fields" in reply.text) == (422, True)


async def test_large_documents_are_judged_one_after_the_other(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight orders of 10,000 names at one time held the pages of the process for seconds."""
    client = await api.client(TokenRole.OPERATOR)
    body = {"names": [f"n{number:05}.list.example" for number in range(4_000)]}
    at_work = most = 0
    judged = taking.add

    async def add(*given: Any) -> Any:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        try:
            return await judged(*given)
        finally:
            at_work -= 1

    monkeypatch.setattr(taking, "add", add)
    replies = await asyncio.gather(*(client.post("/api/v1/orders", json=ORDER | body) for _ in range(4)))
    assert [each.status_code for each in replies] == [201] * 4
    assert most == 1
    small = [client.post("/api/v1/orders", json=ORDER) for _ in range(4)]
    assert [each.status_code for each in await asyncio.gather(*small)] == [201] * 4
    assert most > 1

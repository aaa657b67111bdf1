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
from filterd.web.api.docs_page import METHODS
from filterd.web.api.fields import SLICE, Items, RequestBody
from filterd.web.api.limits import LARGEST_BODY
from filterd.web.api.problems import MOST_ERRORS
from filterd.web.api.routing import LARGEST
from tests.unit.web.api.test_matrix import ORDER
from tests.unit.web.conftest import Api

Schema = dict[str, Any]
LONGEST_REPLY = 32_768
"""bytes of a refusal, whatever was sent"""
NAMES = {"id": "home", "name": "blue.example", "reference": "O-1", "number": "1", "register": "none"}


@pytest.fixture
async def api(api: Api) -> AsyncIterator[Api]:
    """With a line."""
    await subscribers.add(api.context, "home")
    yield api


async def _calls(api: Api) -> list[tuple[str, str, int, Schema]]:
    """Method, path, largest body and schema of the body of each call that has one."""
    document = (await api.bare().get("/api/openapi.json")).json()
    return [
        (method, path, call.get(LARGEST, LARGEST_BODY), _resolved(_schema_of(call), document))
        for path, calls in document["paths"].items()
        for method, call in calls.items()
        if method in METHODS and "application/json" in call.get("requestBody", {}).get("content", {})
    ]


def _schema_of(call: Schema) -> Schema:
    found: Schema = call["requestBody"]["content"]["application/json"]["schema"]
    return found


def _resolved(schema: Any, document: Schema) -> Any:
    if isinstance(schema, list):
        return [_resolved(each, document) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    return {name: _resolved(each, document) for name, each in schema.items()}


def _objects(schema: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Every object with fields of a schema, with its place."""
    for each in [schema, *schema.get("anyOf", ())]:
        if "properties" in each:
            yield place, each
            for name, inner in each["properties"].items():
                yield from _objects(inner, (*place, name))


def _arrays(schema: Schema) -> Iterator[tuple[tuple[str, ...], Schema]]:
    for place, found in _objects(schema):
        for name, inner in found["properties"].items():
            for each in [inner, *inner.get("anyOf", ())]:
                if each.get("type") == "array":
                    yield (*place, name), each


def _at(place: tuple[str, ...], value: object) -> object:
    for name in reversed(place):
        value = {name: value}
    return value


def _bodies(schema: Schema, largest: int) -> Iterator[object]:
    """Bodies that are wrong, and as large as they may be."""
    for place, _ in _arrays(schema):
        yield _at(place, [0] * (largest // 3 - 100))
        yield _at(place, ["a." * 20] * (largest // 50))
        yield _at(place, [{}] * SLICE)
        yield _at(place, [[]] * (largest // 4 - 100))
    for place, found in _objects(schema):
        yield _at(place, {f"x{number}": 0 for number in range(largest // 12)})
        yield _at(place, {"x" * (largest - 1000): 0})
        yield _at(place, dict.fromkeys(found["properties"], "a" * (largest // 40)))
        yield _at(place, {name: {} for name in found["properties"]})


async def test_every_array_of_a_body_has_a_length_that_is_judged_first(api: Api) -> None:
    arrays = [
        (method, path, place, each)
        for method, path, _, schema in await _calls(api)
        for place, each in _arrays(schema)
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
        for body in _bodies(schema, largest):
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
    contents = (
        b"[" * 60_000,
        b'{"id":' * 10_000,
        b"1" * 60_000,
        b'"' + b"\\ud800" * 10_000 + b'"',
        b"{" + b'"id":"a",' * 6_000 + b'"id":"b"',
        b"\xff" * 60_000,
        b"NaN",
        b"",
        b"null",
        b"[]",
        b"0",
    )
    for content in contents:
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
    for content in (b'{"names":[' + b"[]," * 200_000 + b"[]]}", b'{"a":' * 60_000, b'{"a":0,"b":0,' * 60_000):
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

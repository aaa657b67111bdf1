"""The limits on a request and on the requests of a token."""

from __future__ import annotations

import asyncio
import itertools
from http import HTTPStatus

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Message

from filterd.model.token import TokenRole
from filterd.web.api import limits
from filterd.web.api.limits import (
    LARGEST_BODY,
    MOST_BEGUN,
    SMALL_BODY,
    AwaitedBodies,
    BoundedBody,
    RateLimit,
    Turns,
)
from filterd.web.api.problems import RefusedCall
from filterd.web.listening.framing import LARGEST_HEAD
from tests.unit.web.conftest import Api

LINES = "/api/v1/subscribers"


class Sender:
    """A client whose body comes in pieces; after them it says nothing more."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        self.messages: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": not ends or number < len(pieces)}
            for number, piece in enumerate(pieces, start=1)
        ]
        self.received = 0

    async def receive(self) -> Message:
        """The next piece."""
        if not self.messages:
            await asyncio.Event().wait()
        self.received += 1
        return self.messages.pop(0)


async def test_a_body_is_given_whole() -> None:
    sender = Sender(b"a", b"b", b"c")
    body = BoundedBody(Headers({}), sender.receive)
    await body.read()
    assert await body.receive() == {"type": "http.request", "body": b"abc", "more_body": False}


@pytest.mark.parametrize("length", [LARGEST_BODY + 1, 100_000_000, 10**30])
async def test_a_large_body_is_refused_before_it_is_read(length: int) -> None:
    sender = Sender(b"a")
    with pytest.raises(RefusedCall) as refused:
        await BoundedBody(Headers({"content-length": str(length)}), sender.receive).read()
    assert (refused.value.status, sender.received) == (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 0)


async def test_a_body_without_a_length_is_cut_where_it_is_too_large() -> None:
    sender = Sender(*[b"a" * 300_000] * 100)
    with pytest.raises(RefusedCall):
        await BoundedBody(Headers({}), sender.receive).read()
    assert sender.received == LARGEST_BODY // 300_000 + 1


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    with pytest.raises(RefusedCall) as refused:
        await BoundedBody(Headers({}), Sender(b"a", ends=False).receive, seconds=0.01).read()
    assert refused.value.status is HTTPStatus.REQUEST_TIMEOUT


async def test_a_client_that_leaves_is_not_answered() -> None:
    async def leave() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await BoundedBody(Headers({}), leave).read()


def test_a_token_has_its_own_number_of_requests() -> None:
    now = 100.0
    limit = RateLimit(2, lambda: now)
    for token in (1, 1, 2, 2):
        limit.take(token)
    with pytest.raises(RefusedCall) as refused:
        limit.take(1)
    assert refused.value.headers == {"Retry-After": "1"}
    now += 0.5
    limit.take(1)
    with pytest.raises(RefusedCall):
        limit.take(1)
    now += 1000
    limit.take(1)
    limit.take(1)
    with pytest.raises(RefusedCall):
        limit.take(1)


async def test_a_body_over_the_limit_and_a_long_head_get_problems(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    large = await client.post(LINES, content=b"a" * (LARGEST_BODY + 1))
    assert (large.status_code, large.json()["title"]) == (413, HTTPStatus(413).phrase)
    long = await client.get(LINES, headers={"X": "a" * LARGEST_HEAD})
    assert (long.status_code, bool(long.json()["remedy"])) == (431, True)


async def test_every_response_is_for_its_client_alone(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    origin = {"Origin": "https://elsewhere.example", "Cookie": "a=b"}
    asked: list[httpx.Response] = [
        await client.get(LINES, headers=origin),
        await client.options(LINES, headers={**origin, "Access-Control-Request-Method": "POST"}),
        await client.get(f"{LINES}/none"),
        await client.get("/nowhere"),
        await api.bare().get("/api/docs", headers=origin),
        await api.bare().get("/api/openapi.json", headers=origin),
    ]
    for each in asked:
        assert each.headers["cache-control"] == "no-store"
        assert each.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in each.headers["content-security-policy"]
        assert not [name for name in each.headers if name.startswith("access-control") or "cookie" in name]
    assert asked[1].headers["allow"] == "GET, POST"
    assert (await client.patch(f"{LINES}/a")).headers["allow"] == "DELETE, GET"
    assert [each.status_code for each in asked] == [200, 405, 404, 404, 200, 200]
    assert all(each.json()["remedy"] for each in asked[1:4])


async def test_the_page_of_calls_loads_nothing(api: Api) -> None:
    page = (await api.bare().get("/api/docs")).text
    for word in ("<script", "src=", "http:", "https:", "@import", "url("):
        assert word not in page
    assert "/api/v1/subscribers/{id}/choices/opt-in" in page
    assert "evidence.text_version" in page


def test_a_token_has_so_many_bodies_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BODIES", 2)
    bodies = AwaitedBodies()
    with bodies.awaiting(1), bodies.awaiting(1):
        with pytest.raises(RefusedCall) as refused, bodies.awaiting(1):
            pass
        assert (refused.value.status, refused.value.headers) == (
            429,
            {"Retry-After": "1", "Connection": "close"},
        )
        with bodies.awaiting(2):
            pass
    with bodies.awaiting(1):
        pass


async def test_a_call_whose_body_is_one_too_many_is_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    monkeypatch.setattr(limits, "MOST_BODIES", 0)
    assert (await client.post("/api/v1/subscribers", json={"id": "a"})).status_code == 429


async def test_larger_bodies_wait_for_their_turn_and_small_ones_do_not(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    large = {"id": "b", "x": "a" * SMALL_BODY}
    async with api.state.turns.one():
        monkeypatch.setattr(limits, "TURN_SECONDS", 0)
        waited = await client.post("/api/v1/subscribers", json=large)
        assert (waited.status_code, waited.headers["retry-after"]) == (503, "5")
        assert (await client.post("/api/v1/subscribers", json={"id": "a"})).status_code == 201
    assert (await client.post("/api/v1/subscribers", json=large)).status_code == 422


async def test_few_calls_begin_in_one_turn_of_the_event_loop() -> None:
    turns, begun = Turns(), []

    async def call(number: int) -> None:
        await turns.begin()
        begun.append(number)

    tasks = [asyncio.create_task(call(number)) for number in range(20)]
    counts = [0]
    while not all(each.done() for each in tasks):
        await asyncio.sleep(0)
        counts.append(len(begun))
    steps = [after - before for before, after in itertools.pairwise(counts)]
    assert max(steps) == MOST_BEGUN
    assert begun == list(range(20))

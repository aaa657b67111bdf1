"""The straight way to a route: everything that the long way gives, and nothing that no route takes."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from filterd.model.token import TokenRole
from filterd.operations import tokens
from filterd.store import change_log
from tests.unit.web.conftest import Api

LINES = "/api/v1/subscribers"
SECURITY = ("cache-control", "content-security-policy", "referrer-policy", "x-content-type-options")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", LINES, 200),
        ("GET", f"{LINES}/none", 404),
        ("PATCH", LINES, 405),
        ("GET", f"{LINES}/", 404),
        ("GET", "/api/v1/nothing/at/this", 404),
        ("POST", "/api/v1/import/subscribers", 415),
        ("GET", "/api/openapi.json", 200),
    ],
)
async def test_each_reply_has_its_status_and_the_headers_of_all(
    api: Api, method: str, path: str, status: int
) -> None:
    client = await api.client(TokenRole.OPERATOR)
    reply = await client.request(method, path)
    assert reply.status_code == status
    assert set(SECURITY) <= set(reply.headers)
    if status >= 400:
        assert reply.headers["content-type"].startswith("application/problem+json")


async def test_an_id_with_a_slash_is_one_part_of_a_path(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    await client.post(LINES, json={"id": "eth 0/1/3:100"})
    assert (await client.get(f"{LINES}/eth%200%2F1%2F3:100")).json()["id"] == "eth 0/1/3:100"


async def test_calls_at_one_time_act_each_for_its_own_caller(api: Api) -> None:
    api.context.store.gather_writes()
    names = [f"north-{number}" for number in range(8)] + [f"south-{number}" for number in range(8)]
    limited = [
        await api.client(TokenRole.PROVISIONING, name=area, system=True, lines=f"{area}-")
        for area in ("north", "south")
    ]
    done = await asyncio.gather(*(each.post(LINES, json={"id": name}) for each in limited for name in names))
    assert [each.status_code for each in done] == [201] * 8 + [403] * 16 + [201] * 8
    async with api.context.store.read() as connection:
        trail = [each.entry for each in await change_log.entries(connection)]
    actors = Counter(each.actor for each in trail if each.action == "subscriber.add")
    assert sorted(actors.values()) == [8, 8]


async def test_a_revoked_token_is_refused_by_the_next_request(api: Api) -> None:
    made = await api.token(TokenRole.OPERATOR)
    client = api.with_secret(made.secret)
    before = (await client.get(LINES)).status_code
    await tokens.revoke(api.context, f"T-{made.token.number}", reason="it leaked")
    assert (before, (await client.get(LINES)).status_code) == (200, 401)

"""Requests that are committed together: each with its own reply, and as if they came one after the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from filterd.model.token import TokenRole
from filterd.operations import audit
from filterd.store import groups
from filterd.store.groups import WriteGroups
from filterd.telemetry import log
from tests.unit.web.conftest import Api

EVIDENCE = {"who": "holder", "text_version": "1", "reference": "ticket 1"}
LINES = "/api/v1/subscribers"


@dataclass
class Told:
    """A log that keeps what it is told."""

    faults: list[dict[str, Any]]

    def error(self, _: str, **fields: Any) -> None:
        """Keep the fields."""
        self.faults.append(fields)


async def prepared(api: Api, *ids: str) -> tuple[httpx.AsyncClient, WriteGroups]:
    """A client, with these lines opted in, and what counts the groups from then on."""
    client = await api.client(TokenRole.PROVISIONING, "billing", system=True)
    for each in ids:
        assert (await client.post(LINES, json={"id": each})).status_code == 201
        asked = {"profile": "child", "evidence": EVIDENCE}
        assert (await client.put(f"{LINES}/{each}/choices/opt-in", json=asked)).status_code == 200
    api.context.store.gather_writes()
    found = api.context.store.groups
    assert found is not None
    return client, found


async def zone(client: httpx.AsyncClient, line: str, name: str, **headers: str) -> httpx.Response:
    return await client.put(f"{LINES}/{line}/choices/zone", json={"zone": name}, headers=headers)


async def test_each_request_of_a_group_gets_its_own_reply(api: Api) -> None:
    client, counted = await prepared(api, "a", "b")
    found = await asyncio.gather(
        zone(client, "a", "America/Tijuana"),
        zone(client, "nobody", "America/Tijuana"),
        client.put(f"{LINES}/b/choices/profile", json={"profile": "none"}),
        zone(client, "b", "America/Cancun"),
    )
    assert [each.status_code for each in found] == [200, 404, 404, 200]
    assert (counted.groups, counted.writes, counted.undone) == (1, 2, 1)
    assert [found[0].json()["zone"], found[3].json()["zone"]] == ["America/Tijuana", "America/Cancun"]
    assert (await audit.verify(api.context)).holds


async def test_if_match_holds_within_a_group(api: Api) -> None:
    client, counted = await prepared(api, "a")
    tag = (await client.get(f"{LINES}/a")).headers["etag"]
    found = await asyncio.gather(
        zone(client, "a", "America/Tijuana", **{"If-Match": tag}),
        zone(client, "a", "America/Cancun", **{"If-Match": tag}),
    )
    assert [each.status_code for each in found] == [200, 412]
    assert (counted.groups, counted.writes) == (1, 1)
    now = await client.get(f"{LINES}/a")
    assert (now.json()["zone"], now.headers["etag"]) == ("America/Tijuana", found[0].headers["etag"])


async def test_the_second_of_two_on_one_line_sees_the_first(api: Api) -> None:
    client, counted = await prepared(api, "a")
    names = [f"{LINES}/a/own-names/{each}.example" for each in ("one", "two")]
    found = await asyncio.gather(*(client.put(each, json={"action": "block"}) for each in names))
    assert [each.json()["own_names_count"] for each in found] == [1, 2]
    assert counted.groups == 1


async def test_a_key_that_comes_twice_at_once_acts_once(api: Api) -> None:
    client, _ = await prepared(api)
    headers = {"Idempotency-Key": "contract-1"}
    sent = (client.post(LINES, json={"id": "a"}, headers=headers) for _ in range(3))
    found = sorted([each.status_code for each in await asyncio.gather(*sent)])
    assert found == [201, 409, 409]
    again = await client.post(LINES, json={"id": "a"}, headers=headers)
    assert (again.status_code, again.json()["id"]) == (201, "a")
    assert len((await client.get(LINES)).json()["items"]) == 1


async def test_a_group_that_cannot_be_committed_is_a_503_for_each(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, counted = await prepared(api, "a", "b")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(api.context.store.ledger, "intend", refuse)
        lines = ("a", "b", "nobody")
        found = await asyncio.gather(*(zone(client, each, "America/Tijuana") for each in lines))
    assert [each.status_code for each in found] == [503, 503, 503]
    assert found[0].headers["content-type"] == "application/problem+json"
    assert found[0].json()["remedy"]
    assert (counted.groups, counted.failed) == (0, 1)
    for each in "ab":
        assert (await client.get(f"{LINES}/{each}")).json()["zone"] != "America/Tijuana"
    assert (await zone(client, "a", "America/Tijuana")).status_code == 200


async def test_a_fault_in_a_group_is_logged_and_a_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = await prepared(api, "a")
    told = Told([])

    async def fail(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(groups.WriteGroup, "append", fail)
    monkeypatch.setattr(log, "get", lambda: told)
    assert (await zone(client, "a", "America/Tijuana")).status_code == 503
    assert [each["fault"] for each in told.faults] == ["ZeroDivisionError"]

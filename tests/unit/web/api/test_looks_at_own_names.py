"""A person who sees own names of a line over HTTP is on record, whatever call shows them."""

from __future__ import annotations

import httpx
import pytest

from filterd.model.token import Permission, TokenRole
from filterd.operations import audit, subscribers, view_codes
from tests.unit.web.conftest import Api

LINES = "/api/v1/subscribers"
CALLS = (
    ("GET", f"{LINES}/home", None),
    ("GET", LINES, None),
    ("GET", "/api/v1/export/subscribers", None),
    ("DELETE", f"{LINES}/home/choices/pause", None),
    ("PUT", f"{LINES}/home/choices/zone", {"zone": "UTC"}),
    ("POST", f"{LINES}/home/bindings", {"bound": "192.0.2.7"}),
    ("POST", f"{LINES}/home/contract-events", {"event": "suspended", "reference": "invoice 9"}),
    ("PUT", f"{LINES}/home/own-names/blue.example", {"action": "block"}),
    ("DELETE", f"{LINES}/home/own-names/none.example", None),
)


@pytest.fixture(autouse=True)
async def lines(api: Api) -> None:
    """A line with own names, and one without."""
    await subscribers.add(api.context, "farm")
    await subscribers.add(api.context, "home", zone="UTC", prefixes=("192.0.2.7",))
    await subscribers.deny(api.context, "home", "red.example")


async def _looks(api: Api, client: httpx.AsyncClient, call: tuple[str, str, object]) -> list[tuple[str, str]]:
    """The looks that a call put on record: who, and at which line."""
    before = len(await audit.tail(api.context, 1_000))
    method, path, body = call
    reply = await client.request(method, path, json=body)
    assert reply.status_code < 300 or "none.example" in path, reply.text
    entries = [each.entry for each in await audit.tail(api.context, 1_000)][before:]
    return [(each.actor, each.subject) for each in entries if each.action == view_codes.SHOWN]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
async def test_each_look_of_a_person_is_on_record(api: Api, call: tuple[str, str, object]) -> None:
    """The desk records each look; with the same token the API showed every list of names, and nobody knew."""
    client = await api.client(TokenRole.OPERATOR)
    assert await _looks(api, client, call) == [("daemon", "line:2")]


@pytest.mark.parametrize("call", CALLS[:5], ids=lambda call: f"{call[0]} {call[1]}")
async def test_what_a_program_is_given_is_no_look(api: Api, call: tuple[str, str, object]) -> None:
    client = await api.client(TokenRole.PROVISIONING, "billing", system=True)
    assert await _looks(api, client, call) == []


async def test_who_sees_none_did_not_look(api: Api) -> None:
    scopes = (Permission.LINES_READ,)
    limited = await api.client(TokenRole.OPERATOR, scopes=scopes)
    assert await _looks(api, limited, CALLS[0]) == []
    person = await api.client(TokenRole.OPERATOR)
    assert await _looks(api, person, ("GET", f"{LINES}/farm", None)) == []


async def test_a_repeat_under_a_key_is_a_look_again(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    client.headers["Idempotency-Key"] = "once"
    event = ("POST", f"{LINES}/home/contract-events", {"event": "suspended", "reference": "invoice 9"})
    assert [len(await _looks(api, client, event)) for _ in range(2)] == [1, 1]

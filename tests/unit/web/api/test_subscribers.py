"""Lines over HTTP: paging, limits of a token, preconditions, repeats, errors, what is kept from support."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import httpx
import pytest

from filterd.model.token import Permission, TokenRole
from filterd.operations import audit, lines, subscribers
from filterd.operations.errors import UnknownLineError
from tests.unit.web.conftest import Api

EVIDENCE = {"who": "holder", "text_version": "1", "reference": "ticket 1"}
LINES = "/api/v1/subscribers"


async def _registered(client: httpx.AsyncClient, *ids: str) -> None:
    for each in ids:
        assert (await client.post(LINES, json={"id": each})).status_code == 201


async def test_lists_go_on_behind_the_last_id(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    await _registered(client, "a", "b", "c", "d", "e")
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await client.get(LINES, params={"limit": 2, "after": after})).json()
        seen += [each["id"] for each in page["items"]]
        after = page["next"]
    assert seen == ["a", "b", "c", "d", "e"]
    for wrong in ("0", "1001", "x"):
        assert (await client.get(LINES, params={"limit": wrong})).status_code == 422


async def test_a_token_of_some_lines_finds_no_others(api: Api) -> None:
    every = await api.client(TokenRole.OPERATOR)
    await _registered(every, "north-1", "north-2", "south-1", "northern", "far-north-1")
    await every.post(f"{LINES}/south-1/bindings", json={"bound": "10.0.0.7"})
    north = await api.client(TokenRole.OPERATOR, lines="north-")
    listed = (await north.get(LINES)).json()
    assert [each["id"] for each in listed["items"]] == ["north-1", "north-2"]
    absent = await north.get(f"{LINES}/north-9")
    for request in (
        north.get(f"{LINES}/south-1"),
        north.get(f"{LINES}/far-north-1"),
        north.put(f"{LINES}/south-1/choices/zone", json={"zone": "UTC"}),
        north.delete(f"{LINES}/south-1", params={"reason": "x"}),
        north.post(f"{LINES}/south-1/bindings", json={"bound": "10.0.0.8"}),
        north.delete(f"{LINES}/south-1/bindings", params={"bound": "10.0.0.7"}),
        north.get("/api/v1/check", params={"name": "a.example", "subscriber": "south-1"}),
    ):
        refused = await request
        assert (refused.status_code, refused.json()) == (404, absent.json())
    assert (await north.post(LINES, json={"id": "south-2"})).status_code == 403
    taken = await north.post(f"{LINES}/north-1/bindings", json={"bound": "10.0.0.7"})
    assert (taken.status_code, "south" in taken.text) == (409, False)
    kept = await north.delete(f"{LINES}/north-1/bindings", params={"bound": "10.0.0.7"})
    assert (kept.status_code, "south" in kept.text) == (404, False)
    assert (await every.get(f"{LINES}/south-1")).json()["bindings"] == ["10.0.0.7/32"]


async def test_a_scope_narrows_the_role(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR, scopes=(Permission.LINES_READ,))
    assert (await client.get(LINES)).status_code == 200
    refused = await client.post(LINES, json={"id": "a"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "this token does not allow lines.write")


async def test_all_errors_come_at_once_with_remedies(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    refused = await client.post(LINES, json={"id": "a\nb", "zone": "Mars", "prefixes": ["x"], "other": 1})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert {each["field"] for each in problem["errors"]} == {
        "body.id",
        "body.zone",
        "body.prefixes.0",
        "body.other",
    }
    assert all(each["remedy"] for each in problem["errors"])
    assert problem["remedy"]
    for content in (b"[]", b'"a"', b"null"):
        refused = await client.post(LINES, content=content, headers={"Content-Type": "application/json"})
        assert refused.status_code == 422, content
        assert refused.json()["errors"]
    for content in (b"{", b"{} {}", b"\xff"):
        refused = await client.post(LINES, content=content, headers={"Content-Type": "application/json"})
        assert refused.status_code == 400, content


async def test_a_change_holds_only_for_the_state_that_was_seen(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    await _registered(client, "a")
    seen = (await client.get(f"{LINES}/a")).headers["etag"]
    zone = f"{LINES}/a/choices/zone"
    first = await client.put(zone, json={"zone": "UTC"}, headers={"If-Match": seen})
    assert first.status_code == 200
    assert first.headers["etag"] != seen
    second = await client.put(zone, json={"zone": "Europe/Rome"}, headers={"If-Match": seen})
    assert (second.status_code, second.json()["title"]) == (412, "Precondition Failed")
    for request in (
        client.delete(f"{LINES}/a", params={"reason": "x"}, headers={"If-Match": seen}),
        client.post(f"{LINES}/a/bindings", json={"bound": "10.0.0.1"}, headers={"If-Match": seen}),
    ):
        assert (await request).status_code == 412
    shown = await client.get(f"{LINES}/a")
    assert shown.json()["zone"] == "UTC"
    again = {"If-Match": f'"x", {shown.headers["etag"]}'}
    assert (await client.put(zone, json={"zone": "UTC"}, headers=again)).status_code == 200
    assert (await client.put(zone, json={"zone": "UTC"}, headers={"If-Match": "*"})).status_code == 200


async def test_a_request_with_a_key_acts_once(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    key = {"Idempotency-Key": "order 4711"}
    first = await client.post(LINES, json={"id": "a"}, headers=key)
    again = await client.post(LINES, json={"id": "a"}, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    other = await client.post(LINES, json={"id": "b"}, headers=key)
    assert (other.status_code, "came with another request" in other.text) == (422, True)
    # Another token's keys are its own.
    theirs = await api.client(TokenRole.PROVISIONING)
    assert (await theirs.post(LINES, json={"id": "b"}, headers=key)).status_code == 201
    # What was refused did nothing, and may come again.
    retry = {"Idempotency-Key": "order 4712"}
    assert (await client.post(LINES, json={"id": "a"}, headers=retry)).status_code == 409
    assert (await client.post(LINES, json={"id": "c"}, headers=retry)).status_code == 201
    api.installation.now += 86_401
    assert (await client.post(LINES, json={"id": "a"}, headers=key)).status_code == 409
    actions = [each.entry.action for each in await audit.tail(api.context, 100)]
    assert actions.count("subscriber.add") == 3


async def test_a_key_is_that_of_its_token_however_the_header_is_written(api: Api) -> None:
    made = await api.token(TokenRole.PROVISIONING)
    key = {"Idempotency-Key": "order 4713"}
    forms = ("Bearer {}", "bearer {}", "BEARER  {}")
    clients = [api.bare({"Authorization": each.format(made.secret)}) for each in forms]
    replies = [await each.post(LINES, json={"id": "a"}, headers=key) for each in clients]
    assert [each.status_code for each in replies] == [201, 201, 201]


async def test_the_same_request_many_times_at_once_acts_once(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    key = {"Idempotency-Key": "k"}
    every = await asyncio.gather(
        *(client.post(LINES, json={"id": "a"}, headers=key) for _ in range(8)), return_exceptions=False
    )
    assert {each.status_code for each in every} <= {201, 409}
    assert sum(each.status_code == 201 for each in every) >= 1
    actions = [each.entry.action for each in await audit.tail(api.context, 100)]
    assert actions.count("subscriber.add") == 1


async def test_nothing_that_tells_of_a_line_is_kept_with_a_key(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    await client.post(LINES, json={"id": "a-secret-id"}, headers={"Idempotency-Key": "a-secret-id"})
    await client.delete(f"{LINES}/a-secret-id", params={"reason": "asked"})
    gone = await client.post(LINES, json={"id": "a-secret-id"}, headers={"Idempotency-Key": "a-secret-id"})
    assert gone.status_code == 404
    files = [api.installation.database, api.installation.database.with_name("filterd.db-wal")]
    for file in files:
        assert not file.exists() or b"a-secret-id" not in file.read_bytes()


async def test_support_sees_how_many_own_names_there_are(api: Api) -> None:
    owner, support = await api.client(TokenRole.OPERATOR), await api.client(TokenRole.SUPPORT)
    await _registered(owner, "a")
    put = await owner.put(f"{LINES}/a/own-names/secret.example", json={"action": "block", "scope": "exact"})
    assert put.json()["own_names"] == [
        {"name": "secret.example", "action": "block", "scope": "exact", "until": None}
    ]
    shown = await support.get(f"{LINES}/a")
    assert (shown.json()["own_names"], shown.json()["own_names_count"]) == (None, 1)
    listed = await support.get(LINES)
    assert "secret" not in shown.text + listed.text
    gone = await owner.delete(f"{LINES}/a/own-names/secret.example")
    assert gone.json()["own_names"] == []
    assert (await owner.delete(f"{LINES}/a/own-names/secret.example")).status_code == 404


async def test_choices_are_made_by_the_tokens_name(api: Api) -> None:
    client = await api.client(TokenRole.SUPPORT, "helpdesk", system=True)
    await subscribers.add(api.context, "a")
    lacking = await client.put(f"{LINES}/a/choices/opt-in", json={"profile": "child"})
    assert [each["field"] for each in lacking.json()["errors"]] == ["body.evidence"]
    early = await client.put(f"{LINES}/a/choices/profile", json={"profile": "child"})
    assert early.status_code == 409
    asked = {"profile": "child", "evidence": EVIDENCE}
    assert (await client.put(f"{LINES}/a/choices/opt-in", json=asked)).json()["profile"] == "child"
    wrong = await client.put(f"{LINES}/a/choices/profile", json={"profile": "chidl"})
    assert (wrong.status_code, "did you mean child?" in wrong.json()["remedy"]) == (404, True)
    paused = await client.put(f"{LINES}/a/choices/pause", json={"until": "2027-01-15T10:00:00+01:00"})
    assert paused.json()["paused_until"] == "2027-01-15T09:00:00Z"
    for until in (
        "2027-01-15T08:00:00",
        "2026-01-15T08:00:00Z",
        "2028-01-15T08:00:00Z",
        "soon",
        5,
        1_800_000_600,
        None,
    ):
        refused = await client.put(f"{LINES}/a/choices/pause", json={"until": until})
        assert refused.status_code == 422, until
    assert (await client.delete(f"{LINES}/a/choices/pause")).json()["paused_until"] is None
    for value in (0, "yes", None):
        refused = await client.put(f"{LINES}/a/choices/security", json={"left": value})
        assert refused.status_code == 422
    left = await client.put(f"{LINES}/a/choices/security", json={"left": True})
    assert left.json()["security_left"] is True
    assert (await client.put(f"{LINES}/a/choices/opt-out", json={})).json()["opted_in"] is False
    acts = [each.entry for each in await audit.tail(api.context, 100, "line:1")]
    assert {each.actor for each in acts[1:]} == {"helpdesk"}


@pytest.mark.parametrize("identifier", ["eth 0/1/3:100", "José Núñez", "a?b#c", "%2F", "..x", "x" * 128])
async def test_any_id_can_be_named_in_a_path(api: Api, identifier: str) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    made = await client.post(LINES, json={"id": identifier})
    found = await client.get(made.headers["location"])
    assert (found.status_code, found.json()["id"]) == (200, identifier)
    zoned = await client.put(made.headers["location"] + "/choices/zone", json={"zone": "UTC"})
    assert zoned.status_code == 200


@pytest.mark.parametrize(
    "value", ["a\r\nSet-Cookie: x=1", "a\x00b", "\ue000", "a\u202eb", " ", "", "x" * 129, 5, None, ["a"]]
)
async def test_ids_that_cannot_be_printed_are_refused(api: Api, value: Any) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    refused = await client.post(LINES, json={"id": value})
    assert refused.status_code == 422
    assert "set-cookie" not in refused.headers


NORTH_MEETS = (
    "10.0.2.7",
    "10.0.3.9",
    "10.0.4.1:2000-2010",
    "10.0.4.1",
    "10.0.5.0:1-9",
    "2001:db8:7:100::/64",
    "2001:db8:8::/48",
    "2001:db8:0:100::/56",
    "2001:db8::/48",
)


@pytest.mark.parametrize("bound", NORTH_MEETS)
async def test_a_limited_token_takes_no_address_from_a_line_beyond_it(api: Api, bound: str) -> None:
    every = await api.client(TokenRole.OPERATOR)
    theirs = ["10.0.2.0/24", "10.0.3.9", "10.0.4.1:2005-2020", "10.0.5.0/28"]
    theirs += ["2001:db8:7::/48", "2001:db8:8:1::/64", "2001:db8:0:100::5"]
    assert (await every.post(LINES, json={"id": "south-2", "prefixes": theirs})).status_code == 201
    north = await api.client(TokenRole.OPERATOR, lines="north-")
    await _registered(north, "north-1")
    for refused in (
        await north.post(f"{LINES}/north-1/bindings", json={"bound": bound}),
        await north.post(LINES, json={"id": "north-2", "prefixes": [bound]}),
        await north.post(f"{LINES}/north-1/bindings", json={"bound": bound, "wide": True}),
    ):
        assert (refused.status_code, "south" in refused.text) == (409, False)
    assert (await every.get(f"{LINES}/north-1")).json()["bindings"] == []
    assert (await every.get(f"{LINES}/north-2")).status_code == 404
    nested = await every.post(f"{LINES}/north-1/bindings", json={"bound": "10.0.2.8"})
    assert nested.status_code == 201


async def test_a_limited_token_binds_what_is_free_or_among_its_own_lines(api: Api) -> None:
    every = await api.client(TokenRole.OPERATOR)
    theirs = ["10.0.4.1:2005-2020", "2001:db8:7::/48", "2001:db8:0:0:5::/80", "mac:00:11:22:aa:bb:cc"]
    assert (await every.post(LINES, json={"id": "NORTH-1", "prefixes": theirs})).status_code == 201
    assert (
        await every.post(LINES, json={"id": "north-9", "prefixes": ["10.0.2.0/24", "2001:db8:9::/48"]})
    ).is_success
    north = await api.client(TokenRole.OPERATOR, lines="north-")
    free = ["10.0.2.7", "10.0.4.1:1-9", "10.0.4.2", "2001:db8:9:1::/64", "2001:db8:0:1::/64", "cpe:a"]
    made = await north.post(LINES, json={"id": "north-1", "prefixes": free})
    assert (made.status_code, sorted(made.json()["bindings"])) == (
        201,
        sorted(["10.0.2.7/32", "10.0.4.1:1-9", "10.0.4.2/32", *free[3:]]),
    )
    for wide in ("10.9.0.0/31", "2001:db8::/47", "0.0.0.0/0"):
        refused = await north.post(f"{LINES}/north-1/bindings", json={"bound": wide, "wide": True})
        assert refused.status_code == 403, wide
        assert refused.json()["remedy"]


async def test_for_an_unknown_id_nothing_is_guessed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess takes 30 ms among long ids, under the write lock where the line was to be changed: a token sent
    unknown ids within its limit, and orders waited. The reply never had it."""
    guess = Mock(return_value="")
    monkeypatch.setattr(lines, "did_you_mean", guess)
    client = await api.client(TokenRole.PROVISIONING)
    await _registered(client, "home-1")
    looked = await client.get(f"{LINES}/home-2")
    changed = await client.put(f"{LINES}/home-2/choices/zone", json={"zone": "UTC"})
    assert (looked.status_code, changed.status_code, guess.call_count) == (404, 404, 0)
    with pytest.raises(UnknownLineError) as caught:
        await subscribers.show(api.context, "home-2")
    assert caught.value.remedy.startswith("see those that exist")
    assert guess.call_count == 1

"""Feeds, nodes, the snapshot, the proof of the record, contract events and sessions over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from filterd.model.session import Session, SessionSource
from filterd.model.token import TokenRole
from filterd.operations import audit, snapshots, subscribers
from filterd.operations.feeds import updating
from filterd.operations.sessions import commands, protocol
from filterd.operations.sessions.commands import ShownSession, ShownSessions
from tests.unit.web.conftest import PERSON, Api

V1 = "/api/v1"


@pytest.mark.ring("night")
async def test_feeds_are_shown_read_and_held(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    listed = (await client.get(f"{V1}/feeds")).json()["items"]
    assert [each["id"] for each in listed][:2] == ["adult-starter", "gambling-starter"]
    read = await client.post(f"{V1}/feeds/adult-starter/update")
    assert (read.status_code, read.json()["outcome"]) == (200, "updated")
    shown = (await client.get(f"{V1}/feeds/adult-starter")).json()
    assert (shown["state"], len(shown["versions"])) == ("current", 1)
    refused = await client.put(f"{V1}/feeds/adult-starter/hold", json={"reason": "wrong"})
    assert "has no version before the one in use" in refused.json()["detail"]
    assert (await client.get(f"{V1}/feeds/none")).status_code in (404, 422)


async def test_a_feed_goes_back_to_the_version_before_and_on_again(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    await updating.update(api.context)
    list_file = Path(api.context.settings.policies) / "lists/adult.txt"
    list_file.write_text(list_file.read_text() + "more.example\n")
    await updating.update(api.context)
    held = await client.put(f"{V1}/feeds/adult-starter/hold", json={"reason": "wrong"})
    assert (held.status_code, held.json()["waits"]) == (200, False), held.text
    assert (await client.get(f"{V1}/feeds/adult-starter")).json()["state"] == "held"
    released = await client.delete(f"{V1}/feeds/adult-starter/hold", params={"reason": "right again"})
    assert released.json()["feed"] == "adult-starter"


async def test_the_snapshot_and_the_proof_are_shown(api: Api) -> None:
    client = await api.client(TokenRole.REGULATOR, name="auditor")
    await updating.update(api.context)
    await snapshots.build(api.context)
    assert (await client.get(f"{V1}/snapshot")).json()["record"]["names"] > 0
    proof = (await client.get(f"{V1}/audit/proof")).json()
    assert (proof["holds"], proof["rows"], proof["change_log"]) == (True, [], "")
    tail = (await client.get(f"{V1}/audit/tail", params={"count": 1})).json()["items"]
    assert len(tail) == 1
    histories = (await client.get(f"{V1}/node-histories")).json()
    assert histories == {"items": [], "next": None}


async def test_events_that_end_no_consent_are_recorded_alone(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING, "billing", system=True)
    await subscribers.add(api.context, "home")
    event = {"event": "added", "reference": "contract 7"}
    assert (await client.post(f"{V1}/subscribers/home/contract-events", json=event)).status_code == 200
    await subscribers.deny(api.context, "home", "own.example")
    for word in ("suspended", "reactivated"):
        told = await client.post(f"{V1}/subscribers/home/contract-events", json={**event, "event": word})
        assert [each["name"] for each in told.json()["own_names"]] == ["own.example"]
    refused = await client.post(f"{V1}/subscribers/home/contract-events", json=event)
    assert (refused.status_code, "asks for something still" in refused.json()["detail"]) == (409, True)
    told = await client.post(f"{V1}/subscribers/home/contract-events", json={**event, "event": "cancelled"})
    assert told.json()["own_names"] == []
    actions = [each.entry.action for each in await audit.tail(api.context) if each.entry.actor == "billing"]
    assert actions == [f"subscriber.{each}" for each in ("added", "suspended", "reactivated", "cancelled")]


async def test_an_own_name_ends_by_itself(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING, "billing")
    await subscribers.add(api.context, "home")
    path = f"{V1}/subscribers/home/own-names/game.example"
    put = await client.put(path, json={"action": "block", "until": "2027-01-15T10:00:00Z"})
    assert put.json()["own_names"][0]["until"] == "2027-01-15T10:00:00Z"
    refused = await client.put(path, json={"action": "block", "until": "2035-01-15T10:00:00Z"})
    assert (refused.status_code, "366 days" in refused.json()["remedy"]) == (422, True)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """One session, of the line ``north-1``, at whatever address is asked for."""
    found = Session(
        addresses=("192.0.2.7/32",), line=1, source=SessionSource.COMMAND, confirmed_at=1, until=2
    )
    shown = ShownSessions([ShownSession(found, "north-1")], 1)

    async def show(*_: Any) -> ShownSessions:
        return shown

    monkeypatch.setattr(commands, "show_address", show)


@pytest.mark.usefixtures("sessions")
async def test_a_limited_token_sees_no_session_of_other_lines_and_tells_of_none(api: Api) -> None:
    north = await api.client(TokenRole.PROVISIONING, "north", lines="north-")
    south = await api.client(TokenRole.PROVISIONING, "south", lines="south-")
    asked = {"address": "192.0.2.7"}
    assert (await north.get(f"{V1}/sessions", params=asked)).json()["items"][0]["subscriber"] == "north-1"
    other = await south.get(f"{V1}/sessions", params=asked)
    assert other.json() == {"items": [], "count": 0, "ambiguous": False, "reason": ""}
    assert (await south.get(f"{V1}/sessions", params={"subscriber": "north-1"})).status_code == 404
    told = {"addresses": ["192.0.2.7"], "subscriber": "south-1"}
    assert (await south.post(f"{V1}/sessions", json=told)).status_code == 403
    assert (await south.delete(f"{V1}/sessions", params=asked)).status_code == 403


async def test_a_limited_token_counts_the_sessions_of_its_lines_alone(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control is asked for the lines of the token, some at a time; the counts of all stay unknown to it."""
    for each in ("north-1", "south-1", "north-2", "north-3", "north"):
        await subscribers.add(api.context, each)
    asked: list[dict[str, Any]] = []

    async def ask(_: Path, line: bytes, read: Callable[[bytes], Any], **__: Any) -> Any:
        asked.append(json.loads(line))
        lines = asked[-1].get("lines")
        sources = {"radius": 0, "lease": 0, "command": 0} | ({"lease": len(lines)} if lines else {})
        return read(json.dumps({"sources": sources, "counts": {"all": 900}}).encode())

    monkeypatch.setattr(commands, "ask", ask)
    monkeypatch.setattr(protocol, "MOST_LINES", 2)
    north = await api.client(TokenRole.PROVISIONING, "north", lines="north-")
    counted = (await north.get(f"{V1}/sessions/counts")).json()
    assert counted["known"] == {"registered": 3, "unregistered": 0}
    assert counted["sources"]["lease"] == {"registered": 3, "unregistered": 0}
    assert asked == [{"command": "count", "lines": [1, 3]}, {"command": "count", "lines": [4]}]
    west = await api.client(TokenRole.PROVISIONING, "west", lines="west-")
    assert (await west.get(f"{V1}/sessions/counts")).json()["known"]["registered"] == 0
    assert len(asked) == 2
    everyone = await api.client(TokenRole.PROVISIONING, "billing")
    assert (await everyone.get(f"{V1}/sessions/counts")).json() == {"all": 900}


async def test_without_control_the_call_says_what_to_start(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR, PERSON)
    refused = await client.get(f"{V1}/sessions/counts")
    assert (refused.status_code, "filterd serve --role control" in refused.json()["remedy"]) == (503, True)
    neither = await client.get(f"{V1}/sessions")
    assert neither.status_code == 422
    packet = await client.post(f"{V1}/sessions/explain", json={"packet": "zz"})
    assert packet.status_code == 422

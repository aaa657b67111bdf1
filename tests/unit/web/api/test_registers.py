"""Registers over HTTP: by people with tokens, and by an authority that pushes with its secret."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.model.records import FeedInForce
from filterd.model.token import TokenRole
from filterd.operations import nodes
from filterd.web.api import register_push
from tests.unit.operations.registers.conftest import adopted, node_has_all, with_list, with_registers
from tests.unit.operations.registers.test_lists import blocked, register_xml
from tests.unit.web.conftest import Api

SECRET = "s" * 40
PUSH = "/api/v1/registers/pl/push"


@pytest.fixture
async def api(api: Api) -> Api:
    """With Poland's register, which may be pushed."""
    (api.installation.base / "push.secret").write_text(f"{'n' * 40}\n{SECRET}\n")
    pushed = {"push_secret_file": "push.secret", "largest": 2048}
    with_registers(
        api.installation,
        {"id": "pl", "kind": "poland", "list": "pl-list", **pushed},
        {"id": "own", "kind": "csv"},
    )
    with_list(api.installation)
    registers = api.installation.settings.registers
    settings = replace(api.context.settings, registers=registers)
    api.context = replace(api.context, settings=settings)
    api.state.context = replace(api.state.context, settings=settings)
    return api


async def test_a_push_is_answered_in_its_reply(api: Api) -> None:
    await adopted(api.context, "pl")
    pusher = api.with_secret(SECRET)
    reply = await pusher.post(PUSH, content=register_xml(["a.example", "portal.example"]))
    assert (reply.status_code, reply.headers["rsh-push"]) == (200, "accepted")
    answers = reply.json()["answers"]
    assert [(each["entry"], each["answer"], each["reason"]) for each in answers] == [
        ("a.example", "processed", ""),
        ("portal.example", "unprocessed", "protected"),
    ]
    assert await blocked(api.context) == {"a.example"}
    assert reply.json()["on_all_nodes"] is False, "there is no node"
    again = await pusher.post(PUSH, content=register_xml(["a.example", "portal.example"]))
    assert again.json()["repeated"]


async def test_a_push_says_whether_every_node_has_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_push, "WAITS", 0.0)
    await adopted(api.context, "pl")
    report = await node_has_all(api.context)
    pusher = api.with_secret(SECRET)
    reply = await pusher.post(PUSH, content=register_xml(["a.example"]))
    assert (reply.status_code, reply.json()["on_all_nodes"]) == (200, False)
    version = FeedInForce("pl-list", "mandatory", "1", "", 1, 0.0)
    await nodes.record(api.context, replace(report, feeds=(version,)))
    again = await pusher.post(PUSH, content=register_xml(["a.example"]))
    assert (again.json()["repeated"], again.json()["on_all_nodes"]) == (True, True)


@pytest.mark.parametrize(
    ("path", "secret", "status"),
    [
        (PUSH, "t" * 40, 401),
        ("/api/v1/registers/none/push", SECRET, 401),
        (PUSH, "", 401),
        (PUSH, SECRET, 409),
    ],
)
async def test_who_has_no_secret_learns_nothing(api: Api, path: str, secret: str, status: int) -> None:
    reply = await api.with_secret(secret).post(path, content=register_xml(["a.example"]))
    assert reply.status_code == status
    assert reply.json()["remedy"]
    assert "rsh-push" not in reply.headers


async def test_a_push_that_is_too_large_or_no_register_is_refused(api: Api) -> None:
    await adopted(api.context, "pl")
    pusher = api.with_secret(SECRET)
    assert (await pusher.post(PUSH, content=b"x" * 3000)).status_code == 413
    refused = await pusher.post(PUSH, content=b"<html></html>", headers={"Content-Type": "text/html"})
    assert refused.status_code == 422
    assert "its root is" in refused.json()["detail"]


async def test_people_take_and_read_answers(api: Api) -> None:
    one = await api.client(TokenRole.OPERATOR)
    refused = await one.post("/api/v1/registers/own/adopt", json={"reason": "the authority's letter"})
    assert refused.status_code == 403, "somebody else made its token"
    await adopted(api.context, "own")
    document = {"content": "document,entry\nD-1,one.example\nD-1,com\n"}
    looked = await one.post("/api/v1/registers/own/documents", json={**document, "dry_run": True})
    assert (looked.json()["dry_run"], looked.json()["added"]) == (True, 1)
    taken = await one.post("/api/v1/registers/own/documents", json=document)
    assert (taken.json()["order"], taken.json()["refused"]) == ("O-1", {"not_executable_by_dns": 1})
    shown = await one.get(f"/api/v1/register-answers/{taken.json()['run']}", params={"limit": 1})
    assert (len(shown.json()["answers"]), shown.json()["next"]) == (1, "1")
    listed = (await one.get("/api/v1/registers")).json()["items"]
    assert [(each["id"], each["problem"]) for each in listed] == [("pl", "not adopted"), ("own", "")]
    documents = (await one.get("/api/v1/registers/own/documents")).json()["items"]
    assert [each["document"] for each in documents] == ["D-1"]
    assert (await one.post("/api/v1/register-answers/retry")).json() == {"answered": 0, "delivered": 0}
    assert (await one.post("/api/v1/registers/own/pull")).status_code == 409
    assert (await one.post("/api/v1/registers/own/accept", json={"reason": "x"})).status_code == 409

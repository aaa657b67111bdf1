"""Exports, requests of holders, retention and breach reports over HTTP, and who sees which lines of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from filterd.model.subscriber import RequestEvidence
from filterd.model.token import Permission, TokenRole
from filterd.operations import audit, subscribers
from filterd.operations.backup import backup
from filterd.operations.consent_report import ConsentReport, without_small
from filterd.operations.privacy import breach
from tests.meta.test_known_failures import ROOT
from tests.unit.web.conftest import Api
from tests.worlds.installation import NOW

BASE = "/api/v1"
MEXICO = "jurisdictions/mx.yaml"
ASKED = {"id": "north-1", "kind": "access", "channel": "letter", "ticket": "K-1"}
HOLD = {
    "authority": "Fiscal 7",
    "official": "O",
    "document": "FED/7",
    "ground": "CNPP 303",
    "reason": "file 9",
    "days": 30,
    "subscribers": ["north-1"],
}
LINES = ("north-1", "north-2", "south-1")


@pytest.fixture
async def api(api: Api) -> Api:
    """With a country's terms, and three lines that opted in."""
    api.installation.write_policy(MEXICO, (ROOT / "policies" / MEXICO).read_text())
    for each in LINES:
        await subscribers.add(api.context, each)
        await subscribers.opt_in(api.context, each, "child", RequestEvidence("Ana", "shop", NOW, "1", "T-1"))
        await subscribers.allow(api.context, each, "blue.example")
    return api


async def test_a_request_from_its_receipt_to_its_end(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING)
    made = await client.post(f"{BASE}/arco-requests", json=ASKED)
    assert (made.status_code, made.json()["days_left"], made.json()["overdue"]) == (201, 20, False)
    at = f"{BASE}/arco-requests/{made.json()['request']}"
    early = await client.post(f"{at}/closing", json={})
    assert early.status_code == 409
    refused = await client.post(f"{at}/answer", json={"outcome": "refused"})
    assert (refused.status_code, "reason" in refused.json()["detail"]) == (422, True)
    answered = await client.post(f"{at}/answer", json={"outcome": "granted"})
    assert answered.json()["days_left"] == 15
    assert (await client.post(f"{at}/extension", json={"reason": "archive"})).json()["days_left"] == 30
    assert (await client.post(f"{at}/closing", json={})).json()["due"] is None
    assert (await client.get(f"{BASE}/arco-requests")).json() == []
    assert len((await client.get(f"{BASE}/arco-requests?closed=true")).json()) == 1


async def test_an_export_has_all_and_is_on_record(api: Api) -> None:
    client = await api.client(TokenRole.PROVISIONING, name="counter", system=True)
    held = (await client.get(f"{BASE}/subscribers/north-1/export?text=true")).json()
    assert held["own_names"][0]["name"] == "blue.example"
    assert held["requests"][0]["who"] == "Ana"
    assert "Datos que se guardan de la línea north-1" in held["text"]
    entry = (await audit.tail(api.context, 1))[0].entry
    assert (entry.action, entry.actor) == ("subscriber.export", "counter")


async def test_a_token_of_some_lines_reaches_no_other(api: Api) -> None:
    everywhere = await api.client(TokenRole.OPERATOR)
    made = (await everywhere.post(f"{BASE}/arco-requests", json={**ASKED, "id": "south-1"})).json()
    north = await api.client(TokenRole.OPERATOR, name="north", system=True, lines="north-")
    assert (await north.get(f"{BASE}/subscribers/south-1/export")).status_code == 404
    assert (await north.post(f"{BASE}/arco-requests", json={**ASKED, "id": "south-1"})).status_code == 404
    assert (await north.get(f"{BASE}/arco-requests")).json() == []
    at = f"{BASE}/arco-requests/{made['request']}"
    for path, body in (("answer", {"outcome": "granted"}), ("closing", {}), ("extension", {"reason": "x"})):
        assert (await north.post(f"{at}/{path}", json=body)).status_code == 404
    found = (await north.post(f"{BASE}/breach-reports", json={"store": True})).json()
    assert [each["id"] for each in found["lines"]["items"]] == ["north-1", "north-2"]
    assert found["counts"]["lines"] == 2


async def test_a_regulator_sees_counts_and_no_line(api: Api) -> None:
    client = await api.client(TokenRole.REGULATOR)
    done = await client.post(f"{BASE}/breach-reports", json={"store": True})
    found = done.json()
    assert set(found["counts"].values()) == {None}, "three lines are too few to be told"
    assert "menos de 10" in found["notice"]
    assert found["lines"] is None
    assert not any(each in done.text for each in LINES)
    table = (await client.get(f"{BASE}/retention")).json()
    assert {each["id"]: each["rows"] for each in table}["registration"] is None
    report = (await client.get(f"{BASE}/consent-report")).json()
    assert (report["own"], report["repeated"], report["opted_in"], report["share_not_own"]) == (
        0,
        *[None] * 3,
    )


async def test_a_regulator_sees_the_trail_as_an_export_shows_it(api: Api) -> None:
    regulator, operator = await api.client(TokenRole.REGULATOR), await api.client(TokenRole.OPERATOR)
    for path in ("audit?limit=100", "audit/tail?count=100"):
        whole = (await operator.get(f"{BASE}/{path}")).json()["items"]
        told = (await regulator.get(f"{BASE}/{path}")).json()["items"]
        assert [each["sequence"] for each in told] == [each["sequence"] for each in whole]
        opted = [at for at, each in enumerate(whole) if each["entry"]["action"] == "subscriber.opt_in"]
        assert len(opted) == len(LINES)
        assert all(set(told[at]) == {"kind", "sequence", "hash", "content"} for at in opted)
        assert "child" not in str(told)
        assert not re.search(r"line:\d", str(told))
    assert (await regulator.get(f"{BASE}/audit/tail?of=line:1")).json()["items"] == []
    assert (await operator.get(f"{BASE}/audit/tail?of=line:1")).json()["items"] != []


def test_a_small_part_is_not_computable_from_the_others() -> None:
    told = breach.without_small({"lines": 20, "ids": 20, "choices": 15, "changed": 0, "notices": 4})
    assert told == {"lines": 20, "ids": 20, "choices": None, "changed": 0, "notices": None}
    shown = without_small(ConsentReport(own=20, shared=5, repeated=4, none=0, waiting=2, alike=()))
    assert (shown["own"], shown["shared"], shown["opted_in"], shown["waiting"]) == (None, None, 29, None)
    shown = without_small(ConsentReport(own=20, shared=5, repeated=6, none=0, waiting=2, alike=()))
    assert (shown["own"], shown["repeated"], shown["opted_in"]) == (20, None, 31), "11 together"
    shown = without_small(ConsentReport(own=20, shared=0, repeated=3, none=0, waiting=0, alike=()))
    assert (shown["own"], shown["repeated"], shown["opted_in"], shown["share_not_own"]) == (
        *(None, None),
        *(23, None),
    )


async def test_a_scope_without_lines_sees_none(api: Api) -> None:
    scopes = (Permission.PRIVACY_READ,)
    client = await api.client(TokenRole.OPERATOR, name="watch", system=True, scopes=scopes)
    assert (await client.post(f"{BASE}/breach-reports", json={"store": True})).json()["lines"] is None


async def test_long_reports_come_in_pages(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        body = {"store": True, "after": after, "limit": 2}
        part = (await client.post(f"{BASE}/breach-reports", json=body)).json()["lines"]
        seen += [each["id"] for each in part["items"]]
        after = None if part["next"] is None else int(part["next"])
    assert seen == list(LINES)


async def test_a_backup_is_named_by_its_revision_and_never_by_a_path(api: Api, tmp_path: Path) -> None:
    client = await api.client(TokenRole.OPERATOR)
    await backup(api.context, tmp_path / "copy")
    revision = (await api.context.store.head()).revision
    found = await client.post(f"{BASE}/breach-reports", json={"backup_revision": revision})
    assert found.json()["what"] == f"backup:{revision}"
    assert str(tmp_path) not in found.text
    assert (await client.post(f"{BASE}/breach-reports", json={"backup": "/etc"})).status_code == 422
    assert (await client.post(f"{BASE}/breach-reports", json={})).status_code == 422


@pytest.mark.ring("night")
async def test_a_run_and_its_proof(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    api.installation.now += 86_400 * 31
    done = (await client.post(f"{BASE}/retention/run")).json()
    assert done["deleted"]["changes"] > 0
    assert (await client.post(f"{BASE}/retention/proof")).json()["holds"]


async def test_a_hold_over_http_is_seen_by_operators_and_by_nobody_who_helps(api: Api) -> None:
    operator, counter = await api.client(TokenRole.OPERATOR), await api.client(TokenRole.PROVISIONING)
    cancel = (await counter.post(f"{BASE}/arco-requests", json={**ASKED, "kind": "cancellation"})).json()
    made = await operator.post(f"{BASE}/holds", json=HOLD, headers={"Idempotency-Key": "one"})
    again = await operator.post(f"{BASE}/holds", json=HOLD, headers={"Idempotency-Key": "one"})
    assert (made.status_code, made.json()["subscribers"]) == (201, ["north-1"])
    assert again.json() == made.json()
    path = f"{BASE}/subscribers/north-1?reason=R-1"
    told, frank = await counter.delete(path), await operator.delete(path)
    assert (told.status_code, frank.status_code) == (409, 409)
    assert "Fiscal" not in told.text
    assert "Fiscal" in frank.text
    asked = (await operator.get(f"{BASE}/arco-requests")).json()
    assert [each["held_until"] for each in asked] == [made.json()["until"]]
    assert (await counter.get(f"{BASE}/arco-requests")).json() == [{**cancel, "held_until": None}]
    support = await api.client(TokenRole.SUPPORT)
    for seen in ("/subscribers/north-1", "/subscribers/north-1/consent", "/notices"):
        text = (await support.get(f"{BASE}{seen}")).text
        assert not any(each in text for each in ("Fiscal", made.json()["hold"], "held"))
    at = f"{BASE}/holds/{made.json()['hold']}"
    assert (await operator.post(f"{at}/end?reason=lifted")).json()["state"] == "ended"
    assert (await operator.get(f"{BASE}/holds")).json()["items"] == []
    assert (await counter.delete(path)).status_code == 200
    assert (await operator.get(at)).json()["subscribers"] == []

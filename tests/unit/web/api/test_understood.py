"""Nothing that a request says is passed over: query parameters that a call does not have, and keys that it
does not keep, are refused by every call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from filterd.model.subscriber import RequestEvidence
from filterd.model.token import TokenRole
from filterd.operations import audit, repeats, subscribers
from filterd.operations.repeats import Said
from filterd.web.api.docs_page import METHODS
from tests.meta.test_known_failures import ROOT
from tests.unit.web.conftest import Api
from tests.worlds.installation import NOW

HERE = {
    "id": "home",
    "name": "blue.example",
    "version": "1",
    "reference": "O-1",
    "authorisation": "A-1",
    "evidence": "E-1",
    "number": 1,
    "request": "R-1",
    "review": "1",
    "hold": "H-1",
    "profile": "child",
    "kind": "compliance",
    "register": "none",
    "run": 1,
    "passkey": "none",
    "contact": "ana",
    "handover": 1,
    "shift": 1,
}
MEXICO = "policies/jurisdictions/mx.yaml"
KEY = {"Idempotency-Key": "k"}
REPEATABLE = frozenset(
    (
        "/audit/checkpoints",
        "/audit/statement",
        "/feeds/{id}/update",
        "/feeds/{id}/accept",
        "/import/subscribers",
        "/node-histories/accept",
        "/profile-changes/{profile}/hasten",
        "/retention/run",
        "/retention/proof",
        "/breach-reports",
        "/public-pages/export",
        "/reviews/{review}/appeal",
        "/list-comparisons",
        "/passkeys/{passkey}/revoke",
        "/publications",
        "/publications/{id}/withdraw",
        "/register-answers/retry",
        "/registers/{register}/accept",
        "/registers/{register}/adopt",
        "/registers/{register}/documents",
        "/registers/{register}/pull",
        "/sessions/explain",
        "/subscribers/{id}/own-names-view",
    )
)
"""the POSTs that keep no key: they read, or done again they change nothing"""


async def _every_call(api: Api) -> list[tuple[str, str]]:
    document = (await api.bare().get("/api/openapi.json")).json()
    paths = document["paths"].items()
    return [(method, path) for path, calls in paths for method in calls if method in METHODS]


async def test_every_call_refuses_query_parameters_that_it_does_not_have(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    calls = await _every_call(api)
    assert len(calls) > 70
    for method, path in calls:
        refused = await client.request(method, path.format(**HERE), params={"line": "L"})
        assert refused.status_code == 422, (method, path, refused.text)
        assert refused.json()["errors"][0]["field"] == "query.line", (method, path)


async def test_the_refusal_names_the_parameters_that_exist(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    refused = await client.get("/api/v1/check", params={"name": "blue.example", "line": "L"})
    assert refused.json()["remedy"] == "those that exist here: name, subscriber, type"
    assert "'line'" in refused.json()["detail"]
    none = await client.get("/api/v1/retention?x=")
    assert (none.status_code, none.json()["remedy"]) == (422, "there is none here")


async def test_a_stranger_is_told_of_no_parameters(api: Api) -> None:
    assert (await api.bare().get("/api/v1/check?line=L")).status_code == 401


async def test_every_post_keeps_a_key_or_refuses_it(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    document = (await api.bare().get("/api/openapi.json")).json()
    posts = [path for method, path in await _every_call(api) if method == "post"]
    refusing = set()
    for path in posts:
        parameters = document["paths"][path]["post"].get("parameters", ())
        keeps = any(each["name"] == "idempotency-key" for each in parameters)
        reply = await client.post(path.format(**HERE), headers=KEY)
        refused = "keeps no Idempotency-Key" in reply.text
        assert refused is not keeps, (path, reply.text)
        assert not refused or reply.status_code == 422
        if refused:
            refusing.add(path.removeprefix("/api/v1"))
    assert refusing == REPEATABLE


TODAY = {"id": "home", "kind": "access", "channel": "letter", "ticket": "K-1"}
LINE = "/api/v1/subscribers/home"


async def _twice(client: httpx.AsyncClient, path: str, body: Any) -> tuple[httpx.Response, httpx.Response]:
    headers = {"Idempotency-Key": path}
    first = await client.post(path, json=body, headers=headers)
    return first, await client.post(path, json=body, headers=headers)


async def test_what_is_repeated_with_its_key_acts_once(api: Api) -> None:
    api.installation.write_policy("jurisdictions/mx.yaml", (ROOT / MEXICO).read_text())
    await subscribers.add(api.context, "home")
    await subscribers.opt_in(
        api.context, "home", "child", RequestEvidence("holder", "counter", NOW, "1", "ticket 1")
    )
    client = await api.client(TokenRole.OPERATOR)
    until = datetime.fromtimestamp(api.installation.now + 3600, UTC).isoformat()
    calls = {
        "/api/v1/arco-requests": TODAY,
        LINE + "/choices/closings": {"until": until, "everything": True},
        "/api/v1/exceptions": {"name": "shop.example", "reason": "ticket 3"},
        LINE + "/contract-events": {"event": "suspended", "reference": "invoice 9"},
    }
    for path, body in calls.items():
        first, again = await _twice(client, path, body)
        assert first.is_success, (path, first.text)
        assert (again.status_code, again.json()) == (first.status_code, first.json()), path
    (exception,) = (await client.get("/api/v1/exceptions")).json()["items"]
    (request,) = (await client.get("/api/v1/arco-requests")).json()
    for path, body in (
        (f"/api/v1/exceptions/{exception['number']}/end", None),
        (f"/api/v1/arco-requests/{request['request']}/extension", {"reason": "archive"}),
        (f"/api/v1/arco-requests/{request['request']}/answer", {"outcome": "granted"}),
        (f"/api/v1/arco-requests/{request['request']}/closing", {}),
    ):
        first, again = await _twice(client, path, body)
        assert (first.status_code, again.status_code) == (200, 200), (path, first.text, again.text)
        assert again.json() == first.json(), path
    actions = [each.entry.action for each in await audit.tail(api.context, 100)]
    for action in ("arco.add", "arco.extend", "arco.close", "exception.add", "exception.end"):
        assert actions.count(action) == 1, (action, actions)


async def test_a_short_reply_is_kept_as_it_was_given(api: Api) -> None:
    assert await repeats.begin(api.context, "key", "digest") is None
    await repeats.answered(api.context, "key", Said({"notices": 3}))
    before = await repeats.begin(api.context, "key", "digest")
    assert before is not None
    assert await repeats.subject_of(api.context, before.subject) == Said({"notices": 3})


async def test_a_secret_is_shown_once_and_a_repeat_is_told_what_was_made(api: Api) -> None:
    await subscribers.add(api.context, "home")
    client = await api.client(TokenRole.OPERATOR)
    person = {"person": "a cousin", "reference": "call 1"}
    first, again = await _twice(client, LINE + "/authorisations", person)
    assert (first.status_code, again.status_code) == (201, 409)
    assert first.json()["authorisation"] in again.json()["detail"]
    assert first.json()["authorisation"] in again.json()["remedy"]
    assert first.json()["credential"] not in again.text
    assert len((await client.get(LINE + "/authorisations")).json()) == 1
    first, again = await _twice(client, LINE + "/own-names-code", None)
    assert (first.status_code, again.status_code) == (201, 409)
    assert "make another" in again.json()["remedy"]
    assert first.json()["code"] not in again.text

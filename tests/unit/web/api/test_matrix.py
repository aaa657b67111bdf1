"""Every endpoint with every role, and with none: the table below says who may do what, and is complete."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from filterd.model.subscriber import RequestEvidence
from filterd.model.token import TokenRole
from filterd.operations import snapshots, subscribers, tokens
from filterd.operations.feeds import updating
from filterd.web.api.docs_page import METHODS
from filterd.web.api.routing import PERMISSION
from tests.meta.test_known_failures import ROOT
from tests.unit.web.conftest import Api
from tests.worlds.installation import NOW

ORDER = {
    "names": ["ordered.example"],
    "authority": "A",
    "official": "O",
    "document": "D",
    "ground": "G",
    "reason": "R",
}
SUSPENSION = {"until": "2099-01-01T00:00:00Z", "document": "S-1", "reason": "asked for"}
SHIFT = {"account": "ana", "begins_at": "2027-01-15T08:00:00Z", "ends_at": "2027-01-16T08:00:00Z"}
HOLD = {
    "authority": "A",
    "official": "O",
    "document": "D",
    "ground": "G",
    "reason": "R",
    "days": 30,
    "classes": ["consent"],
}
EVIDENCE = {"who": "holder", "text_version": "1", "reference": "ticket 1"}
LINE = "/api/v1/subscribers/{id}"
LINES = frozenset((TokenRole.OPERATOR, TokenRole.PROVISIONING))
CHOOSERS = LINES | {TokenRole.SUPPORT}
OPERATOR = frozenset((TokenRole.OPERATOR,))
DUTY = OPERATOR | {TokenRole.ON_CALL}
ARCO = "/api/v1/arco-requests/{request}"
REGISTER = "/api/v1/registers/{register}"
REVIEW = "/api/v1/reviews/{review}"
REVIEWERS = DUTY | {TokenRole.SUPPORT}
PRIVACY = OPERATOR | {TokenRole.REGULATOR}
OVERSEERS = frozenset((TokenRole.OPERATOR, TokenRole.REGULATOR, TokenRole.ON_CALL))


@dataclass(frozen=True)
class Row:
    """The roles that may call an endpoint, and a call that is complete."""

    roles: frozenset[TokenRole]
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)


MATRIX = {
    ("get", "/api/v1/subscribers"): Row(CHOOSERS),
    ("post", "/api/v1/subscribers"): Row(LINES, {"id": "new"}),
    ("get", LINE): Row(CHOOSERS),
    ("delete", LINE): Row(LINES, query={"reason": "ticket 9"}),
    ("post", LINE + "/bindings"): Row(LINES, {"bound": "10.0.0.9"}),
    ("delete", LINE + "/bindings"): Row(LINES, query={"bound": "10.0.0.9"}),
    ("put", LINE + "/choices/opt-in"): Row(CHOOSERS, {"profile": "teen", "evidence": EVIDENCE}),
    ("put", LINE + "/choices/opt-out"): Row(CHOOSERS, {}),
    ("put", LINE + "/choices/profile"): Row(CHOOSERS, {"profile": "child"}),
    ("post", LINE + "/choices/profile/accept"): Row(CHOOSERS),
    ("put", LINE + "/choices/pause"): Row(CHOOSERS, {"until": "2027-01-15T10:00:00Z"}),
    ("delete", LINE + "/choices/pause"): Row(CHOOSERS),
    ("put", LINE + "/choices/zone"): Row(CHOOSERS, {"zone": "UTC"}),
    ("put", LINE + "/choices/security"): Row(CHOOSERS, {"left": True}),
    ("get", LINE + "/choices"): Row(CHOOSERS),
    ("put", LINE + "/choices/differences"): Row(CHOOSERS, {"add": ["category:adult"]}),
    ("put", LINE + "/choices/plan"): Row(CHOOSERS, {"as_profile": True}),
    ("post", LINE + "/choices/closings"): Row(
        CHOOSERS, {"until": "2027-01-15T10:00:00Z", "categories": ["adult"]}
    ),
    ("delete", LINE + "/choices/closings"): Row(CHOOSERS),
    ("get", LINE + "/consent"): Row(CHOOSERS),
    ("post", LINE + "/contract-events"): Row(LINES, {"event": "moved", "reference": "contract 1"}),
    ("get", LINE + "/consent/proof"): Row(frozenset((TokenRole.OPERATOR, TokenRole.SUPPORT))),
    ("get", LINE + "/authorisations"): Row(CHOOSERS),
    ("post", LINE + "/authorisations"): Row(CHOOSERS, {"person": "a cousin", "reference": "call 1"}),
    ("delete", LINE + "/authorisations/{authorisation}"): Row(CHOOSERS, query={"reason": "ticket 9"}),
    ("get", "/api/v1/consent-report"): Row(frozenset((TokenRole.OPERATOR, TokenRole.REGULATOR))),
    ("get", "/api/v1/shared-evidence"): Row(frozenset((TokenRole.OPERATOR,))),
    ("post", "/api/v1/shared-evidence/{evidence}/approve"): Row(frozenset((TokenRole.OPERATOR,))),
    ("post", "/api/v1/shared-evidence/{evidence}/reject"): Row(
        frozenset((TokenRole.OPERATOR,)), {"reason": "no"}
    ),
    ("get", "/api/v1/consent-texts"): Row(frozenset(TokenRole)),
    ("get", "/api/v1/consent-texts/{version}"): Row(frozenset(TokenRole)),
    ("put", LINE + "/own-names/{name}"): Row(LINES, {"action": "block"}),
    ("delete", LINE + "/own-names/{name}"): Row(LINES),
    ("get", "/api/v1/profiles"): Row(frozenset(TokenRole)),
    ("get", "/api/v1/catalogue"): Row(frozenset(TokenRole)),
    ("get", "/api/v1/check"): Row(OVERSEERS | {TokenRole.SUPPORT}, query={"name": "adult.example"}),
    ("get", "/api/v1/duty/due"): Row(DUTY),
    ("get", "/api/v1/duty/requests"): Row(DUTY),
    ("post", "/api/v1/duty/requests"): Row(DUTY, {"authority": "sat", "document": "OF-1", "asked": "block"}),
    ("get", "/api/v1/duty/requests/{request}"): Row(DUTY),
    ("post", "/api/v1/duty/requests/{request}/steps"): Row(DUTY, {"step": "question"}),
    ("get", "/api/v1/duty/handovers"): Row(DUTY),
    ("post", "/api/v1/duty/handovers"): Row(DUTY, {"text": "all quiet"}),
    ("post", "/api/v1/duty/handovers/{number}/read"): Row(DUTY),
    ("get", "/api/v1/duty/roster"): Row(DUTY),
    ("post", "/api/v1/duty/shifts"): Row(DUTY, SHIFT),
    ("post", "/api/v1/duty/shifts/{number}/remove"): Row(DUTY, {"reason": "ill"}),
    ("post", "/api/v1/duty/shifts/{number}/told"): Row(DUTY, {"reference": "AV-1"}),
    ("put", "/api/v1/duty/contacts/{contact}"): Row(DUTY, {"kind": "officer", "telephone": "55 1234 5678"}),
    ("delete", "/api/v1/duty/contacts/{contact}"): Row(DUTY),
    ("get", "/api/v1/orders"): Row(OVERSEERS),
    ("get", "/api/v1/orders/due"): Row(OVERSEERS),
    ("get", "/api/v1/orders/{reference}"): Row(OVERSEERS),
    ("get", "/api/v1/orders/{reference}/enforcement"): Row(OVERSEERS),
    ("get", "/api/v1/orders/{reference}/receipt"): Row(OVERSEERS),
    ("post", "/api/v1/orders/{reference}/reported"): Row(DUTY, {"reference": "acuse 7"}),
    ("post", "/api/v1/orders/{reference}/approve"): Row(DUTY),
    ("post", "/api/v1/orders"): Row(DUTY, ORDER),
    ("post", "/api/v1/orders/{reference}/withdraw"): Row(DUTY, {"reason": "lifted"}),
    ("post", "/api/v1/orders/{reference}/suspend"): Row(DUTY, SUSPENSION),
    ("post", "/api/v1/orders/{reference}/resume"): Row(DUTY, {"reason": "asked for"}),
    ("post", "/api/v1/orders/{reference}/confirm"): Row(DUTY, {"reason": "needed"}),
    ("post", "/api/v1/orders/{reference}/execute"): Row(DUTY, {"evidence": "taken down"}),
    ("post", "/api/v1/orders/{reference}/review"): Row(DUTY, {"reason": "looked at"}),
    ("post", "/api/v1/orders/{reference}/lift"): Row(DUTY, {"document": "L-1", "reason": "lifted"}),
    ("get", "/api/v1/registers"): Row(OVERSEERS),
    ("get", REGISTER): Row(OVERSEERS),
    ("get", REGISTER + "/documents"): Row(OVERSEERS),
    ("post", REGISTER + "/documents"): Row(DUTY, {"content": "entry\n", "dry_run": True}),
    ("post", REGISTER + "/adopt"): Row(DUTY, {"reason": "letter"}),
    ("post", REGISTER + "/pull"): Row(DUTY),
    ("post", REGISTER + "/accept"): Row(DUTY, {"reason": "confirmed"}),
    ("get", "/api/v1/register-answers"): Row(OVERSEERS),
    ("get", "/api/v1/register-answers/{run}"): Row(OVERSEERS),
    ("post", "/api/v1/register-answers/retry"): Row(DUTY),
    ("get", "/api/v1/nodes"): Row(OVERSEERS),
    ("get", "/api/v1/nodes/{name}"): Row(OVERSEERS),
    ("get", "/api/v1/node-histories"): Row(OVERSEERS),
    ("post", "/api/v1/node-histories/accept"): Row(OPERATOR),
    ("post", "/api/v1/kept-orders/{reference}/end"): Row(OPERATOR, {"reason": "ended"}),
    ("get", "/api/v1/snapshot"): Row(OVERSEERS),
    ("get", "/api/v1/exceptions"): Row(OVERSEERS),
    ("post", "/api/v1/exceptions"): Row(DUTY, {"name": "shop.example", "reason": "ticket 3"}),
    ("post", "/api/v1/exceptions/{number}/end"): Row(DUTY),
    ("get", "/api/v1/suspension"): Row(OVERSEERS),
    ("put", "/api/v1/suspension"): Row(DUTY, {"reason": "incident 4"}),
    ("delete", "/api/v1/suspension"): Row(DUTY),
    ("get", "/api/v1/canaries"): Row(OVERSEERS),
    ("get", "/api/v1/feeds"): Row(OVERSEERS),
    ("get", "/api/v1/feeds/{id}"): Row(OVERSEERS),
    ("post", "/api/v1/feeds/{id}/update"): Row(OPERATOR),
    ("put", "/api/v1/feeds/{id}/hold"): Row(OPERATOR, {"reason": "wrong"}),
    ("delete", "/api/v1/feeds/{id}/hold"): Row(OPERATOR),
    ("post", "/api/v1/feeds/{id}/accept"): Row(OPERATOR, {"reason": "right"}),
    ("get", "/api/v1/publications"): Row(OVERSEERS),
    ("post", "/api/v1/publications"): Row(OPERATOR, {"lists": ["adult-starter"]}),
    ("post", "/api/v1/publications/{id}/withdraw"): Row(OPERATOR, {"reason": "ended"}),
    ("get", "/api/v1/list-digests"): Row(OVERSEERS),
    ("get", "/api/v1/list-comparisons"): Row(OVERSEERS),
    ("post", "/api/v1/list-comparisons"): Row(OPERATOR, {"text": "{}", "keys": "none"}),
    ("get", "/api/v1/sessions"): Row(CHOOSERS, query={"subscriber": "home"}),
    ("get", "/api/v1/sessions/counts"): Row(CHOOSERS),
    ("post", "/api/v1/sessions"): Row(LINES, {"addresses": ["10.0.0.9"], "subscriber": "home"}),
    ("delete", "/api/v1/sessions"): Row(LINES, query={"address": "10.0.0.9"}),
    ("post", "/api/v1/sessions/explain"): Row(LINES, {"packet": "04"}),
    ("post", LINE + "/own-names-code"): Row(LINES),
    ("post", LINE + "/sign-in-links"): Row(CHOOSERS, {}),
    ("post", LINE + "/pin-reset"): Row(CHOOSERS, {"reference": "call 1", "reason": "forgotten"}),
    ("post", LINE + "/own-names-view"): Row(CHOOSERS, {"code": "ABCD-EFGH"}),
    ("post", "/api/v1/import/subscribers"): Row(LINES),
    ("get", "/api/v1/export/subscribers"): Row(CHOOSERS),
    ("get", "/api/v1/audit/tail"): Row(frozenset((TokenRole.OPERATOR, TokenRole.REGULATOR))),
    ("get", "/api/v1/audit/proof"): Row(frozenset((TokenRole.OPERATOR, TokenRole.REGULATOR))),
    ("get", "/api/v1/audit/export"): Row(frozenset((TokenRole.OPERATOR, TokenRole.REGULATOR))),
    ("get", "/api/v1/evidence/pack"): Row(PRIVACY, query={"order": "O-1"}),
    ("get", "/api/v1/audit/checkpoints"): Row(PRIVACY),
    ("post", "/api/v1/audit/checkpoints"): Row(OPERATOR),
    ("get", "/api/v1/audit/checkpoints/{number}"): Row(PRIVACY),
    ("post", "/api/v1/audit/checkpoints/{number}/countersignatures"): Row(
        PRIVACY, {"public_key": "none", "signature": "bm9uZQ=="}
    ),
    ("get", "/api/v1/audit/anchors"): Row(PRIVACY),
    ("get", "/api/v1/audit/statement"): Row(PRIVACY),
    ("post", "/api/v1/audit/statement"): Row(OPERATOR),
    ("get", "/api/v1/audit/keys"): Row(PRIVACY),
    ("get", "/api/v1/reports/{kind}"): Row(PRIVACY),
    ("get", LINE + "/export"): Row(LINES),
    ("get", "/api/v1/arco-requests"): Row(LINES),
    ("post", "/api/v1/arco-requests"): Row(
        LINES, {"id": "home", "kind": "access", "channel": "letter", "ticket": "K-1"}
    ),
    ("post", ARCO + "/answer"): Row(LINES, {"outcome": "granted"}),
    ("post", ARCO + "/extension"): Row(LINES, {"reason": "archive"}),
    ("post", ARCO + "/closing"): Row(LINES, {}),
    ("get", "/api/v1/holds"): Row(OPERATOR),
    ("post", "/api/v1/holds"): Row(OPERATOR, HOLD),
    ("get", "/api/v1/holds/{hold}"): Row(OPERATOR),
    ("post", "/api/v1/holds/{hold}/end"): Row(OPERATOR, query={"reason": "lifted"}),
    ("get", "/api/v1/retention"): Row(PRIVACY),
    ("post", "/api/v1/retention/run"): Row(OPERATOR),
    ("post", "/api/v1/retention/proof"): Row(OPERATOR),
    ("post", "/api/v1/breach-reports"): Row(PRIVACY, {"store": True}),
    ("get", "/api/v1/passkeys"): Row(OPERATOR),
    ("post", "/api/v1/passkeys/{passkey}/revoke"): Row(OPERATOR, {"reason": "lost"}),
    ("get", "/api/v1/reviews"): Row(REVIEWERS),
    ("post", "/api/v1/reviews"): Row(REVIEWERS, {"site": "https://clinic.example/a"}),
    ("get", "/api/v1/reviews/statistics"): Row(REVIEWERS | {TokenRole.REGULATOR}),
    ("get", REVIEW): Row(REVIEWERS),
    ("post", REVIEW + "/decision"): Row(REVIEWERS, {"outcome": "refused", "reason": "no"}),
    ("get", REVIEW + "/effects"): Row(REVIEWERS),
    ("post", REVIEW + "/effects"): Row(REVIEWERS, {"kind": "order", "reference": "O-1"}),
    ("post", REVIEW + "/appeal"): Row(REVIEWERS, {"code": "23456-ABCDE"}),
    ("get", "/api/v1/profile-changes"): Row(frozenset(TokenRole)),
    ("post", "/api/v1/profile-changes/{profile}/hasten"): Row(OPERATOR, {"reason": "mends a mistake"}),
    ("get", "/api/v1/public-pages/facts"): Row(OVERSEERS),
    ("get", "/api/v1/public-pages/records"): Row(OVERSEERS),
    ("get", "/api/v1/public-pages/records/{number}"): Row(OVERSEERS),
    ("get", "/api/v1/public-pages/check"): Row(OVERSEERS),
    ("post", "/api/v1/public-pages/export"): Row(OPERATOR),
    ("get", "/api/v1/notices"): Row(CHOOSERS),
    ("get", "/api/v1/notices/{id}"): Row(CHOOSERS),
    ("post", "/api/v1/notices/retry"): Row(LINES),
    ("post", "/api/v1/notices/{id}/retry"): Row(LINES),
    ("get", "/api/v1/audit"): Row(frozenset((TokenRole.OPERATOR, TokenRole.REGULATOR))),
}
MEXICO = "policies/jurisdictions/mx.yaml"
FINE = (200, 201, 404, 409, 415, 422, 503)
"""what one who may do it gets, depending on what others did before"""


async def stocked(api: Api) -> None:
    """Add a line that opted in and has an own name, lists and a snapshot."""
    evidence = RequestEvidence("holder", "counter", NOW, "1", "ticket 1")
    api.installation.write_policy("jurisdictions/mx.yaml", (ROOT / MEXICO).read_text())
    await subscribers.add(api.context, "home")
    await subscribers.opt_in(api.context, "home", "child", evidence)
    await subscribers.allow(api.context, "home", "blue.example")
    await updating.update(api.context)
    await snapshots.build(api.context)


@pytest.fixture
async def api(api: Api) -> AsyncIterator[Api]:
    """With a line that opted in, and a snapshot."""
    await stocked(api)
    yield api


async def _endpoints(api: Api) -> list[tuple[str, str, dict[str, Any]]]:
    document = (await api.bare().get("/api/openapi.json")).json()
    return [
        (method, path, call)
        for path, calls in document["paths"].items()
        for method, call in calls.items()
        if method in METHODS
    ]


def _id(path: str) -> str:
    return "adult-starter" if "/feeds/" in path else "home"


async def call(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
    """Call an endpoint with the request of its row."""
    row = MATRIX[method, path]
    numbers = {
        "reference": "O-1",
        "authorisation": "A-1",
        "evidence": "E-1",
        "number": 1,
        "review": "1",
        "request": "R-7",
        "hold": "H-7",
        "profile": "child",
        "contact": "ana",
        "kind": "compliance",
        "register": "none",
        "passkey": "none",
        "run": 1,
    }
    at = path.format(id=_id(path), name="blue.example", version="2026-11", **numbers)
    return await client.request(method, at, params=row.query, json=row.body, **more)


def _for_another_reason(reply: httpx.Response) -> bool:
    """True if the role may do it, and this caller may not: a wrong code, or one of two people is missing."""
    detail = reply.json()["detail"]
    return reply.status_code == 403 and ("code" in detail or "made this token" in detail)


async def test_the_table_has_every_endpoint_and_no_other(api: Api) -> None:
    assert {(method, path) for method, path, _ in await _endpoints(api)} == MATRIX.keys()


@pytest.mark.ring("merge")
@pytest.mark.parametrize("role", TokenRole)
async def test_each_role_may_do_what_the_table_says_and_nothing_else(api: Api, role: TokenRole) -> None:
    client = await api.client(role)
    for method, path, described in await _endpoints(api):
        reply = await call(client, method, path)
        status = reply.status_code
        if role in MATRIX[method, path].roles:
            assert status in FINE or _for_another_reason(reply), (method, path, reply.text)
        else:
            assert status == 403, (method, path, described[PERMISSION])


async def test_every_put_and_delete_that_comes_twice_gets_an_answer_twice(api: Api) -> None:
    """A change that was made already is no fault."""
    client = await api.client(TokenRole.OPERATOR)
    for method, path, _ in await _endpoints(api):
        if method in ("put", "delete") and path != LINE:
            first, second = await call(client, method, path), await call(client, method, path)
            assert 500 not in (first.status_code, second.status_code), (path, second.text)
            if method == "put":
                assert second.status_code == first.status_code, (path, second.text)


async def test_every_post_that_comes_twice_with_its_key_acts_once(api: Api) -> None:
    client = await api.client(TokenRole.OPERATOR)
    keyed = 0
    for method, path, described in await _endpoints(api):
        if method != "post" or not any(each["in"] == "header" for each in described.get("parameters", ())):
            continue
        if not any(each["name"].lower() == "idempotency-key" for each in described["parameters"]):
            continue
        headers = {"Idempotency-Key": f"key of {path}"}
        first = await call(client, method, path, headers=headers)
        second = await call(client, method, path, headers=headers)
        assert 500 not in (first.status_code, second.status_code), (path, second.text)
        if first.is_success:
            assert second.status_code in (first.status_code, 409), (path, second.text)
        keyed += 1
    assert keyed >= 10


@pytest.mark.ring("merge")
async def test_nothing_is_done_without_a_valid_token(api: Api) -> None:
    made = await api.token(TokenRole.OPERATOR)
    forged = made.secret[:-1] + ("A" if made.secret[-1] != "A" else "B")
    clients = [api.bare(), api.with_secret(forged), api.with_secret("x"), api.with_secret("")]
    clients += [api.bare({"Authorization": f"Basic {made.secret}"}), api.bare({"Authorization": made.secret})]
    for client in clients:
        for method, path, _ in await _endpoints(api):
            assert (await call(client, method, path)).status_code == 401, (method, path)


@pytest.mark.ring("merge")
async def test_every_refusal_of_a_token_is_the_same(api: Api) -> None:
    expired = await api.token(TokenRole.OPERATOR, seconds=60)
    revoked = await api.token(TokenRole.OPERATOR)
    from_elsewhere = await api.token(TokenRole.OPERATOR, networks=("192.0.2.0/24", "2001:db8::/32"))
    assert (await api.with_secret(revoked.secret).get("/api/v1/orders")).status_code == 200
    await tokens.revoke(api.context, tokens.reference(revoked.token), reason="left")
    api.installation.now += 61
    seen = set()
    for secret in (expired.secret, revoked.secret, from_elsewhere.secret, "filterd_" + "A" * 43, "forged"):
        refused = await api.with_secret(secret).get("/api/v1/orders")
        seen.add((refused.status_code, refused.text, str(refused.headers)))
    assert len(seen) == 1
    assert seen.pop()[0] == 401
    inside = api.with_secret(from_elsewhere.secret, address="192.0.2.7")
    assert (await inside.get("/api/v1/orders")).status_code == 200
    mapped = api.with_secret(from_elsewhere.secret, address="::ffff:192.0.2.7")
    assert (await mapped.get("/api/v1/orders")).status_code == 200

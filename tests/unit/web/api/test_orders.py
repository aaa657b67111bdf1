"""Orders over HTTP: taken in once, by people, two of them where it takes two."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from filterd.model.token import TokenRole
from filterd.operations import audit, tokens
from filterd.operations.orders import showing
from filterd.operations.tokens import TokenRequest
from filterd.store import orders as rows
from tests.unit.web.conftest import Api
from tests.worlds.installation import as_person

ORDERS = "/api/v1/orders"
ORDER = {
    "names": ["ordered.example", "other.example"],
    "authority": "A",
    "official": "O",
    "document": "D-1",
    "ground": "G",
    "reason": "served",
}


async def _own(api: Api, name: str) -> httpx.AsyncClient:
    """A client with a token that the person made for themselves."""
    made = await tokens.add(as_person(api.context, name), TokenRequest(name, TokenRole.OPERATOR))
    return api.with_secret(made.secret)


async def test_an_order_is_taken_in_once_and_waits_for_another_person(api: Api) -> None:
    first, second = await _own(api, "daemon"), await _own(api, "bin")
    key = {"Idempotency-Key": "D-1"}
    made = await first.post(ORDERS, json=ORDER, headers=key)
    again = await first.post(ORDERS, json=ORDER, headers=key)
    assert (made.status_code, again.status_code) == (201, 201)
    assert made.json()["reference"] == again.json()["reference"] == "O-1"
    assert (made.json()["state"], made.json()["added_by"]) == ("pending", "daemon")
    same = await first.post(f"{ORDERS}/O-1/approve")
    assert (same.status_code, same.json()["detail"]) == (409, "daemon stands behind order O-1 already")
    why = "nobody else uses it"
    done = await second.post(f"{ORDERS}/O-1/approve", json={"proportionality": why})
    assert (await showing.show(api.context, "O-1")).demand.proportionality == why
    assert (done.json()["state"], done.json()["standing"]) == ("accepted", "in force")
    ended = await first.post(f"{ORDERS}/O-1/withdraw", json={"reason": "lifted"})
    assert (ended.json()["state"], ended.json()["withdrawal_reason"]) == ("withdrawn", "lifted")
    assert (await first.get(ORDERS)).json()["items"][0]["entries"] == 2


async def test_two_tokens_of_one_maker_are_one_person(api: Api) -> None:
    """The maker of both tokens is who can use both."""
    first = await api.client(TokenRole.OPERATOR, "daemon")
    second = await api.client(TokenRole.OPERATOR, "bin")
    assert (await first.post(ORDERS, json=ORDER)).json()["state"] == "pending"
    refused = await second.post(f"{ORDERS}/O-1/approve")
    assert refused.status_code == 403
    assert "made this token, and stands behind order O-1" in refused.json()["detail"]


async def test_a_system_takes_in_no_order(api: Api) -> None:
    system = await api.client(TokenRole.OPERATOR, "mailbox", system=True)
    refused = await system.post(ORDERS, json=ORDER)
    assert refused.status_code == 403
    assert refused.json()["remedy"] == (
        "use the token of a person, who has an account here: filterd token add ACCOUNT"
    )


async def test_what_an_order_lacks_is_told_at_once_and_a_confidential_one_is_not_shown(api: Api) -> None:
    person = await _own(api, "daemon")
    lacking: dict[str, Any] = {**ORDER, "names": [], "official": "", "not_after": 7}
    refused = await person.post(ORDERS, json=lacking)
    assert refused.status_code == 422
    fields = {each["field"] for each in refused.json()["errors"]}
    assert fields == {"body.names", "body.official", "body.not_after"}
    wrong = await person.post(ORDERS, json={**ORDER, "names": ["secret name"], "confidential": True})
    assert (wrong.status_code, "secret" in wrong.text) == (422, False)
    hidden = await person.post(ORDERS, json={**ORDER, "confidential": True})
    assert (hidden.status_code, "ordered.example" in hidden.text) == (201, False)
    shown = await person.get(f"{ORDERS}/{hidden.json()['reference']}")
    assert "ordered.example" not in shown.text
    assert "ordered.example" not in str(await audit.tail(api.context))


async def test_a_page_does_not_read_every_order(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await _own(api, "daemon")
    for document in ("D-1", "D-2", "D-3"):
        await client.post(ORDERS, json=ORDER | {"document": document})
    monkeypatch.delattr(rows, "all_orders")
    first = (await client.get(ORDERS, params={"limit": 2})).json()
    assert ([each["reference"] for each in first["items"]], first["next"]) == (["O-1", "O-2"], "2")
    last = (await client.get(ORDERS, params={"limit": 2, "after": first["next"]})).json()
    assert ([each["reference"] for each in last["items"]], last["next"]) == (["O-3"], None)
    pending = (await client.get(ORDERS, params={"state": "pending", "limit": 1, "after": 1})).json()
    assert ([each["reference"] for each in pending["items"]], pending["next"]) == (["O-2"], "2")

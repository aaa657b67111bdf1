"""Checks, orders and the record over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from filterd.model.rule import Scope
from filterd.model.token import TokenRole
from filterd.operations import snapshots, subscribers
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from tests.unit.web.conftest import PERSON, Api
from tests.worlds.installation import as_person

CHECK = "/api/v1/check"


def _stage(checked: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in checked["stages"] if each["stage"] == name)
    return found


@pytest.mark.ring("night")
async def test_a_check_says_what_a_line_gets_and_keeps_its_own_names(api: Api) -> None:
    await subscribers.add(api.context, "home")
    await subscribers.deny(api.context, "home", "secret.example")
    await updating.update(api.context)
    await snapshots.build(api.context)
    asked = {"name": "www.secret.example", "subscriber": "home"}
    operator, support = await api.client(TokenRole.OPERATOR), await api.client(TokenRole.SUPPORT)
    full = (await operator.get(CHECK, params=asked)).json()
    assert (full["verdict"], full["reason"]) == ("block", "own_deny")
    assert _stage(full, "own_deny")["matched_name"] == "secret.example"
    masked = (await support.get(CHECK, params=asked)).json()
    assert (masked["verdict"], masked["reason"]) == ("block", "own_deny")
    assert _stage(masked, "own_deny")["matched_name"] == ""
    assert full["why"] == "the line itself blocks secret.example"
    assert full["next"] == "filterd subscriber remove home secret.example"
    assert masked["why"] == "the line itself blocks it"
    assert masked["next"] == "filterd subscriber remove home NAME"
    regulator = await api.client(TokenRole.REGULATOR)
    assert (await regulator.get(CHECK, params=asked)).status_code == 403
    of_nobody = await regulator.get(CHECK, params={"name": "www.secret.example", "type": "AAAA"})
    assert of_nobody.json()["verdict"] == "pass"
    assert "no line is known" in of_nobody.json()["why"]
    for wrong in ({"name": "a b"}, {"name": "a.example", "type": "X"}, {}, {"name": ""}):
        refused = await operator.get(CHECK, params=wrong)
        assert (refused.status_code, bool(refused.json()["remedy"])) == (422, True)


async def test_orders_come_in_parts_and_confidential_names_stay_hidden(api: Api) -> None:
    for number in range(3):
        entries = ((f"n{number}.example", Scope.SUBTREE),)
        request = OrderRequest("SAT", "O", f"D-{number}", "LIVA", "why", entries, confidential=number == 2)
        await taking.add(as_person(api.context, "carol"), request)
    client = await api.client(TokenRole.REGULATOR)
    first = (await client.get("/api/v1/orders", params={"limit": 2})).json()
    assert [each["reference"] for each in first["items"]] == ["O-1", "O-2"]
    rest = await client.get("/api/v1/orders", params={"limit": 2, "after": first["next"]})
    assert ([each["reference"] for each in rest.json()["items"]], rest.json()["next"]) == (["O-3"], None)
    hidden = await client.get("/api/v1/orders/O-3")
    assert "n2.example" not in rest.text + hidden.text
    assert hidden.json()["standing"] == "pending"
    assert (await client.get("/api/v1/orders/O-9")).status_code == 404
    assert (await client.get("/api/v1/orders", params={"state": "other"})).status_code == 422


async def test_an_order_is_approved_once_by_another_person(api: Api) -> None:
    request = OrderRequest("SAT", "O", "D-1", "LIVA", "why", (("n.example", Scope.SUBTREE),))
    await taking.add(as_person(api.context, "carol"), request)
    client = await api.client(TokenRole.OPERATOR)
    approve, key = "/api/v1/orders/O-1/approve", {"Idempotency-Key": "1"}
    done = await client.post(approve, headers=key)
    assert (done.status_code, done.json()["approvals"]) == (200, ["carol", PERSON])
    assert (await client.post(approve, headers=key)).json()["standing"] == "in force"
    again = await client.post(approve)
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "order O-1 is accepted already: there is nothing to approve",
    )


async def test_the_record_comes_in_parts(api: Api) -> None:
    client = await api.client(TokenRole.REGULATOR)
    for number in range(4):
        await subscribers.add(api.context, f"home-{number}")
    seen: list[int] = []
    after: str | None = "0"
    while after is not None:
        part = (await client.get("/api/v1/audit", params={"after": after, "limit": 2})).json()
        seen += [each["sequence"] for each in part["items"]]
        after = part["next"]
    assert seen == [1, 2, 3, 4, 5]
    assert (await client.get("/api/v1/audit", params={"after": "-1"})).status_code == 422
    assert (await client.get("/api/v1/audit", params={"after": str(2**63)})).status_code == 422

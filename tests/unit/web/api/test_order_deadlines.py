"""What is due for orders, and the note of a report, over HTTP."""

from __future__ import annotations

from filterd.model.token import TokenRole
from tests.meta.test_known_failures import ROOT
from tests.unit.web.api.test_matrix import ORDER
from tests.unit.web.conftest import Api

MEXICO = "jurisdictions/mx.yaml"
TAX = {**ORDER, "authority": "SAT", "ground": "LIVA 18-H QUINTUS"}


async def test_what_is_due_page_by_page_without_a_name(api: Api) -> None:
    api.installation.write_policy(MEXICO, (ROOT / "policies" / MEXICO).read_text(encoding="utf-8"))
    operator = await api.client(TokenRole.OPERATOR)
    assert (await operator.get("/api/v1/orders/due")).json() == {"items": [], "next": None}
    for number in range(3):
        made = await operator.post("/api/v1/orders", json={**TAX, "document": f"D-{number}"})
        assert made.status_code == 201
    whole = (await operator.get("/api/v1/orders/due")).json()["items"]
    first = whole[0]
    assert (first["order"], first["duty"], first["ground_id"]) == ("O-1", "enforce", "liva-18h")
    assert first["due_at"] == "2027-01-23T05:59:59Z"
    assert "ordered.example" not in str(whole)
    found, after = [], "0"
    while after is not None:
        part = (await operator.get("/api/v1/orders/due", params={"limit": 2, "after": after})).json()
        found += part["items"]
        after = part["next"]
    assert found == whole
    soon = await operator.get("/api/v1/orders/due", params={"within": 3600})
    assert soon.json()["items"] == []


async def test_a_report_that_is_no_report(api: Api) -> None:
    operator = await api.client(TokenRole.OPERATOR)
    await operator.post("/api/v1/orders", json=ORDER)
    path = "/api/v1/orders/O-1/reported"
    assert (await operator.post(path, json={})).status_code == 422
    pending = await operator.post(path, json={"reference": "acuse 7"})
    assert (pending.status_code, "nothing was carried out" in pending.text) == (409, True)

"""Nothing that a request says is passed over: query parameters that a call does not have, and keys that it
does not keep, are refused by every call."""

from __future__ import annotations

from filterd.model.token import TokenRole
from filterd.web.docs_page import METHODS
from tests.unit.web.conftest import Api

HERE = {
    "id": "home",
    "name": "blue.example",
    "version": "1",
    "reference": "O-1",
    "authorisation": "A-1",
    "evidence": "E-1",
    "number": 1,
    "request": "R-1",
    "profile": "child",
}


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

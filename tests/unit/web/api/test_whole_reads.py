"""Calls that read the whole store: no more than two at a time."""

from __future__ import annotations

import pytest

from filterd.model.token import TokenRole
from filterd.operations import audit
from tests.unit.web.conftest import Api

CALLS = (
    ("GET", "/api/v1/audit/proof", None),
    ("GET", "/api/v1/audit/export", None),
    ("GET", "/api/v1/evidence/pack?from=2020-01-01&to=2020-01-02&pdf=false", None),
    ("GET", "/api/v1/consent-report", None),
    ("GET", "/api/v1/reports/categories", None),
    ("POST", "/api/v1/breach-reports", {"store": True}),
    ("POST", "/api/v1/retention/proof", None),
    ("GET", "/api/v1/subscribers?state=paused", None),
    ("GET", "/api/v1/subscribers?profile=child&limit=1", None),
)


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_a_third_call_is_told_to_wait(
    api: Api, method: str, path: str, body: dict[str, bool] | None
) -> None:
    client = await api.client(TokenRole.OPERATOR)
    api.state.whole_reads.at_work = 2
    refused = await client.request(method, path, json=body)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    api.state.whole_reads.at_work = 1
    assert (await client.request(method, path, json=body)).status_code == 200
    assert api.state.whole_reads.at_work == 1


async def test_one_that_fails_is_counted_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: object) -> None:
        raise OSError

    monkeypatch.setattr(audit, "verify", fail)
    client = await api.client(TokenRole.OPERATOR)
    assert (await client.get("/api/v1/audit/proof")).status_code >= 500
    assert api.state.whole_reads.at_work == 0


async def test_a_list_of_all_lines_is_a_page_and_waits_for_nobody(api: Api) -> None:
    client = await api.client(TokenRole.SUPPORT)
    api.state.whole_reads.at_work = 2
    assert (await client.get("/api/v1/subscribers")).status_code == 200

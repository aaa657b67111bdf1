"""Lists are published and compared over the API: what is refused, and what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.token import TokenRole
from filterd.operations.feeds import updating
from filterd.operations.publishing import digests, publish, withdrawing
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating
from tests.unit.web.conftest import Api
from tests.worlds.installation import install


@pytest.mark.ring("night")
async def test_what_another_provider_signed_is_compared_and_kept(api: Api, tmp_path: Path) -> None:
    operator, regulator = await api.client(TokenRole.OPERATOR), await api.client(TokenRole.REGULATOR)
    await updating.update(api.context)
    other = await install(tmp_path / "other")
    async with other.open() as theirs:
        await updating.update(theirs)
        told = {
            "text": await digests.make(theirs),
            "keys": await rotating.public_pem(theirs, Purpose.CHECKPOINT),
        }
    assert (await regulator.post("/api/v1/list-comparisons", json=told)).status_code == 403
    made = await operator.post("/api/v1/list-comparisons", json=told)
    assert made.status_code == 200, made.text
    results = {each["list"]: each["result"] for each in made.json()["lists"]}
    assert results["adult-starter"] == "same"
    assert sorted(results.values()) == ["not_comparable", "same", "same"], "they hold another key"
    assert (await regulator.get("/api/v1/list-comparisons")).json()["items"] == [made.json()]
    altered = {**told, "text": told["text"].replace('"names":3', '"names":4')}
    assert (await operator.post("/api/v1/list-comparisons", json=altered)).status_code == 422
    assert '"id":"adult-starter"' in (await regulator.get("/api/v1/list-digests")).json()["text"]


async def test_nothing_is_published_that_is_confidential_or_has_no_place(api: Api) -> None:
    operator = await api.client(TokenRole.OPERATOR)
    await updating.update(api.context)
    for lists in (["adult-starter"], ["worst-of"]):
        reply = await operator.post("/api/v1/publications", json={"lists": lists})
        assert reply.status_code in (403, 422), reply.text
        assert reply.json()["remedy"]
    assert (await operator.get("/api/v1/publications")).json()["items"] == []


async def test_a_list_is_withdrawn_by_whoever_may_publish(api: Api, tmp_path: Path) -> None:
    operator, regulator = await api.client(TokenRole.OPERATOR), await api.client(TokenRole.REGULATOR)
    await updating.update(api.context)
    await publish.publish(api.context, ("adult-starter",), out=tmp_path / "out")
    call, given = "/api/v1/publications/adult-starter/withdraw", {"reason": "over"}
    assert (await regulator.post(call, json=given)).status_code == 403
    assert (await operator.post(call, json={})).status_code == 422
    refused = await operator.post(call, json=given)
    assert (refused.status_code, "publish.directory" in refused.json()["remedy"]) == (422, True)
    await withdrawing.unpublish(api.context, "adult-starter", reason="over", out=tmp_path / "out")
    (told,) = (await regulator.get("/api/v1/publications")).json()["items"]
    assert (told["withdrawn"], told["behind"], told["barred"]) == (True, False, False)

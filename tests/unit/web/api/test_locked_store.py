"""Every endpoint while another process holds the write lock of the store."""

from __future__ import annotations

import pytest

from filterd.model.token import TokenRole
from filterd.operations import subscribers, tokens
from tests.unit.web.api.test_matrix import MATRIX, call, stocked
from tests.unit.web.conftest import Api
from tests.worlds.locked import locked

ON_RECORD = {
    "/api/v1/subscribers": "own names that a person sees",
    "/api/v1/subscribers/{id}": "own names that a person sees",
    "/api/v1/export/subscribers": "own names that a person sees",
    "/api/v1/subscribers/{id}/export": "the copy of a line",
    "/api/v1/orders/{reference}/receipt": "the receipt that was made",
    "/api/v1/sessions": "the look at a session",
    "/api/v1/audit/export": "the export, and a checkpoint",
}
"""reads that are refused where they cannot be put on record, and what is"""


@pytest.fixture
async def stocked_api(api: Api) -> Api:
    """With a line, lists and a snapshot; its writes are gathered, as the web process does it."""
    await stocked(api)
    api.context.store.gather_writes()
    return api


@pytest.mark.ring("merge")
async def test_reads_answer_and_writes_are_refused_after_one_wait(stocked_api: Api) -> None:
    """Each request gets its answer, or 503 and Retry-After, and waits for the lock once at most."""
    api = stocked_api
    client = await api.client(TokenRole.OPERATOR)
    reads = [path for method, path in MATRIX if method == "get"]
    free = {path: (await call(client, "get", path)).status_code for path in reads}
    waited, refused = set(), set()
    with locked(api.context.store, api.installation.database) as tries:
        for method, path in MATRIX:
            tries.clear()
            reply = await call(client, method, path)
            assert len(tries) <= 1, (method, path)
            if tries:
                waited.add((method, path))
            if tries or method != "get":
                assert reply.status_code in (403, 404, 409, 415, 422, 503), (method, path, reply.text)
            elif free[path] != 404:  # some reads have more to show behind others
                assert reply.status_code == free[path], (path, reply.text)
            if reply.status_code == 503:
                refused.add((method, path))
                assert "Retry-After" in reply.headers or not tries, (method, path)
                assert "remedy" in reply.json()
    assert {path for method, path in waited if method == "get"} <= ON_RECORD.keys()
    assert waited <= refused
    assert len(waited) > 60


async def test_a_program_reads_lines_with_their_own_names_while_nothing_can_be_written(
    stocked_api: Api,
) -> None:
    """The first use of a token in a day is noted. Until then each call waited for the lock, and failed."""
    client = await stocked_api.client(TokenRole.PROVISIONING, "billing", system=True)
    groups = stocked_api.context.store.groups
    assert groups is not None
    with locked(stocked_api.context.store, stocked_api.installation.database) as tries:
        for path in ("/api/v1/subscribers", "/api/v1/subscribers/home", "/api/v1/export/subscribers"):
            tries.clear()
            reply = await client.get(path)
            await groups.close()  # waits for the try of a note that was given up
            assert len(tries) <= 1
            assert (reply.status_code, "blue.example" in reply.text) == (200, True)
    await client.get("/api/v1/subscribers")
    noted = await tokens.list_tokens(stocked_api.context)
    assert [each.used_day > 0 for each in noted if each.name == "billing"] == [True]


async def test_an_export_that_cannot_be_put_on_record_is_refused_before_it_begins(stocked_api: Api) -> None:
    """It began with 200, and broke off."""
    client = await stocked_api.client(TokenRole.OPERATOR)
    with locked(stocked_api.context.store, stocked_api.installation.database):
        reply = await client.get("/api/v1/export/subscribers")
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "1")
    assert [each.id async for each in subscribers.list_subscribers(stocked_api.context)] == ["home"]
    assert (await client.get("/api/v1/export/subscribers")).status_code == 200

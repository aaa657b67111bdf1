"""The export of the audit trail over the API is the file that the command writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.token import TokenRole
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating
from tests.unit.web.conftest import Api
from tests.worlds import exported

EXPORT = "/api/v1/audit/export"


@pytest.mark.ring("night")
async def test_a_regulator_gets_an_export_that_verifies(api: Api, tmp_path: Path) -> None:
    client = await api.client(TokenRole.REGULATOR)
    reply = await client.get(EXPORT)
    assert reply.headers["content-type"] == "application/x-ndjson"
    (tmp_path / "export").write_bytes(reply.content)
    (tmp_path / "PUB.pem").write_text(await rotating.public_pem(api.context, Purpose.CHECKPOINT))
    assert exported.by_script(tmp_path / "export").code == 0
    assert exported.by_filterd(tmp_path / "export").code == 0


async def test_what_cannot_be_exported_is_refused_before_the_first_line(api: Api) -> None:
    client = await api.client(TokenRole.REGULATOR)
    assert (await client.get(EXPORT, params={"order": "O-99"})).status_code == 404
    assert (await client.get(EXPORT, params={"from": "monday"})).status_code == 422

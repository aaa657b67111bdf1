"""Evidence packs over HTTP: the archive that the command writes, for operators and regulators."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.model.token import TokenRole
from filterd.operations.orders import taking
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating
from tests.unit.web.conftest import Api
from tests.worlds import packed, reported
from tests.worlds.installation import as_person

PACK = "/api/v1/evidence/pack"


@pytest.fixture
async def order(api: Api) -> str:
    """An order that stands."""
    await taking.add(api.context, reported.request(1))
    await taking.approve(as_person(api.context, "bob"), "O-1")
    api.installation.now += 60
    return "O-1"


@pytest.mark.ring("night")
async def test_a_regulator_gets_a_pack_that_both_programs_take(api: Api, order: str, tmp_path: Path) -> None:
    client = await api.client(TokenRole.REGULATOR)
    first = await client.get(PACK, params={"order": order, "pdf": "false"})
    assert first.headers["content-type"] == "application/x-tar"
    assert first.headers["content-disposition"] == 'attachment; filename="evidence-O-1.tar"'
    issued = await client.get(PACK, params={"order": order, "receipts": "issued", "pdf": "false"})
    again = await client.get(PACK, params={"order": order, "pdf": "false"})
    assert again.content == issued.content, "the receipt was kept, and nothing else has happened"
    (tmp_path / "PUB.pem").write_text(await rotating.public_pem(api.context, Purpose.CHECKPOINT))
    for reply, receipts in ((first, 0), (issued, 1)):
        (tmp_path / "pack.tar").write_bytes(reply.content)
        proof = packed.by_filterd(tmp_path / "pack.tar")
        assert (proof.faults, proof.receipts) == ([], receipts)
        assert packed.by_script(tmp_path / "pack.tar").code == 0


async def test_what_cannot_be_packed_is_refused_before_the_first_byte(api: Api) -> None:
    client = await api.client(TokenRole.REGULATOR)
    assert (await client.get(PACK, params={"order": "O-99"})).status_code == 404
    assert (await client.get(PACK, params={"from": "2026-01-01"})).status_code == 422
    assert (await client.get(PACK)).status_code == 422

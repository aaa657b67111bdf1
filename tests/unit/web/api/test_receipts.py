"""Receipts over HTTP: the signed bytes as they are, or a PDF, and each is recorded."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from pathlib import Path

import pytest

from filterd.model.rule import Scope
from filterd.model.token import TokenRole
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.receipts import verifying
from filterd.operations.signing import Purpose, signer
from filterd.store import change_log
from filterd.web.listening.whole_reads import MOST_WHOLE_READS
from tests.unit.web.conftest import Api
from tests.worlds.installation import as_person

PLACE = "/api/v1/orders/O-1/receipt"
REQUEST = OrderRequest("SAT", "A", "D-1", "G", "R", (("bad.example", Scope.SUBTREE),))


async def accepted(api: Api) -> None:
    await taking.add(api.context, REQUEST)
    await taking.approve(as_person(api.context, "beto"), "O-1")


async def test_the_bytes_are_as_they_were_signed(api: Api) -> None:
    await accepted(api)
    async with await api.client(TokenRole.REGULATOR) as client:
        got = await client.get(PLACE)
    assert got.status_code == HTTPStatus.OK
    assert got.headers["content-type"] == "application/json"
    pem = signer(api.context.settings, Purpose.RECEIPT).public_pem.encode()
    assert verifying.verify(got.content, pem).digest == got.headers["receipt-digest"]
    async with api.context.store.read() as connection:
        last = (await change_log.newest_entries(connection, 1))[0].entry
    assert (last.actor, last.action) == ("daemon", "order.receipt")


async def test_a_pdf_is_given_where_it_is_asked_for(api: Api) -> None:
    await accepted(api)
    async with await api.client(TokenRole.OPERATOR) as client:
        got = await client.get(PLACE, headers={"Accept": "application/pdf"}, params={"language": "en"})
        refused = await client.get(PLACE, params={"language": "fr"})
    assert got.headers["content-type"] == "application/pdf"
    assert got.content.startswith(b"%PDF")
    assert got.headers["content-disposition"].endswith('.en.pdf"')
    assert hashlib.sha256(got.content).hexdigest() != got.headers["receipt-digest"]
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_what_has_no_receipt_says_why(api: Api) -> None:
    await taking.add(api.context, REQUEST)
    async with await api.client(TokenRole.OPERATOR) as client:
        pending = await client.get(PLACE)
        unknown = await client.get("/api/v1/orders/O-9/receipt")
    assert pending.status_code == HTTPStatus.CONFLICT
    assert "filterd order show O-1" in pending.json()["remedy"]
    assert unknown.status_code == HTTPStatus.NOT_FOUND


async def test_few_pdfs_at_a_time_and_none_without_typst(
    api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await accepted(api)
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "typst.py").write_text("raise ImportError('no typst')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "none"), prepend=":")
    wanted = {"Accept": "application/pdf"}
    async with await api.client(TokenRole.OPERATOR) as client:
        missing = await client.get(PLACE, headers=wanted)
        api.state.whole_reads.at_work = MOST_WHOLE_READS
        busy = await client.get(PLACE, headers=wanted)
        signed = await client.get(PLACE)
    assert missing.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "typst" in missing.json()["detail"]
    assert busy.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert signed.status_code == HTTPStatus.OK

"""The trail over HTTP: an operator signs, a regulator reads and countersigns with a key of their own."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from filterd.disk import signing_keys
from filterd.model import signed_text
from filterd.model.token import TokenRole
from tests.unit.web.conftest import Api


@pytest.mark.ring("night")
async def test_a_regulator_verifies_and_countersigns(api: Api) -> None:
    operator, regulator = await api.client(TokenRole.OPERATOR), await api.client(TokenRole.REGULATOR)
    assert (await regulator.get("/api/v1/audit/checkpoints/0")).status_code == 404
    assert (await regulator.post("/api/v1/audit/checkpoints")).status_code == 403
    made = (await operator.post("/api/v1/audit/checkpoints")).json()
    shown = (await regulator.get("/api/v1/audit/checkpoints/0")).json()
    assert shown == made
    keys = (await regulator.get("/api/v1/audit/keys")).json()["items"]
    (public,) = [each["public_key"] for each in keys if each["id"] == made["key_id"]]
    found = signed_text.read(made["text"])
    message = signed_text.signed_bytes(signed_text.CHECKPOINT, found.body)
    assert signing_keys.signature_holds(signing_keys.public_key_of(public.encode()), found.signature, message)
    theirs = Ed25519PrivateKey.generate()
    pem = signing_keys.public_pem(theirs.public_key().public_bytes_raw())
    path = f"/api/v1/audit/checkpoints/{made['number']}/countersignatures"
    for text, status in ((made["text"] + " ", 422), (made["text"], 200), (made["text"], 409)):
        signature = base64.b64encode(theirs.sign(text.encode())).decode()
        reply = await regulator.post(path, json={"public_key": pem, "signature": signature})
        assert reply.status_code == status, reply.text


async def test_checkpoints_are_listed_in_pages_and_a_statement_is_shown(api: Api) -> None:
    operator = await api.client(TokenRole.OPERATOR)
    for _ in range(3):
        await operator.post("/api/v1/audit/statement")
        await api.token(TokenRole.OPERATOR)  # an entry
        await operator.post("/api/v1/audit/checkpoints")
    numbers, following = [], "0"
    while following is not None:
        part = (await operator.get(f"/api/v1/audit/checkpoints?limit=2&after={following}")).json()
        numbers += [each["number"] for each in part["items"]]
        following = part["next"]
    assert numbers == list(range(1, len(numbers) + 1))
    shown = (await operator.get("/api/v1/audit/statement")).json()
    assert (await operator.get(f"/api/v1/audit/statement?day={shown['day']}")).json() == shown
    assert (await operator.get("/api/v1/audit/statement?day=2020-01-01")).status_code == 404
    assert (await operator.get("/api/v1/audit/anchors")).json()["items"] == []
    assert (await operator.get("/api/v1/audit/proof")).json()["signed"] == []

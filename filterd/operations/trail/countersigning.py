"""Countersignatures: somebody outside, such as a regulator, signs a checkpoint with a key of their own.

They sign the bytes of the checkpoint's text, as ``filterd audit checkpoint --out FILE`` writes them, with
Ed25519: ``openssl pkeyutl -sign -rawin -inkey THEIR.pem -in FILE -out SIGNATURE``.
"""

from __future__ import annotations

import base64
import binascii

from filterd.config.signing_settings import AnchorKind
from filterd.disk import signing_keys
from filterd.model.checkpoint import Checkpoint
from filterd.model.signed_text import key_id_of
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.trail import checkpoints
from filterd.store import anchors as rows
from filterd.store.anchors import AnchorRow

SIGNATURE_SIZE = 64


async def record(context: Context, number: int, *, key: bytes, signature: bytes) -> AnchorRow:
    """Keep a countersignature on a checkpoint after verifying it. ``key``: the public key in PEM;
    ``signature``: its 64 bytes, or these in base64. Raises OperationError."""
    found = await checkpoints.show(context, number)
    public, signed = _public(key), _raw(signature)
    if not signing_keys.signature_holds(public, signed, found.text.encode()):
        message = f"the signature is not that of this key on checkpoint {number}"
        raise OperationError(
            message,
            f"sign the file that this writes, byte for byte: filterd audit checkpoint --number {number}"
            " --out FILE",
        )
    key_id = key_id_of(public)
    async with context.store.write(context.actor, context.clock()) as write:
        known = await rows.of_checkpoint(write.connection, number)
        if any(each.key_id == key_id for each in known):
            message = f"checkpoint {number} has the countersignature of this key already"
            raise ConflictError(message, "see them with: filterd audit anchors")
        text = base64.b64encode(public).decode("ascii")
        await rows.add_countersigner(write.connection, key_id, text, write.now)
        proof = base64.b64encode(signed).decode("ascii")
        row = AnchorRow(
            await rows.next_number(write.connection),
            _anchor_of(context, public) or key_id,
            AnchorKind.COUNTERSIGN.value,
            number,
            found.digest,
            write.now,
            0.0,
            key_id,
            proof,
        )
        await rows.add(write.connection, row)
        after = {"key": key_id, "public_key": text, "digest": found.digest, "signature": proof}
        write.audit("checkpoint.countersign", f"checkpoint:{number}", after=after)
    return row


def signature_fault(taken: AnchorRow, row: Checkpoint, signers: dict[str, str]) -> str:
    """Why a countersignature does not hold; empty where it does."""
    public = signers.get(taken.key_id)
    if public is None:
        return f"the key {taken.key_id} that countersigned is not there"
    raw = base64.b64decode(public)
    holds = key_id_of(raw) == taken.key_id and signing_keys.signature_holds(
        raw, base64.b64decode(taken.proof), row.text.encode()
    )
    return "" if holds else "the countersignature is wrong"


def _anchor_of(context: Context, public: bytes) -> str:
    """The id of the anchor that has this key; empty: the configuration has none."""
    for each in context.settings.signing.anchors:
        if each.key is not None:
            try:
                if signing_keys.public_key_of(each.key.read_bytes()) == public:
                    return each.id
            except (OSError, ValueError):
                continue
    return ""


def _public(pem: bytes) -> bytes:
    try:
        return signing_keys.public_key_of(pem)
    except ValueError as error:
        message = "the key is no Ed25519 public key in PEM form"
        raise OperationError(
            message, "make it so: openssl pkey -in THEIR.pem -pubout -out PUB.pem"
        ) from error


def _raw(signature: bytes) -> bytes:
    """The 64 bytes of a signature that may be in base64."""
    if len(signature) == SIGNATURE_SIZE:
        return signature
    try:
        found = base64.b64decode(b"".join(signature.split()), validate=True)
    except binascii.Error:
        found = b""
    if len(found) != SIGNATURE_SIZE:
        message = "the signature has neither 64 bytes nor is it base64 of so many"
        raise OperationError(
            message, "make it so: openssl pkeyutl -sign -rawin -inkey THEIR.pem -in FILE -out SIGNATURE"
        )
    return found

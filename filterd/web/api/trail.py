"""``/api/v1``: the trail beyond the machine: signed checkpoints, their anchors, statements, public keys."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from filterd.model.checkpoint import Checkpoint
from filterd.model.token import Permission
from filterd.operations.errors import OperationError
from filterd.operations.plain_values import plain, with_times
from filterd.operations.repeats import Said
from filterd.operations.trail import anchors, checkpoints, countersigning, rotating, statements
from filterd.web.api.fields import ListPart, Plain, RequestBody
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("trail")


class Countersignature(RequestBody):
    """The signature of somebody outside on the text of a checkpoint."""

    public_key: str = Field(max_length=4096, description="Theirs (Ed25519), PEM.")
    signature: str = Field(max_length=128, description="Its 64 bytes, in base64.")


def _shown(row: Checkpoint) -> Plain:
    found: Plain = with_times(
        {
            "number": row.number,
            "at": row.at,
            "sequence": row.audit_sequence,
            "hash": row.audit_hash,
            "digest": row.digest,
            "key_id": row.key_id,
            "text": row.text,
        }
    )
    return found


@routes.get("/audit/checkpoints", **takes(Permission.AUDIT_READ))
async def list_checkpoints(
    caller: Called,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ListPart[Plain]:
    """List signed checkpoints of the trail, oldest first. `text` is what was signed, byte for byte."""
    found = await checkpoints.listed(caller.context, after=after, limit=limit)
    following = str(found[-1].number) if len(found) == limit else None
    return ListPart(items=[_shown(each) for each in found], next=following)


@routes.post("/audit/checkpoints", **takes(Permission.AUDIT_SIGN))
async def sign_checkpoint(caller: Called) -> Plain:
    """Sign a checkpoint now, where the trail has grown; the newest one otherwise."""
    await checkpoints.make(caller.context)
    return _shown(await checkpoints.show(caller.context))


@routes.get("/audit/checkpoints/{number}", **takes(Permission.AUDIT_READ))
async def show_checkpoint(caller: Called, number: Annotated[int, Path(ge=0, le=2**53)]) -> Plain:
    """Show a checkpoint; 0: the newest."""
    return _shown(await checkpoints.show(caller.context, number))


@routes.post("/audit/checkpoints/{number}/countersignatures", **takes(Permission.COUNTERSIGN))
async def countersign(
    attempt: Attempted, caller: Called, number: Annotated[int, Path(ge=1, le=2**53)], body: Countersignature
) -> Plain:
    """Keep a countersignature on a checkpoint, after verifying it over the bytes of its `text`."""

    async def act() -> Said:
        signature = _bytes_of(body.signature)
        key = body.public_key.encode("ascii", errors="replace")
        found = await countersigning.record(caller.context, number, key=key, signature=signature)
        return Said({"anchor": found.anchor, "key_id": found.key_id, "checkpoint": found.checkpoint})

    return (await once(attempt, caller, act)).values


@routes.get("/audit/anchors", **takes(Permission.AUDIT_READ))
async def list_anchors(caller: Called) -> ListPart[Plain]:
    """Say how far each anchor outside is, and why one is behind."""
    return ListPart(items=[_timed(each) for each in await anchors.status(caller.context)], next=None)


@routes.get("/audit/statement", **takes(Permission.AUDIT_READ))
async def statement(
    caller: Called, day: Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""
) -> Plain:
    """Show the signed public statement of a day; without one, the newest."""
    return _timed(await statements.show(caller.context, day))


@routes.post("/audit/statement", **takes(Permission.AUDIT_SIGN))
async def sign_statement(caller: Called) -> Plain:
    """Sign the public statement of this day now, where there is none yet."""
    return _timed(await statements.make(caller.context))


@routes.get("/audit/keys", **takes(Permission.AUDIT_READ))
async def keys(caller: Called) -> ListPart[Plain]:
    """Show the public keys that sign and signed."""
    return ListPart(items=[_timed(each) for each in await rotating.status(caller.context)], next=None)


def _timed(value: Any) -> Plain:
    found: Plain = with_times(plain(value))
    return found


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        message = "the signature is no base64"
        raise OperationError(message, "send the 64 bytes of the signature in base64") from None

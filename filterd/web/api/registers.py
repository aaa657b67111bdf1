"""``/api/v1/registers``: the registers of authorities, their documents and the answers to them."""

from __future__ import annotations

import random
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field, StrictBool

from filterd.model.register import RunOrigin
from filterd.model.token import Permission
from filterd.operations.plain_values import plain, with_times
from filterd.operations.registers import adopting, answering, lists, pulling, showing, taking
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.handed import Handed
from filterd.operations.registers.plain import plain_delivery, plain_item, plain_taken
from filterd.web.api.fields import ListPart, Moment, Plain, RequestBody, RequiredText
from filterd.web.api.limits import LARGEST_DOCUMENT
from filterd.web.api.reading import Limit, Number
from filterd.web.api.routing import Called, router, takes

routes = router("registers")
RegisterId = Annotated[str, Path(max_length=32, description="The id of a register.")]
RunNumber = Annotated[int, Path(ge=1, le=2**53, description="The number of a document's run.")]


class RegisterReason(RequestBody):
    """The reason of an act on a register."""

    reason: RequiredText


class RegisterDocument(RequestBody):
    """A document of a register, as text. A larger one is pushed, or taken by command."""

    content: str = Field(max_length=1_000_000, description="The document as it is written.")
    document: str = Field("", max_length=256, description="Its number, where it does not say it itself.")
    received_at: Moment | None = Field(None, description="When it came in; null: now.")
    dry_run: StrictBool = Field(False, description="Show what would be done, and do nothing.")


@routes.get("/registers", **takes(Permission.ORDERS_READ))
async def list_registers(caller: Called) -> ListPart[Plain]:
    """List the registers and what each needs."""
    found = await showing.statuses(caller.context)
    return ListPart(items=[_timed(showing.plain_status(each)) for each in found], next=None)


@routes.get("/register-answers", **takes(Permission.ORDERS_READ))
async def list_undelivered(caller: Called) -> ListPart[Plain]:
    """List the documents whose answers no receiver has taken."""
    found = await answering.undelivered(caller.context)
    return ListPart(items=[_timed(plain_delivery(each)) for each in found], next=None)


@routes.get("/register-answers/{run:int}", **takes(Permission.ORDERS_READ))
async def show_answers(caller: Called, run: RunNumber, after: Number = 0, limit: Limit = 100) -> Plain:
    """Show a document with the answers to its items."""
    found, items = await showing.show_run(caller.context, run, after=after, limit=limit + 1)
    shown = [plain_item(each) for each in items[:limit]]
    more = str(items[limit - 1].number) if len(items) > limit else None
    return _timed({**plain_delivery(found), "answers": shown, "next": more})


@routes.post("/register-answers/retry", **takes(Permission.ORDERS_WRITE))
async def retry(
    caller: Called, register: Annotated[str, Query(max_length=32, description="Only this one.")] = ""
) -> Plain:
    """Put in force what is open, take up what was refused for a reason that is gone, answer it, and deliver
    the answers that nobody took."""
    try:
        answered = await showing.retry_open(caller.context, register, refused=True)
    finally:  # what is answered does not wait for what is open
        await answering.deliver_now(caller.context, register)
        delivered = await answering.deliver_due(caller.context, random.SystemRandom().random)
    return {"answered": answered, "delivered": delivered}


@routes.get("/registers/{register}", **takes(Permission.ORDERS_READ))
async def show_register(caller: Called, register: RegisterId) -> Plain:
    """Show a register and how it stands."""
    return _timed(showing.plain_status(await showing.show(caller.context, register)))


@routes.get("/registers/{register}/documents", **takes(Permission.ORDERS_READ))
async def list_documents(
    caller: Called,
    register: RegisterId,
    before: Annotated[int, Query(ge=0, le=2**53, description="Those with a smaller run.")] = 0,
    limit: Limit = 100,
) -> ListPart[Plain]:
    """List the documents of a register, newest first."""
    found = await showing.list_runs(caller.context, register, before=before, limit=limit + 1)
    more = str(found[limit - 1].number) if len(found) > limit else None
    return ListPart(items=[_timed(plain_delivery(each)) for each in found[:limit]], next=more)


@routes.post("/registers/{register}/documents", **takes(Permission.ORDERS_WRITE, largest=LARGEST_DOCUMENT))
async def take_document(caller: Called, register: RegisterId, body: RegisterDocument) -> Plain:
    """Take a document in. The same one again gets the same answers; what it was refused is taken up where the
    reason is gone, and nothing else changes."""
    at = 0.0 if body.received_at is None else body.received_at.timestamp()
    handed = Handed(body.content.encode(), RunOrigin.FILE, body.document, at)
    return _timed(plain_taken(await taking.take(caller.context, register, handed, dry_run=body.dry_run)))


@routes.post("/registers/{register}/adopt", **takes(Permission.ORDERS_WRITE))
async def adopt(caller: Called, register: RegisterId, body: RegisterReason) -> Plain:
    """Adopt a register; another person has to say it too."""
    return _timed(plain(await adopting.adopt(caller.context, register, reason=body.reason)))


@routes.post("/registers/{register}/pull", **takes(Permission.ORDERS_WRITE))
async def pull(
    caller: Called,
    register: RegisterId,
    dry_run: Annotated[bool, Query(description="Show what would be done.")] = False,
) -> Plain:
    """Pull a register from its source now."""
    return _timed(plain_taken(await pulling.pull(caller.context, register, dry_run=dry_run)))


@routes.post("/registers/{register}/accept", **takes(Permission.ORDERS_WRITE))
async def accept(caller: Called, register: RegisterId, body: RegisterReason) -> Plain:
    """Let removals take effect that were too many at once. One person is enough."""
    found = require_register(caller.context, register)
    return {"answered": await lists.accept_removals(caller.context, found, reason=body.reason)}


def _timed(value: Plain) -> Plain:
    found: Plain = with_times(value)
    return found

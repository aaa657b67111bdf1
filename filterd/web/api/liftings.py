"""``/api/v1/exceptions`` and ``/api/v1/suspension``: what one person takes off every line for a while."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import Field

from filterd.model.lifting import MAX_EXCEPTION, MAX_SUSPENSION, Lifting
from filterd.model.token import Permission
from filterd.operations import canaries, exceptions, input_values, suspension
from filterd.operations.exceptions import Added
from filterd.operations.plain_values import plain, with_times
from filterd.web.api.fields import ListPart, Plain, RequestBody, RequiredText, Text, refused_by
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes

routes = router("liftings")
NameText = Annotated[str, Field(min_length=1, max_length=2048), refused_by(input_values.name)]
Because = Annotated[Text, Query(description="Why before its time.")]


class ExceptionGiven(RequestBody):
    """A name that no list is to block for a while, on any line."""

    name: NameText
    seconds: Annotated[int, Field(ge=1, le=MAX_EXCEPTION)] = 86_400
    scope: Literal["exact", "subtree"] = "subtree"
    reason: RequiredText = Field(description="Why: the ticket, the incident.")


class SuspensionGiven(RequestBody):
    """Parental filtering is off for every line for a while."""

    seconds: Annotated[int, Field(ge=1, le=MAX_SUSPENSION)] = 3600
    reason: RequiredText = Field(description="Why: the ticket, the incident.")


@routes.get("/exceptions", **takes(Permission.LIFTINGS_READ))
async def list_exceptions(
    caller: Called,
    everything: Annotated[bool, Query(description="Those that are over too, newest first.")] = False,
) -> ListPart[Plain]:
    """List the exceptions in force."""
    found = await exceptions.list_exceptions(caller.context, everything=everything)
    return ListPart(items=[_plain(each) for each in found], next=None)


@routes.post("/exceptions", status_code=201, **takes(Permission.LIFTINGS_WRITE))
async def add_exception(attempt: Attempted, caller: Called, body: ExceptionGiven) -> Plain:
    """Let a name through on every line at once, whatever lists say. `mandatory`: by what it stays blocked."""
    scope = input_values.scope(body.scope)

    async def act() -> Added:
        return await exceptions.add(caller.context, body.name, body.seconds, reason=body.reason, scope=scope)

    return _plain(await once(attempt, caller, act))


@routes.post("/exceptions/{number}/end", **takes(Permission.LIFTINGS_WRITE))
async def end_exception(
    attempt: Attempted, caller: Called, number: Annotated[int, Path(ge=0, le=2**53)], reason: Because = ""
) -> ListPart[Plain]:
    """End an exception before its time."""

    async def act() -> Lifting:
        (ended,) = await exceptions.end(caller.context, str(number), reason=reason)
        return ended

    return ListPart(items=[_plain(await once(attempt, caller, act))], next=None)


@routes.get("/suspension", **takes(Permission.LIFTINGS_READ))
async def show_suspension(caller: Called) -> Plain:
    """Say whether parental filtering is suspended for every line."""
    return _state(await suspension.present(caller.context))


@routes.put("/suspension", **takes(Permission.LIFTINGS_WRITE))
async def suspend(caller: Called, body: SuspensionGiven) -> Plain:
    """Turn parental filtering off for every line; it comes back by itself. Orders, security and own block
    names stay."""
    return _state(await suspension.suspend(caller.context, body.seconds, reason=body.reason))


@routes.delete("/suspension", **takes(Permission.LIFTINGS_WRITE))
async def resume(caller: Called, reason: Because = "") -> Plain:
    """Turn parental filtering on again before the time."""
    await suspension.resume(caller.context, reason=reason)
    return _state(await suspension.present(caller.context))


@routes.get("/canaries", **takes(Permission.NODES_READ))
async def list_canaries(caller: Called) -> ListPart[Plain]:
    """List the probe of each mandatory list on each node: in force there, or not, and since when."""
    found = await canaries.list_canaries(caller.context)
    return ListPart(items=[_plain(each) for each in found], next=None)


def _state(found: Lifting | None) -> Plain:
    return {"suspended": found is not None, "suspension": None if found is None else _plain(found)}


def _plain(value: Any) -> Plain:
    found: Plain = with_times(plain(value))
    return found

"""``/api/v1``: profiles, checks, nodes and the audit trail, in the form that commands print."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from filterd.model.token import Permission
from filterd.operations import advice, audit, catalogue, inquiry, nodes
from filterd.operations.explain import Explanation
from filterd.operations.own_name_masks import seen
from filterd.operations.plain_records import plain_node
from filterd.operations.plain_values import plain, with_times
from filterd.operations.policies import policies
from filterd.web.api.callers import Caller
from filterd.web.api.entries import entries_for
from filterd.web.api.fields import ListPart, Plain
from filterd.web.api.routing import Called, router, takes

routes = router("reading")
Limit = Annotated[int, Query(ge=1, le=1000)]
Number = Annotated[int, Query(ge=0, le=audit.LARGEST, description="Go on behind this number.")]


@routes.get("/profiles", **takes(Permission.PROFILES_READ))
async def list_profiles(caller: Called) -> list[Plain]:
    """List the profiles on offer, with their texts in Spanish and English."""
    return [plain(each) for each in policies(caller.context).profiles]


@routes.get("/catalogue", **takes(Permission.PROFILES_READ))
async def show_catalogue(caller: Called) -> dict[str, list[Plain]]:
    """List the categories, services, safe search engines and ways around that a line can choose, with their
    titles. `choice` is as `choices/differences` takes it; to close an `empty` category closes nothing."""
    return await catalogue.catalogue(caller.context)


@routes.get("/check", **takes(Permission.CHECK))
async def check(
    caller: Called,
    name: Annotated[str, Query(min_length=1, max_length=256)],
    subscriber: Annotated[str | None, Query(min_length=1, max_length=128)] = None,
    qtype: Annotated[str, Query(alias="type", min_length=1, max_length=16)] = "A",
) -> Plain:
    """Say what a name gets on a line, and why, in a sentence and stage by stage; without one, on a line that
    nobody knows. `next` is the next step, as a command."""
    if subscriber is not None:
        caller.require(Permission.CHECK_LINES)
        caller.require_line(subscriber)
    found = await inquiry.ask(caller.context, name, qtype=qtype, subscriber=subscriber)
    return await _seen_by(caller, found)


async def _seen_by(caller: Caller, found: Explanation) -> Plain:
    """The explanation, with a sentence and the next step; which own name decides is kept from one who may not
    see own names, and that one bears on the answer is in the line's record."""
    found = await seen(caller.context, found, whole=caller.may(Permission.OWN_NAMES))
    value: dict[str, Any] = with_times(plain(found))
    return value | {"why": advice.why(found), "next": advice.next_step(found)}


@routes.get("/nodes", **takes(Permission.NODES_READ))
async def list_nodes(caller: Called) -> list[Plain]:
    """List the nodes with what each has applied."""
    return [with_times(plain_node(each)) for each in await nodes.list_nodes(caller.context)]


@routes.get("/audit", **takes(Permission.AUDIT_READ))
async def list_entries(caller: Called, after: Number = 0, limit: Limit = 100) -> ListPart[Plain]:
    """List the entries of the audit trail, oldest first. To a regulator, those that an export withholds are
    withheld here too: their number, their hash and the digest of their content alone."""
    found = await audit.page(caller.context, after, limit)
    more = len(found) == limit
    return ListPart(items=entries_for(caller, found), next=str(found[-1].sequence) if more else None)

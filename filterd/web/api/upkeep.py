"""``/api/v1``: nodes that follow a restored store, the snapshot in force, and the proof of the record."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from filterd.model.export_format import is_shown
from filterd.model.token import Permission
from filterd.operations import audit, nodes, resync, snapshots
from filterd.operations.plain_records import plain_node
from filterd.operations.plain_values import plain, with_times
from filterd.operations.repeats import Said
from filterd.web.api.entries import entries_for, sees_all
from filterd.web.api.fields import ListPart, Plain, RequestBody, RequiredText
from filterd.web.api.repeats import Attempted, once
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.whole_reads import ONE_OF_FEW

routes = router("upkeep")


class KeptOrderEnd(RequestBody):
    """The end of an order that nodes alone keep in force."""

    reason: RequiredText
    replaced_by: str = Field("", max_length=32, description="The order as which it was taken in again.")


@routes.get("/nodes/{name}", **takes(Permission.NODES_READ))
async def show_node(caller: Called, name: Annotated[str, Path(max_length=255)]) -> Plain:
    """Show one node with every list that it has in force."""
    return _timed(plain_node(await nodes.show(caller.context, name)))


@routes.get("/node-histories", **takes(Permission.NODES_READ))
async def histories(caller: Called) -> ListPart[Plain]:
    """Show which nodes follow the store that stands there, and the orders that they alone keep in force."""
    found = await resync.histories(caller.context)
    return ListPart(items=[_timed(plain(each)) for each in found], next=None)


@routes.post("/node-histories/accept", **takes(Permission.NODES_WRITE))
async def accept(caller: Called) -> Plain:
    """Make the resolver on this machine follow the history that the store has now."""
    return _timed(plain(await resync.accept(caller.context)))


@routes.post("/kept-orders/{reference}/end", **takes(Permission.NODES_WRITE))
async def end_kept(
    attempt: Attempted, caller: Called, reference: Annotated[str, Path(max_length=32)], body: KeptOrderEnd
) -> dict[str, bool]:
    """Confirm that an order which nodes alone keep in force has ended. `ended`: false where it was before."""

    async def act() -> Said:
        done = await resync.end(caller.context, reference, reason=body.reason, replaced_by=body.replaced_by)
        return Said({"ended": done})

    return (await once(attempt, caller, act)).values


@routes.get("/snapshot", **takes(Permission.NODES_READ))
async def snapshot(caller: Called) -> Plain:
    """Show the snapshot that nodes apply, and the lists in it."""
    return _timed(plain(snapshots.show(caller.context)))


@routes.get("/audit/tail", **takes(Permission.AUDIT_READ))
async def tail(
    caller: Called,
    count: Annotated[int, Query(ge=1, le=1000)] = 20,
    of: Annotated[str | None, Query(max_length=300, description="Of this alone, like order:O-1.")] = None,
) -> ListPart[Plain]:
    """Show the last entries of the audit trail, oldest first. To a regulator, those that an export withholds
    have no content; asked for by what they are about, they are left out."""
    found = await audit.tail(caller.context, count, of)
    if of is not None and not sees_all(caller):
        found = [each for each in found if is_shown(each.entry)]
    return ListPart(items=entries_for(caller, found), next=None)


@routes.get("/audit/proof", **takes(Permission.AUDIT_READ), **ONE_OF_FEW)
async def prove(caller: Called) -> Plain:
    """Prove that no entry of the trail was altered or dropped, and that orders, lists and the change log are
    as recorded. It reads the whole trail."""
    proof, rows = await audit.verify(caller.context), await audit.compare(caller.context)
    log_fault = await audit.verify_changes(caller.context)
    behind = await audit.standing(caller.context)
    signed = await audit.verify_signed(caller.context)
    whole = proof.holds and not (rows or log_fault or behind or signed)
    found = {**plain(proof), "rows": plain(rows), "change_log": log_fault, "store": behind, "holds": whole}
    return _timed({**found, "signed": plain(signed)})


def _timed(value: Any) -> Plain:
    found: Plain = with_times(value)
    return found

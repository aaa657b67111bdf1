"""``/api/v1/evidence/pack``: one signed archive about an order or a range of days, while it is made."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Query
from starlette.responses import StreamingResponse

from filterd.model.token import Permission
from filterd.operations.evidence_pack import scope as scopes
from filterd.operations.evidence_pack.stream import EvidenceStream
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.whole_reads import ONE_OF_FEW
from filterd.web.listening.whole_reads import batched
from filterd.web.published.reporting import giving

routes = router("evidence")
TAR = "application/x-tar"


class PackReceipts(StrEnum):
    """The receipts that a pack has."""

    KEPT = "kept"
    """those that were issued for packs before; nothing is written"""
    ISSUED = "issued"
    """new ones where those would say something else by now; the trail tells of each"""


@routes.get(
    "/evidence/pack",
    response_class=StreamingResponse,
    responses={200: {"description": "The archive, its signed manifest last", "content": {TAR: {}}}},
    **takes(Permission.AUDIT_READ),
    **ONE_OF_FEW,
)
async def give_pack(
    caller: Called,
    order: Annotated[str, Query(max_length=32, description="Of this order alone, O-1.")] = "",
    since: Annotated[str, Query(alias="from", max_length=10, description="The first day.")] = "",
    until: Annotated[str, Query(alias="to", max_length=10, description="The last day, inclusive.")] = "",
    receipts: Annotated[PackReceipts, Query()] = PackReceipts.KEPT,
    pdf: Annotated[bool, Query(description="With the PDFs of receipts and reports.")] = True,
) -> StreamingResponse:
    """Pack what proves how orders were handled: the sealed trail, statements, receipts, the record, the
    reports, and programs that verify them. Broken off, it lacks its manifest, and no verifier takes it."""
    wanted = await scopes.scope_of(caller.context, order, since, until)
    issue = receipts is PackReceipts.ISSUED
    stream = EvidenceStream(caller.context, wanted, issue=issue, sheet=giving.sheet, pdf=pdf)
    pieces = stream.chunks()
    first = await anext(pieces)

    headers = {"Content-Disposition": f'attachment; filename="{wanted.name}"'}
    return StreamingResponse(batched(first, pieces), media_type=TAR, headers=headers)

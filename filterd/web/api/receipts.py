"""``/api/v1/orders/{reference}/receipt``: what was done about an order, signed."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from filterd.model.token import Permission
from filterd.operations.receipts import issuing, typesetting
from filterd.operations.receipts.sheet import attached_name
from filterd.operations.receipts.words import SheetLanguage
from filterd.web.api.orders import Reference
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.whole_reads import whole_read

routes = router("orders")
JSON, PDF = "application/json", "application/pdf"
_CONTENT = {
    JSON: {"schema": {"type": "object"}},
    PDF: {"schema": {"type": "string", "format": "binary"}},
}


@routes.get(
    "/orders/{reference}/receipt",
    response_class=Response,
    responses={200: {"description": "The receipt, exactly as it was signed", "content": _CONTENT}},
    **takes(Permission.ORDERS_READ),
)
async def issue_receipt(
    request: Request,
    caller: Called,
    reference: Reference,
    language: Annotated[SheetLanguage, Query(description="Of the PDF.")] = SheetLanguage.ES,
) -> Response:
    """Issue a signed receipt on an order that was accepted: each step with its time. The audit trail records
    each by its digest; keep the bytes as they are, or the signature does not hold. With `Accept:
    application/pdf` it comes as a PDF that has the JSON attached."""
    if PDF not in request.headers.get("accept", ""):
        issued = await issuing.issue(caller.context, reference)
        return _reply(issued, issued.text.encode(), JSON, "json")
    with whole_read(caller.state):
        issued = await issuing.issue(caller.context, reference)
        made = await typesetting.pdf_of(issued.text, language)
    return _reply(issued, made, PDF, f"{language.value}.pdf")


def _reply(issued: issuing.Receipt, content: bytes, media_type: str, suffix: str) -> Response:
    name = f"{attached_name(issued.body)}.{suffix}"
    headers = {"Receipt-Digest": issued.digest, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)

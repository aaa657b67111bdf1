"""``/api/v1/orders/{reference}/receipt``: what was done about an order, signed."""

from __future__ import annotations

from starlette.responses import Response

from filterd.model.token import Permission
from filterd.operations.receipts import issuing
from filterd.web.api.orders import Reference
from filterd.web.api.routing import Called, router, takes

routes = router("orders")
JSON = "application/json"
_CONTENT = {JSON: {"schema": {"type": "object"}}}


@routes.get(
    "/orders/{reference}/receipt",
    response_class=Response,
    responses={200: {"description": "The receipt, exactly as it was signed", "content": _CONTENT}},
    **takes(Permission.ORDERS_READ),
)
async def issue_receipt(caller: Called, reference: Reference) -> Response:
    """Issue a signed receipt on an order that was accepted: each step with its time. The audit trail records
    each by its digest; keep the bytes as they are, or the signature does not hold."""
    issued = await issuing.issue(caller.context, reference)
    return Response(issued.text.encode(), media_type=JSON, headers={"Receipt-Digest": issued.digest})

"""The first page: what the filter is, whether one is on here, and how to come in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.line import is_paused
from filterd.model.subscriber import Subscriber
from filterd.operations.context import Context
from filterd.operations.portal import openid
from filterd.operations.portal.on_line import line_of_address
from filterd.web.pages.forms import query_of
from filterd.web.pages.state import language_of, page, state_of
from filterd.web.portal.line_state import own_closed, suspended_until
from filterd.web.portal.titles import said
from filterd.web.portal.visitor import client_of, session_of


async def show(request: Request) -> Response:
    """``GET /portal``."""
    context = state_of(request).context
    known = await line_of_address(context, *client_of(request))
    found = await session_of(request)
    values = {
        "here": await _state_here(context, known),
        "signed_in": found is not None,
        "several": found is not None and len(found.subscribers) > 1,
        "openid": openid.offered(context),
        "price": said(context.settings.service.price, language_of(request)),
        "left": query_of(request.query_params, "salida") == "1",
    }
    return page(request, "portal/beginning.html", values)


async def _state_here(context: Context, known: Subscriber | None) -> str:
    """``on``, ``paused``, ``suspended``, ``own`` (off, with sites that the line closes itself) or ``off``:
    what anybody on the line may know; empty: nobody can tell."""
    if known is None:
        return ""
    now = context.clock()
    if not known.choices.opted_in:
        return "own" if own_closed(known.choices, now) else "off"
    if await suspended_until(context):
        return "suspended"
    return "paused" if is_paused(known.choices.paused_until, int(now)) else "on"

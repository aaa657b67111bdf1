"""The first page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.web.pages.state import page


async def show(request: Request) -> Response:
    """``GET /desk``."""
    return page(request, "desk/beginning.html")

"""The browser that a challenge is for, before and after its person signs in; and pages with the script.

Before a session there is a cookie of 32 random bytes that says nothing, so that a challenge that was shown to
one browser is answered by that one alone. The script of passkeys is loaded on these pages and no others.
"""

from __future__ import annotations

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.passkeys.party import RelyingParty, party_of
from filterd.web.accounts.agents import cookie_name
from filterd.web.accounts.rooms import Room
from filterd.web.pages.state import secure, state_of

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def party(request: Request, room: Room) -> RelyingParty | None:
    """The relying party of a room, of its ``public_url``; None: there are no passkeys here."""
    listener = state_of(request).web.pages.get(room.name)
    return None if listener is None else party_of(listener.public_url)


def stranger(request: Request, room: Room) -> str:
    """The secret of a browser that is not signed in; a new one where it has none."""
    found = request.cookies.get(_cookie(request, room), "")
    return found if _SECRET.fullmatch(found) else secrets.token_urlsafe(32)


def keep_stranger(request: Request, room: Room, response: Response, secret: str) -> None:
    """Leave the secret with the browser."""
    response.set_cookie(
        _cookie(request, room), secret, max_age=3600, path="/", secure=secure(request), httponly=True,
        samesite="strict",
    )  # fmt: skip


def with_script(response: Response) -> Response:
    """The same page, on which the script of passkeys may run, from here alone."""
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _cookie(request: Request, room: Room) -> str:
    return f"{cookie_name(request, room)}_browser"

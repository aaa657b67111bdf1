"""The paths that every room with accounts has: sign-in, sign-out, and a person's own passkeys."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filterd.web.accounts import passkeys
from filterd.web.accounts.rooms import Room
from filterd.web.accounts.signing import by_token, sign_in_form, sign_out
from filterd.web.accounts.views import View


def own_pages(room: Room) -> dict[tuple[str, str], View]:
    """Method and path of the pages that each person who is signed in has."""
    return {
        ("POST", f"{room.home}/sign-out"): sign_out,
        ("GET", f"{room.home}/passkeys"): passkeys.show,
        ("POST", f"{room.home}/passkeys"): passkeys.add,
        ("POST", f"{room.home}/passkeys/new"): passkeys.show_new,
        ("GET", f"{room.home}/passkeys/revoke"): passkeys.ask_revoke,
        ("POST", f"{room.home}/passkeys/revoke"): passkeys.revoke,
    }


def sign_in_routes(room: Room) -> list[BaseRoute]:
    """The routes of a room that take no session."""

    async def show(request: Request) -> Response:
        return sign_in_form(request, room)

    async def token(request: Request) -> Response:
        return await by_token(request, room)

    async def passkey(request: Request) -> Response:
        return await passkeys.by_passkey(request, room)

    return [
        Route(room.sign_in, show, methods=["GET"]),
        Route(room.sign_in, token, methods=["POST"]),
        Route(f"{room.sign_in}/passkey", passkey, methods=["POST"]),
    ]

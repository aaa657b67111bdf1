"""The agent of one request: the session's token as the store has it now, and what it allows.

The acts of a page take the permission that the API's route for the same act takes
(tests/unit/web/desk/test_desk_roles.py compares them).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import ip_address, ip_network

from starlette.requests import Request

from filterd.model.token import Permission, Token
from filterd.operations import tokens
from filterd.operations.context import Context
from filterd.operations.passkeys import keeping
from filterd.operations.passkeys.challenges import Challenges
from filterd.web.accounts.rooms import Room
from filterd.web.accounts.sessions import AccountSession, AccountSessions
from filterd.web.accounts.wrong_tokens import WrongTokens
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import secure, state_of


@dataclass(slots=True)
class Door:
    """The state of one room's sign-in while the process runs."""

    sessions: AccountSessions = field(default_factory=AccountSessions)
    wrong: WrongTokens = field(default_factory=WrongTokens)
    challenges: Challenges = field(default_factory=Challenges)


def door_of(request: Request, room: Room) -> Door:
    """The door of a room on the listener that serves the request."""
    state = request.app.state
    if not hasattr(state, "doors"):
        state.doors = {}
    found: Door = state.doors.setdefault(room.name, Door())
    return found


class NotSignedInError(Exception):
    """There is no session: the sign-in page is the answer."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody at a desk. ``context`` acts under the name of the token."""

    token: Token
    context: Context
    session: AccountSession = field(repr=False)
    room: Room

    @property
    def csrf(self) -> str:
        """The token that every form of the session carries."""
        return self.session.csrf

    def may(self, permission: Permission) -> bool:
        """Return whether the token allows it."""
        return permission in self.token.permissions

    def require(self, permission: Permission) -> None:
        """Raise PageRefusedError where the token does not allow it."""
        if not self.may(permission):
            raise PageRefusedError(
                HTTPStatus.FORBIDDEN, "accounts.refused.role", role=self.token.role, permission=permission
            )


async def signed_in(request: Request, room: Room, permission: Permission | None = None) -> Agent:
    """The agent of a request. Raises NotSignedInError without a session that holds, PageRefusedError where
    the token does not allow it."""
    door, context = door_of(request, room), state_of(request).context
    secret = request.cookies.get(cookie_name(request, room), "")
    now = context.clock()
    session = door.sessions.find(secret, now)
    if session is None:
        raise NotSignedInError
    token = await tokens.still_holds(context, session.token)
    bound = session.passkeys.values()
    if token is None or not from_allowed(request, token) or not await keeping.still_hold(context, bound):
        door.sessions.end(secret)
        raise NotSignedInError
    if not session.take(now):
        raise PageRefusedError(HTTPStatus.TOO_MANY_REQUESTS, "accounts.refused.fast")
    agent = Agent(token, replace(tokens.acting(context, token), way=room.name), session, room)
    if permission is not None:
        agent.require(permission)
    return agent


def cookie_name(request: Request, room: Room) -> str:
    """The name of the cookie: with the prefix that binds it to this host where there is HTTPS (RFC 6265bis,
    4.1.3.2)."""
    return f"__Host-{room.cookie}" if secure(request) else room.cookie


def address_of(request: Request) -> str:
    """The address that a request comes from, behind proxies that are trusted."""
    return request.client.host if request.client else ""


def from_allowed(request: Request, token: Token) -> bool:
    """Return whether the token may be used from the address of the request."""
    if not token.networks:
        return True
    try:
        address = ip_address(address_of(request))
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    networks = map(ip_network, token.networks)
    return any(address.version == each.version and address in each for each in networks)

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
from filterd.web.desk.sessions import DeskSession, DeskSessions
from filterd.web.desk.wrong_tokens import WrongTokens
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import secure, state_of

WAY = "desk"
"""the way of what is done here, in the record of a line"""


@dataclass(slots=True)
class Desk:
    """The state of the desk while the process runs."""

    sessions: DeskSessions = field(default_factory=DeskSessions)
    wrong: WrongTokens = field(default_factory=WrongTokens)


def desk_of(request: Request) -> Desk:
    """The desk that serves a request."""
    state = request.app.state
    if not hasattr(state, "desk"):
        state.desk = Desk()
    found: Desk = state.desk
    return found


class NotSignedInError(Exception):
    """There is no session: the sign-in page is the answer."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody at the desk. ``context`` acts under the name of the token."""

    token: Token
    context: Context
    session: DeskSession = field(repr=False)

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
                HTTPStatus.FORBIDDEN, "desk.refused.role", role=self.token.role, permission=permission
            )

    def require_line(self, subscriber: str) -> str:
        """The id of a line; one beyond the token's limit is as unknown as one that does not exist."""
        found = subscriber.strip()
        if not found or not found.startswith(self.token.lines):
            raise unknown_line()
        return found


def unknown_line() -> PageRefusedError:
    """The refusal for a line that does not exist, or that the token does not reach: it is the same."""
    return PageRefusedError(HTTPStatus.NOT_FOUND, "desk.refused.line")


async def signed_in(request: Request, permission: Permission | None = None) -> Agent:
    """The agent of a request. Raises NotSignedInError without a session that holds, PageRefusedError where
    the token does not allow it."""
    desk, context = desk_of(request), state_of(request).context
    secret = request.cookies.get(cookie_name(request), "")
    now = context.clock()
    session = desk.sessions.find(secret, now)
    if session is None:
        raise NotSignedInError
    token = await tokens.still_holds(context, session.token)
    if token is None or not from_allowed(request, token):
        desk.sessions.end(secret)
        raise NotSignedInError
    if not session.take(now):
        raise PageRefusedError(HTTPStatus.TOO_MANY_REQUESTS, "desk.refused.fast")
    agent = Agent(token, replace(tokens.acting(context, token), way=WAY), session)
    if permission is not None:
        agent.require(permission)
    return agent


def cookie_name(request: Request) -> str:
    """The name of the cookie: with the prefix that binds it to this host where there is HTTPS (RFC 6265bis,
    4.1.3.2)."""
    return "__Host-filterd_desk" if secure(request) else "filterd_desk"


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

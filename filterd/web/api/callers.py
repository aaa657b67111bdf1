"""The caller of one request: the token that it came with, and what that allows.

An unknown, an expired, a revoked and a malformed token all get the same answer, as does one from a network
where it may not be used: nobody learns by asking which of these it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import ip_address, ip_network

from starlette.requests import Request

from filterd.model.subscriber import Subscriber
from filterd.model.token import Permission, Token
from filterd.operations import tokens
from filterd.operations.context import Context
from filterd.web.api.counting import RequestCounts
from filterd.web.api.limits import AwaitedBodies, RateLimit, Turns
from filterd.web.api.problems import RefusedCall, unknown_subscriber
from filterd.web.listening.whole_reads import WholeReads

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="filterd"'}


@dataclass(slots=True)
class ApiState:
    """The state of the API while it runs. ``context`` is replaced when settings change."""

    context: Context
    limit: RateLimit
    counts: RequestCounts
    public_url: str = ""
    """begins links; empty: they are paths"""
    etag_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """of this process: what an ETag was made of cannot be tried out"""
    imports: int = 0
    """those at work"""
    bodies: AwaitedBodies = field(default_factory=AwaitedBodies)
    turns: Turns = field(default_factory=Turns)
    whole_reads: WholeReads = field(default_factory=WholeReads)
    """those at work; the pages of the process count with it"""


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a token in one request. ``context`` acts under its name."""

    token: Token
    context: Context
    state: ApiState = field(repr=False)

    def may(self, permission: Permission) -> bool:
        """Return whether the token allows it."""
        return permission in self.token.permissions

    def require(self, permission: Permission) -> None:
        """Raise RefusedCall where the token does not allow it."""
        if not self.may(permission):
            message = f"the role {self.token.role} does not allow {permission}"
            if self.token.scopes:
                message = f"this token does not allow {permission}"
            remedy = "use a token that does; the operator makes one with: filterd token add"
            raise RefusedCall(HTTPStatus.FORBIDDEN, message, remedy)

    def reaches(self, subscriber: str) -> bool:
        """Return whether the subscriber is among those that the token is limited to."""
        return subscriber.strip().startswith(self.token.lines)

    def require_line(self, subscriber: str) -> str:
        """The id of a subscriber; one beyond the token's limit is as unknown as one that does not exist."""
        if not self.reaches(subscriber):
            raise unknown_subscriber()
        return subscriber

    def expecting(self, look: Callable[[Subscriber], None]) -> Context:
        """The context for a change of a line that must be as ``look`` accepts it."""
        return replace(self.context, expected=look)


async def admitted(request: Request, permission: Permission) -> Caller:
    """The caller of a request, before its body is read. Raises RefusedCall unless the token allows it."""
    state: ApiState = request.app.state.api
    kind, secret = _split(request.headers.get("authorization", ""))
    token = await tokens.of_secret(state.context, secret) if kind == "bearer" else None
    if token is None or not _from_allowed(request, token):
        message = "this call needs a valid token"
        remedy = "send Authorization: Bearer TOKEN; the operator makes one with: filterd token add"
        raise RefusedCall(HTTPStatus.UNAUTHORIZED, message, remedy, headers=_CHALLENGE)
    state.limit.take(token.number)
    caller = Caller(token, tokens.acting(state.context, token), state)
    caller.require(permission)
    return caller


def secret_of(request: Request) -> str:
    """The secret of the token that an admitted request came with."""
    return _split(request.headers["authorization"])[1]


def _split(header: str) -> tuple[str, str]:
    kind, _, secret = header.partition(" ")
    return kind.lower(), secret.strip()


def _from_allowed(request: Request, token: Token) -> bool:
    if not token.networks:
        return True
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    networks = map(ip_network, token.networks)
    return any(address.version == each.version and address in each for each in networks)

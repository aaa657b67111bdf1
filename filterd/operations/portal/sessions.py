"""Sessions of the portal: made at a sign-in, found by the secret in a cookie, and ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from filterd.model.portal import PortalSession
from filterd.operations.context import Context

IDLE, LONGEST = 1_800, 28_800
"""seconds without use, and in all, after which a session ends"""
PIN_SECONDS = 600
"""seconds that a session by PIN lasts in all"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session with its secret, which the browser keeps in a cookie (HttpOnly, Secure, SameSite)."""

    session: PortalSession
    secret: str = field(repr=False)
    """43 characters of base64url, 256 random bits; never the same as before the sign-in"""


async def find(context: Context, secret: str) -> PortalSession | None:
    """The session of the secret in a cookie, and note that it is used; None where it is none, or has ended.

    It takes the same work for every secret. The session of an authorised person ends with the authorisation.
    """
    raise NotImplementedError


async def sign_out(context: Context, secret: str) -> None:
    """End the session of a secret, if there is one."""
    raise NotImplementedError


async def sign_out_everywhere(context: Context, session: PortalSession) -> int:
    """End every session of the lines of this one, itself among them; their number. By PIN, its own line's."""
    raise NotImplementedError


def csrf_token(secret: str) -> str:
    """The token that every form of the session has in a hidden field: it follows from the cookie's secret."""
    raise NotImplementedError


def require_csrf(secret: str, given: str) -> None:
    """Raise NotAllowedError unless a form came with the token of the session whose cookie came with it."""
    raise NotImplementedError

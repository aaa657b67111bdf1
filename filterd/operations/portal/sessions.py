"""Sessions of the portal: made at a sign-in, found by the secret in a cookie, and ended."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from filterd.model.portal import SESSION_LONGEST, PortalRole, PortalSession, SignInMethod
from filterd.model.subscriber import Subscriber
from filterd.operations import lines
from filterd.operations.context import Context
from filterd.operations.errors import NotAllowedError
from filterd.operations.portal.keyed import digest_of
from filterd.store import portal as rows
from filterd.store import subscribers as subscriber_rows
from filterd.store.store import Write

IDLE, LONGEST = 1_800, SESSION_LONGEST
"""seconds without use, and in all, after which a session ends"""
PIN_SECONDS = 600
"""seconds that a session by PIN lasts in all"""
USE_NOTED = 60
"""seconds between two notes of use"""
MOST_SESSIONS = 10
"""of one line; beyond, the oldest ends"""
_LONGEST_SECRET = 128


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session with its secret, which the browser keeps in a cookie (HttpOnly, Secure, SameSite)."""

    session: PortalSession
    secret: str = field(repr=False)
    """43 characters of base64url, 256 random bits; never the same as before the sign-in"""


@dataclass(frozen=True, slots=True)
class SignInBasis:
    """The reason why somebody is let in: by what right, in which way, and for an organisation its name."""

    role: PortalRole
    method: SignInMethod
    authorisation: int = 0
    organisation: str = ""
    link: int = 0
    """the number of the link that was used; 0: none"""


async def begin(write: Write, of: Sequence[Subscriber], basis: SignInBasis, previous: str) -> SignedIn:
    """Make a session for lines within a write that is not shared, in the place of the one of the secret
    ``previous``; audited for each line, without an address."""
    await rows.end_session(write.connection, digest_of(previous[:_LONGEST_SECRET]))
    for each in of:
        present = await rows.sessions_on(write.connection, each.line)
        await rows.end_sessions(write.connection, present[: max(0, len(present) + 1 - MOST_SESSIONS)])
    made = PortalSession(
        number=write.before.revision + 1,
        role=basis.role,
        method=basis.method,
        subscribers=tuple(sorted(each.id for each in of)),
        authorisation=basis.authorisation,
        organisation=basis.organisation,
        made_at=write.now,
        used_at=write.now,
        expires_at=write.now + (PIN_SECONDS if basis.method is SignInMethod.PIN else LONGEST),
    )
    secret = secrets.token_urlsafe(32)
    await rows.add_session(write.connection, made, digest_of(secret), [each.line for each in of])
    after = {"session": made.number, "method": basis.method.value, "role": basis.role.value}
    after |= {"authorisation": basis.authorisation} if basis.authorisation else {}
    after |= {"link": basis.link} if basis.link else {}
    for each in of:
        write.audit("subscriber.sign_in", lines.subject(each.line), after=after)
    return SignedIn(made, secret)


async def find(context: Context, secret: str) -> PortalSession | None:
    """The session of the secret in a cookie, and note that it is used; None where it is none, or has ended.

    It takes the same work for every secret. The session of an authorised person ends with the authorisation.
    Where the use cannot be noted at once the page does not wait for it: the next one notes it.
    """
    now = context.clock()
    with context.store.lookups() as lookups:
        found = rows.session_of(lookups, digest_of(secret[:_LONGEST_SECRET]), now, IDLE)
    if found is None or now - found.used_at < USE_NOTED:
        return found
    noted = await context.store.note_use(partial(rows.note_use, number=found.number, at=now))
    return replace(found, used_at=now) if noted else found


async def sign_out(context: Context, secret: str) -> None:
    """End the session of a secret, if there is one."""
    async with context.store.report(shared=True) as connection:
        await rows.end_session(connection, digest_of(secret[:_LONGEST_SECRET]))


async def sign_out_everywhere(context: Context, session: PortalSession) -> int:
    """End every session of the lines of this one, itself among them; their number. An authorised person ends
    those of the same authorisation alone, and one by PIN those by PIN: a child who knows it does not shut out
    the holder."""
    method = session.method if session.by_pin else None
    async with context.store.write(_actor(session), context.clock()) as write:
        ended = 0
        for each in session.subscribers:
            found = await subscriber_rows.find(write.connection, each)
            if found is None:
                continue
            numbers = await rows.sessions_on(
                write.connection, found.line, method=method, authorisation=session.authorisation
            )
            gone = await rows.end_sessions(write.connection, numbers)
            if gone:
                write.audit("subscriber.sign_out", lines.subject(found.line), after={"sessions": gone})
            ended += gone
    return ended


def _actor(session: PortalSession) -> str:
    return f"portal:{session.reference}"


def csrf_token(secret: str) -> str:
    """The token that every form has in a hidden field: it follows from the secret in the browser's cookie, be
    it that of a session or, before a sign-in, a random one that the page has set."""
    return hmac.new(secret.encode(), b"filterd portal form", hashlib.sha256).hexdigest()


def require_csrf(secret: str, given: str) -> None:
    """Raise NotAllowedError unless a form came with the token of the cookie that came with it."""
    if not secret or not hmac.compare_digest(csrf_token(secret).encode(), given.encode()):
        message = "this form is not of this session"
        raise NotAllowedError(message, "open the page anew, and send it again")

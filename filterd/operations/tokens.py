"""Tokens of the API: made, listed, revoked, and found again by their secret.

The secret is 32 random bytes, which nobody can guess; the store has its SHA-256 alone, and a token is looked
up by that. A person's token has the name of the person's account, so that the account and the token are one
actor wherever another person is asked for.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from filterd.model.token import DAY, GRANTS, Permission, Token, TokenRole
from filterd.operations import input_values
from filterd.operations.context import Context, is_account
from filterd.operations.errors import OperationError, UnknownError
from filterd.store import tokens as rows
from filterd.store.ledger import REVOCATION
from filterd.store.store import Write

MARK = "filterd_"
"""begins each secret, so that those who search for leaked ones find it"""
DEFAULT_DAYS, MOST_DAYS = 90, 366
_NAME = re.compile(r"[a-z0-9_][a-z0-9._@-]{0,63}")
_SECRET = re.compile(MARK + r"[A-Za-z0-9_-]{43}")
_OURS = ("control", "filterd", "migration", "portal", "root", "web")
"""actors of the audit trail that no token may pass for"""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token as it is asked for."""

    name: str
    role: TokenRole
    seconds: int = DEFAULT_DAYS * DAY
    system: bool = False
    scopes: tuple[Permission, ...] = ()
    lines: str = ""
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with its secret, which is shown this once."""

    token: Token
    secret: str = field(repr=False)


async def add(context: Context, request: TokenRequest) -> NewToken:
    """Make a token."""
    context.require_person()
    checked = _checked(request)
    secret = MARK + secrets.token_urlsafe(32)
    async with context.store.write(context.actor, context.clock()) as write:
        made = Token(
            number=write.before.revision + 1,
            name=checked.name,
            system=checked.system,
            role=checked.role,
            scopes=checked.scopes,
            lines=checked.lines,
            networks=checked.networks,
            made_by=write.actor,
            made_at=write.now,
            expires_at=write.now + checked.seconds,
        )
        await rows.add(write.connection, made, _digest(secret))
        write.audit("token.add", subject(made), after=_audited(made))
    return NewToken(made, secret)


def _checked(request: TokenRequest) -> TokenRequest:
    if not _NAME.fullmatch(request.name) or request.name in _OURS:
        message = f"no name of a token: {request.name[:64]!r}"
        remedy = "give the person's account on this system, or a name for the system, in lower case: billing"
        raise OperationError(message, remedy)
    if not request.system and request.role is TokenRole.OPERATOR and not is_account(request.name):
        message = f"{request.name} is no account of this system, so nobody can answer for its acts"
        raise OperationError(message, "name the person's own account, or add --system for a system")
    if not 0 < request.seconds <= MOST_DAYS * DAY:
        message = f"a token cannot be valid for {request.seconds} seconds"
        raise OperationError(message, f"give at most {MOST_DAYS} days, and make a new one before it expires")
    beyond = [each for each in request.scopes if each not in GRANTS[request.role]]
    if beyond:
        message = f"the role {request.role} does not allow {', '.join(beyond)}"
        raise OperationError(message, f"choose of: {', '.join(sorted(GRANTS[request.role]))}")
    return replace(
        request,
        scopes=tuple(sorted(set(request.scopes))),
        lines=input_values.text(request.lines, "beginning of ids", limit=128, required=False),
        networks=tuple(dict.fromkeys(map(input_values.prefix, request.networks))),
    )


async def list_tokens(context: Context) -> list[Token]:
    """Every token by number, those among them that hold no longer; of none the secret."""
    async with context.store.read() as connection:
        return await rows.all_tokens(connection)


async def revoke(context: Context, what: str, *, reason: str) -> tuple[Token, ...]:
    """End a token at once, by its number (``T-7``), or every one of a name. No restore brings it back."""
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        every = await rows.all_tokens(write.connection)
        named = [each for each in every if what.strip() in (reference(each), each.name)]
        if not named:
            message = f"there is no token {what.strip()[:64]!r}"
            raise UnknownError(message, "see those that exist: filterd token list")
        live = [each for each in named if not each.revoked_at]
        return tuple([await _revoke(write, each, because) for each in live])


async def end_again(context: Context, number: int, *, reason: str) -> bool:
    """Revoke the token with this number, which was revoked before a restore brought it back. False where
    there is nothing to revoke."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await rows.find(write.connection, number)
        if found is None or found.revoked_at:
            return False
        await _revoke(write, found, reason)
    return True


async def _revoke(write: Write, before: Token, reason: str) -> Token:
    await rows.revoke(write.connection, before.number, write.actor, write.now)
    write.end(REVOCATION, before.number)
    write.audit("token.revoke", subject(before), reason=reason, before=_audited(before))
    return replace(before, revoked_by=write.actor, revoked_at=write.now)


async def of_secret(context: Context, secret: str) -> Token | None:
    """The token of a secret that holds now; None for one that is unknown, expired, revoked or malformed.

    The lookup takes as long whatever the secret is: it compares digests, which nobody can choose. The use is
    noted to the day; where that cannot be done at once the call does not wait for it, and the next one notes
    it.
    """
    if not _SECRET.fullmatch(secret):
        return None
    with context.store.lookups() as lookups:
        found = rows.of_digest(lookups, _digest(secret))
    now = context.clock()
    if found is None or not found.holds(now):
        return None
    today = int(now // DAY)
    if found.used_day != today:
        await context.store.note_use(partial(rows.note_use, number=found.number, day=today))
    return found


async def still_holds(context: Context, shown: Token) -> Token | None:
    """The token that somebody showed before, as it is now; None for one that holds no longer, and where the
    number belongs to another one: a restored store gives numbers again."""
    async with context.store.read() as connection:
        found = await rows.find(connection, shown.number)
    if found is None or (found.name, found.made_at) != (shown.name, shown.made_at):
        return None
    return found if found.holds(context.clock()) else None


def acting(context: Context, token: Token) -> Context:
    """The context in which a token acts: its name is the actor."""
    maker = maker_beside(token)
    person = not token.system and is_account(token.name)
    return replace(
        context, actor=token.name, person=person, token_made_by=maker, begins=token.lines, way="api"
    )


def maker_beside(token: Token) -> str:
    """The maker of the token, where that is another: that person could have made a second one up by it."""
    return token.made_by if token.made_by != token.name else ""


def reference(token: Token) -> str:
    """The text by which people name a token."""
    return f"T-{token.number}"


def subject(token: Token) -> str:
    """The name of a token in the audit trail."""
    return f"token:{token.number}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _audited(token: Token) -> dict[str, Any]:
    return {
        "name": token.name,
        "system": token.system,
        "role": token.role.value,
        "scopes": list(token.scopes),
        "networks": len(token.networks),
        "limited": bool(token.lines),
        "expires_at": token.expires_at,
    }

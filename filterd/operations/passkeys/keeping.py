"""Passkeys as they are kept: listed with their tokens, and revoked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from filterd.model.passkey import Passkey
from filterd.model.token import DAY, Token
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError
from filterd.store import passkeys as rows
from filterd.store import tokens as token_rows
from filterd.store.ledger import PASSKEY_END
from filterd.store.store import Write
from filterd.telemetry import log


@dataclass(frozen=True, slots=True)
class ShownPasskey:
    """A passkey with its token."""

    passkey: Passkey
    token: Token
    state: str
    """valid, revoked, or ``token`` where its token holds no longer"""


async def list_passkeys(context: Context, token: int | None = None) -> list[ShownPasskey]:
    """Every passkey by number, or those of one token; those that hold no longer among them."""
    async with context.store.read() as connection:
        found = await rows.all_passkeys(connection, token)
        owners = {each.number: each for each in await token_rows.all_tokens(connection)}
    return [_shown(each, owners[each.token], context.clock()) for each in found]


def _shown(passkey: Passkey, token: Token, now: float) -> ShownPasskey:
    if passkey.revoked_at:
        return ShownPasskey(passkey, token, "revoked")
    return ShownPasskey(passkey, token, "valid" if token.holds(now) else "token")


async def valid_of(context: Context, token: Token, party: str) -> tuple[Passkey, ...]:
    """The passkeys of a token that hold for this host."""
    async with context.store.read() as connection:
        found = await rows.all_passkeys(connection, token.number)
    return tuple(each for each in found if not each.revoked_at and each.party == party)


async def still_hold(context: Context, shown: Collection[Passkey]) -> bool:
    """Return whether all of these, as they were when they were used, hold now. A restored store gives numbers
    again: one with the number of another is not that one."""
    if not shown:
        return True
    async with context.store.read() as connection:
        found = await rows.valid_among(connection, [each.number for each in shown])
    return {each.credential for each in found} == {each.credential for each in shown}


async def ever_had(context: Context, token: Token) -> bool:
    """Return whether the person of a token ever had a passkey, for any host and with any token."""
    async with context.store.read() as connection:
        return await rows.any_of_name(connection, token.name)


async def revoke(
    context: Context, what: str, *, reason: str, own: int | None = None, means: str = ""
) -> ShownPasskey:
    """End a passkey at once, by its number (``K-7``), with the sessions in which it was used. No restore
    brings it back. ``own``: only where it is of the token with this number. ``means``: ``token`` or the
    passkey by which its person confirmed that; empty: the way of the context."""
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await _named(write, what)
        if found is None or own not in (None, found.token):
            message = f"there is no passkey {what.strip()[:64]!r}"
            raise UnknownError(message, "see those that exist: filterd passkey list")
        if not found.revoked_at:
            found = await _revoke(write, found, because, means or context.way or "command")
        token = await token_rows.find(write.connection, found.token)
    if token is None:  # the foreign key forbids it
        message = "the token of the passkey is gone"
        raise UnknownError(message)
    return _shown(found, token, context.clock())


async def _named(write: Write, what: str) -> Passkey | None:
    mark, _, number = what.strip().partition("-")
    if mark != "K" or not number.isascii() or not number.isdecimal() or len(number) > 15:
        return None
    return await rows.find(write.connection, int(number))


async def end_again(context: Context, number: int, *, reason: str) -> bool:
    """Revoke the passkey with this number, which was revoked before a restore brought it back. False where
    there is nothing to revoke."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await rows.find(write.connection, number)
        if found is None or found.revoked_at:
            return False
        await _revoke(write, found, reason, "restore")
    return True


async def stop_cloned(context: Context, passkey: Passkey, *, told: int) -> None:
    """Revoke a passkey whose counter did not grow: somebody else has a copy of the key, and which of the two
    is its person's nobody can tell (WebAuthn Level 3, 6.1.1)."""
    async with context.store.write("web", context.clock()) as write:
        found = await rows.find(write.connection, passkey.number)
        if found is None or found.revoked_at:
            return
        reason = f"its counter went from {found.uses} to {told}: there are two of it"
        await _revoke(write, found, reason, "copy")
    log.get().warning("a passkey was used by two devices: it is revoked", passkey=reference(passkey))


async def _revoke(write: Write, before: Passkey, reason: str, means: str) -> Passkey:
    await rows.revoke(write.connection, before.number, write.actor, write.now, means)
    write.end(PASSKEY_END, before.number)
    after = {"with": means}
    write.audit("passkey.revoke", subject(before), reason=reason, before=audited(before), after=after)
    return replace(before, revoked_by=write.actor, revoked_at=write.now, revoked_with=means)


def reference(passkey: Passkey) -> str:
    """The text by which people name a passkey."""
    return f"K-{passkey.number}"


def subject(passkey: Passkey) -> str:
    """The name of a passkey in the audit trail."""
    return f"passkey:{passkey.number}"


def audited(passkey: Passkey) -> dict[str, Any]:
    """Its record in the audit trail: no key, no id of the device."""
    return {"token": passkey.token, "party": passkey.party, "with": passkey.made_with}


def plain_passkey(found: ShownPasskey) -> dict[str, Any]:
    """The passkey for JSON."""
    passkey = found.passkey
    return {
        "passkey": reference(passkey),
        "token": f"T-{found.token.number}",
        "name": found.token.name,
        "role": found.token.role.value,
        "host": passkey.party,
        "device": passkey.label,
        "state": found.state,
        "made_at": passkey.made_at,
        "made_with": passkey.made_with or None,
        "used_at": passkey.used_day * DAY if passkey.used_day else None,
        "revoked_at": passkey.revoked_at or None,
        "revoked_by": passkey.revoked_by or None,
        "revoked_with": passkey.revoked_with or None,
    }

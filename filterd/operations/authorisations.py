"""Persons whom the holder of a line authorised, each with a credential of their own.

A credential is 80 random bits behind the number of its authorisation, in groups that can be read aloud:
``12-K7QF-29XM-BADG-E4TH``. It is shown once; the store has its SHA-256 alone. Wrong ones are counted against
the number, and the fifth in a row locks it, so that nobody can try on. All refusals read alike.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

from filterd.model.subscriber import (
    MOST_FAILURES,
    AskerRole,
    Authorisation,
    AuthorisationState,
    RequestEvidence,
    Subscriber,
)
from filterd.operations import input_values, lines
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, NotAllowedError, OperationError, UnknownError
from filterd.store import consent as rows
from filterd.store import subscribers as subscriber_rows
from filterd.store.ledger import AUTHORISATION_END
from filterd.store.store import Write

DAY = 86_400
DEFAULT_DAYS, MOST_DAYS = 366, 1_827
MOST_PERSONS = 10
"""authorised persons of one line that hold at once"""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""without those that are taken for each other"""
_CREDENTIAL = re.compile(r"([0-9]{1,18})((?:[A-HJ-NP-Z2-9]{4}){4})")


@dataclass(frozen=True, slots=True)
class NewAuthorisation:
    """An authorisation with its credential, which is shown this once."""

    authorisation: Authorisation
    credential: str = field(repr=False)


async def add(
    context: Context,
    subscriber: str,
    person: str,
    *,
    reference: str,
    channel: str = "operator",
    seconds: int = DEFAULT_DAYS * DAY,
) -> NewAuthorisation:
    """Authorise a person for a line, as its holder asks by ``channel``, which ``reference`` records."""
    if not 0 < seconds <= MOST_DAYS * DAY:
        message = f"nobody can be authorised for {seconds} seconds"
        raise OperationError(message, f"give at most {MOST_DAYS} days; the holder can authorise anew then")
    named = input_values.text(person, "authorised person")
    way = input_values.text(channel, "channel", limit=32)
    document = input_values.text(reference, "reference of the holder's request")
    secret = "".join(secrets.choice(_LETTERS) for _ in range(16))
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        context.expected(found)
        await _require_room(write, found)
        made = Authorisation(
            number=write.before.revision + 1,
            line=found.line,
            person=named,
            channel=way,
            reference=document,
            made_by=write.actor,
            made_at=write.now,
            expires_at=write.now + seconds,
        )
        await rows.authorise(write.connection, made, _digest(made.number, secret))
        await _audit(write, "authorise", made)
    parts = (secret[start : start + 4] for start in range(0, 16, 4))
    return NewAuthorisation(made, "-".join((str(made.number), *parts)))


async def _require_room(write: Write, found: Subscriber) -> None:
    present = await rows.authorisations(write.connection, found.line)
    held = [each for each in present if each.state(write.now) is not AuthorisationState.REVOKED]
    if sum(each.state(write.now) is not AuthorisationState.EXPIRED for each in held) >= MOST_PERSONS:
        message = f"{MOST_PERSONS} persons are authorised for {found.id} already, the most there can be"
        raise ConflictError(message, f"end one with: filterd subscriber revoke {found.id} A-...")


async def list_authorisations(
    context: Context, subscriber: str
) -> tuple[Subscriber, tuple[Authorisation, ...]]:
    """A line and everybody who was authorised for it, those among them who are so no longer."""
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
        return found, tuple(await rows.authorisations(connection, found.line))


async def revoke(context: Context, subscriber: str, which: str, *, reason: str) -> Authorisation:
    """End an authorisation (``A-7``) at once. No restore brings it back."""
    because = input_values.text(reason, "reason", limit=1000)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        context.expected(found)
        for each in await rows.authorisations(write.connection, found.line):
            if each.reference_text == which.strip().upper():
                return each if each.revoked_at else await _revoke(write, each, because)
    message = f"{found.id} has no authorisation {which.strip()[:32]!r}"
    raise UnknownError(message, f"see those that exist: filterd subscriber authorisations {found.id}")


async def end_all(write: Write, line: int, reason: str) -> None:
    """End every authorisation of a line within a write."""
    for each in await rows.authorisations(write.connection, line):
        if not each.revoked_at:
            await _revoke(write, each, reason)


async def end_again(context: Context, number: int, *, reason: str) -> bool:
    """End the authorisation with this number, which was ended before a restore brought it back. False where
    there is nothing to end."""
    async with context.store.write(context.actor, context.clock()) as write:
        found = await rows.authorisation_at(write.connection, number)
        if found is None or found[0].revoked_at:
            return False
        await _revoke(write, found[0], reason)
    return True


async def proven(
    context: Context, subscriber: str, evidence: RequestEvidence, credential: str
) -> RequestEvidence:
    """The evidence, with the authorisation that the credential is of. Holders need none. Raises
    NotAllowedError where it is wrong, expired, locked or revoked; each wrong try is counted and recorded."""
    if context.authorisation and not credential:
        return await _signed_in(context, subscriber, evidence)
    if evidence.role is AskerRole.HOLDER:
        if credential:
            message = "a credential was given, and the holder is said to ask"
            raise OperationError(message, "say that the authorised person asks: the role is authorised")
        return evidence
    if not credential:
        message = "an authorised person proves it with a credential of their own"
        remedy = "give their credential; the holder authorises a person with: filterd subscriber authorise "
        raise OperationError(message, f"{remedy}{subscriber}")
    number, secret = _parts(credential)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        kept = await rows.authorisation_at(write.connection, number)
        mine = kept is not None and kept[0].line == found.line
        if kept is not None and mine and await _is_right(write, kept[0], kept[1], secret):
            return replace(evidence, authorisation=number)
        # Committed, though the request is refused: a try that left no trace could be repeated without end.
        failures = await _note_failure(write, kept[0]) if kept is not None and mine else 0
        after = {"authorisation": number if mine else 0, "failures": failures}
        write.audit("subscriber.credential_refused", lines.subject(found.line), after=after)
    message = "this credential does not authorise anybody for this line now"
    remedy = f"read it again; {MOST_FAILURES} wrong ones in a row lock it, and the holder authorises anew"
    raise NotAllowedError(message, remedy)


async def _signed_in(context: Context, subscriber: str, evidence: RequestEvidence) -> RequestEvidence:
    """The evidence of an authorised person who has signed in to the portal. Raises NotAllowedError where the
    authorisation holds no longer."""
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
        kept = await rows.authorisation_at(connection, context.authorisation)
    valid = kept is not None and kept[0].line == found.line
    if not valid or kept is None or kept[0].state(context.clock()) is not AuthorisationState.VALID:
        message = "you are not authorised for this line any more"
        raise NotAllowedError(message, "ask its holder to authorise you anew")
    return replace(evidence, role=AskerRole.AUTHORISED, authorisation=context.authorisation)


async def _is_right(write: Write, kept: Authorisation, digest: str, secret: str) -> bool:
    right = hmac.compare_digest(digest, _digest(kept.number, secret))
    if not right or kept.state(write.now) is not AuthorisationState.VALID:
        return False
    if kept.failures:
        await rows.note_failures(write.connection, kept.number, 0)
        await _audit(write, "credential_proven", replace(kept, failures=0))
    return True


async def _note_failure(write: Write, kept: Authorisation) -> int:
    failures = min(kept.failures + 1, MOST_FAILURES)
    await rows.note_failures(write.connection, kept.number, failures)
    if failures == MOST_FAILURES:
        write.end(AUTHORISATION_END, kept.number)  # a restore must not unlock it
    return failures


async def _revoke(write: Write, before: Authorisation, reason: str) -> Authorisation:
    await rows.revoke(write.connection, before.number, write.actor, write.now)
    write.end(AUTHORISATION_END, before.number)
    after = replace(before, revoked_by=write.actor, revoked_at=write.now)
    await _audit(write, "revoke", after, reason)
    return after


async def _audit(write: Write, action: str, made: Authorisation, reason: str = "") -> None:
    seal = (await subscriber_rows.seals(write.connection, (made.line,)))[made.line]
    shown: dict[str, Any] = {
        "authorisation": made.number,
        "expires_at": made.expires_at,
        "revoked_at": made.revoked_at,
        "person": input_values.sealed(seal, [made.person, made.channel, made.reference]),
    }
    write.audit(f"subscriber.{action}", lines.subject(made.line), reason=reason, after=shown)


def _parts(credential: str) -> tuple[int, str]:
    """Number and secret of a credential as somebody typed it; 0 for what is none."""
    found = _CREDENTIAL.fullmatch(re.sub(r"[\s-]", "", credential.upper()))
    # The secret has 16 characters whatever the number is, which has digits alone.
    return (int(found[1]), found[2]) if found else (0, "")


def _digest(number: int, secret: str) -> str:
    return hashlib.sha256(f"{number}-{secret}".encode()).hexdigest()

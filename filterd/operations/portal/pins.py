"""The PIN of a line: it stands for the holder towards those who are on the line, the children among them.

Wrong ones are counted for a line before they are looked at, so that tries at one moment count too. From the
fifth in a row on each closes the line's PIN for a while, which doubles up to an hour. All that is said and
done is the same for a line without a PIN.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from filterd.model.portal import PortalRole, PortalSession, SignInMethod
from filterd.model.subscriber import Subscriber
from filterd.operations import input_values, lines
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.notices import making
from filterd.operations.portal import ending, on_line, sessions
from filterd.operations.portal.acting import require_line
from filterd.operations.portal.keyed import portal_key
from filterd.operations.portal.pin_rules import LONGEST, SHORTEST, PinFaultError, checked, plain
from filterd.operations.portal.pin_work import of_key
from filterd.operations.portal.refusals import PinRefusedError
from filterd.operations.portal.sessions import SignedIn, SignInBasis
from filterd.operations.portal.state import ACTOR, PortalState
from filterd.operations.portal.tries import client_of, network_of
from filterd.store import pins as rows
from filterd.store import subscribers as subscriber_rows
from filterd.store.ledger import PIN_END
from filterd.store.pins import PinTries
from filterd.store.store import Write

__all__ = [
    "LONGEST",
    "SHORTEST",
    "PinFaultError",
    "checked",
    "choose",
    "first",
    "has_pin",
    "reset",
    "sign_in",
]

FREE_TRIES = 5
"""wrong ones in a row, of which the last closes the PIN"""
FIRST_WAIT, LONGEST_WAIT = 60.0, 3_600.0
"""seconds for which the fifth one closes it, and at most"""
TOLD_AT = (5, 10, 20, 40, 80)
"""wrong ones in a row at which the holder is told"""


def wait_after(failures: int) -> float:
    """Seconds for which so many wrong ones in a row close a PIN."""
    if failures < FREE_TRIES:
        return 0.0
    return min(FIRST_WAIT * 2.0 ** min(failures - FREE_TRIES, 16), LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class _Try:
    """A PIN that is tried, counted already."""

    line: int
    """0: on no line"""
    hashed: str
    """empty: there is none"""
    tries: PinTries


async def choose(
    portal: PortalState,
    context: Context,
    session: PortalSession,
    subscriber: str,
    pin: str,
    *,
    old: str = "",
) -> None:
    """Set or change the PIN of a line that has opted in. ``old``: the present one, which all but a holder or
    an organisation, signed in otherwise than by PIN, have to give. ``context``: as of ``acting``.

    Raises PinFaultError, PinRefusedError (``old`` is wrong), ConflictError (not opted in), TooManyTriesError.
    """
    digits, identifier = checked(pin), require_line(session, subscriber)
    async with portal.pins.turn():
        if not _is_free(session) and await has_pin(context, identifier):
            await _require_right(portal, context, identifier, old)
        async with context.store.read() as connection:
            line = (await lines.require(connection, identifier)).line
        hashed = await _hashed(portal, context, session, line, digits)
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, identifier)
        context.expected(found)
        lines.require_opted_in(found.choices, identifier)
        await _put(write, context, session, found, hashed)


async def first(
    portal: PortalState, context: Context, session: PortalSession, subscriber: str, pin: str
) -> lines.Also:
    """Hash the PIN of a line whose filter is about to be turned on. What is given back keeps it, within that
    write: the filter is on with its PIN, or not at all. ``context``: as of ``acting``.

    Raises PinFaultError, TooManyTriesError; what is given back PinRefusedError, where the line has a PIN that
    this session has to give first.
    """
    digits, identifier = checked(pin), require_line(session, subscriber)
    async with context.store.read() as connection:
        found = await lines.require(connection, identifier)
    async with portal.pins.turn():
        hashed = await _hashed(portal, context, session, found.line, digits)

    async def keep(write: Write, line: int) -> None:
        if not _is_free(session) and await rows.find(write.connection, line):
            raise PinRefusedError(0.0)
        await _put(write, context, session, found, hashed)

    return keep


async def _hashed(
    portal: PortalState, context: Context, session: PortalSession, line: int, digits: str
) -> str:
    """The hash of a PIN that is set, which counts. Raises TooManyTriesError."""
    portal.pins_set.take(f"{line} {session.by_pin}", context.clock())
    return await portal.pins.hash(line, digits)


def _is_free(session: PortalSession) -> bool:
    """True if it may change a PIN without giving the present one."""
    return session.role is not PortalRole.AUTHORISED and not session.by_pin


async def _put(
    write: Write, context: Context, session: PortalSession, found: Subscriber, hashed: str
) -> None:
    """Keep a PIN in the place of the one before, whose sessions end but this."""
    changed = bool(await rows.find(write.connection, found.line))
    await rows.put(write.connection, found.line, hashed, write.now)
    await rows.forget_tries(write.connection, found.line)
    await ending.end_pin_sessions(write, found.line, session)
    if changed:
        write.end(PIN_END, found.line)  # a restore must not bring the one before back
    write.audit("subscriber.pin_set", lines.subject(found.line), after={"changed": changed})
    await _tell(write, context, found, "pin_set")


async def _require_right(portal: PortalState, context: Context, subscriber: str, old: str) -> None:
    """Raise PinRefusedError unless ``old`` is the PIN of the line; it counts as a try."""
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
    tried = await _count(portal, context, found, "")
    if not await portal.pins.holds(tried.line, plain(old), tried.hashed):
        await _note_wrong(context, found, tried)
        raise PinRefusedError(tried.tries.closed_until - tried.tries.at)


async def sign_in(
    portal: PortalState, context: Context, address: str, port: int, pin: str, *, previous: str = ""
) -> SignedIn:
    """Sign in for ten minutes by the PIN of the line that the client's address is on.

    Raises PinRefusedError, with the same text and after the same work whether the address is on a line, and
    whether that has a PIN; TooManyTriesError.
    """
    found, client = await on_line.line_of_address(context, address, port), client_of(address)
    async with portal.trying(context), _turn(portal, context, found, client):
        tried = await _count(portal, context, found, client)
        right = await portal.pins.holds(tried.line, plain(pin), tried.hashed)
        if found is not None and tried.hashed and right:
            return await _let_in(context, found, tried.hashed, previous)
        if found is not None:
            await _note_wrong(context, found, tried)
        raise PinRefusedError(tried.tries.closed_until - tried.tries.at)


@asynccontextmanager
async def _turn(
    portal: PortalState, context: Context, found: Subscriber | None, client: str
) -> AsyncIterator[None]:
    """A turn, for a try that may be looked at: one that comes while the PIN is closed takes none, and nothing
    of the store's writer, so that whoever goes on trying keeps nobody else out. Raises PinRefusedError,
    TooManyTriesError."""
    now = context.clock()
    if found is None:
        _require_open(portal.pins.elsewhere.get(client, PinTries()), now)
        portal.pins.networks.take(network_of(client), now)
    else:
        async with context.store.read(here=True) as connection:
            _require_open(await rows.tries(connection, found.line), now)
    async with portal.pins.turn():
        yield


async def _let_in(context: Context, found: Subscriber, hashed: str, previous: str) -> SignedIn:
    async with context.store.write(ACTOR, context.clock()) as write:
        if await rows.find(write.connection, found.line) != hashed:
            raise PinRefusedError(0.0)  # it was changed, or taken off, meanwhile
        await rows.forget_tries(write.connection, found.line)
        basis = SignInBasis(PortalRole.HOLDER, SignInMethod.PIN)
        return await sessions.begin(write, (found,), basis, previous)


async def _count(portal: PortalState, context: Context, found: Subscriber | None, client: str) -> _Try:
    """Count a try as wrong until it is known to be right. Raises PinRefusedError while the PIN is closed."""
    now = context.clock()
    if found is None:
        tries = _one_more(portal.pins.elsewhere.get(client, PinTries()), now)
        portal.pins.note_elsewhere(client, tries)
        return _Try(0, "", tries)
    async with context.store.report() as connection:
        tries = _one_more(await rows.tries(connection, found.line), now)
        await rows.put_tries(connection, found.line, tries)
        return _Try(found.line, await rows.find(connection, found.line), tries)


def _one_more(before: PinTries, now: float) -> PinTries:
    _require_open(before, now)
    failures = before.failures + 1
    return PinTries(failures, now + wait_after(failures), now)


def _require_open(before: PinTries, now: float) -> None:
    """Raise PinRefusedError while a PIN is closed."""
    if 0 < before.closed_until - now <= LONGEST_WAIT:  # longer: the clock was set back meanwhile
        raise PinRefusedError(before.closed_until - now)


async def _note_wrong(context: Context, found: Subscriber, tried: _Try) -> None:
    """Record a wrong one; tell the holder of a line with a PIN at some of them."""
    failures = tried.tries.failures
    async with context.store.write(ACTOR, context.clock()) as write:
        write.audit("subscriber.pin_refused", lines.subject(found.line), after={"failures": failures})
        if tried.hashed and failures in TOLD_AT:
            await _tell(write, context, found, "pin_tries")
        if tried.hashed and failures == FREE_TRIES:
            write.end(PIN_END, found.line)  # a restore would forget the wrong ones


async def reset(context: Context, subscriber: str, *, reference: str, reason: str) -> bool:
    """Take the PIN off a line, at the holder's request to the provider, which ``reference`` records. The
    holder chooses another one when signed in. False: there was none."""
    because = input_values.text(reason, "reason", limit=1000)
    document = input_values.text(reference, "reference of the holder's request")
    async with context.store.write(context.actor, context.clock()) as write:
        found = await lines.require(write.connection, subscriber)
        context.expected(found)
        seal = (await subscriber_rows.seals(write.connection, (found.line,)))[found.line]
        gone = await ending.end_pin(write, found.line)
        after = {"removed": gone, "request": input_values.sealed(seal, [document])}
        write.audit("subscriber.pin_reset", lines.subject(found.line), reason=because, after=after)
        if gone:
            await _tell(write, context, found, "pin_reset")
    return gone


async def has_pin(context: Context, subscriber: str) -> bool:
    """Return whether a line has a PIN: for who is signed in to it, and for nobody else. One of a key that was
    lost is none: it opens nothing."""
    async with context.store.read() as connection:
        found = await lines.require(connection, subscriber)
        hashed = await rows.find(connection, found.line)
    try:
        return bool(hashed) and of_key(hashed, portal_key(context.settings))
    except OperationError:  # a damaged key: it may be put back
        return True


async def _tell(write: Write, context: Context, found: Subscriber, kind: str) -> None:
    facts = {"zone": found.choices.zone}
    await making.note_all(write, context.settings, [(found.line, kind, facts)])

"""The requests that a subscriber can make: opt-in, profile, zone, pause, own names.

Each function finds the subscriber under the write lock, makes the new choices out of the old ones, and
writes them with one change for the nodes and one audit entry (operations.lines). The audit trail has only
the line's number, and digests of what is personal.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import islice

from filterd.model.adjustments import UNADJUSTED
from filterd.model.bound import Bound, IdentityBound, PrefixBound, parse_bound
from filterd.model.changelog import LineChange
from filterd.model.line import MAX_PAUSE, LineChoices, OwnName, is_paused
from filterd.model.rule import Action, NameRule, Scope
from filterd.model.subscriber import RequestEvidence, Subscriber
from filterd.operations import authorisations, consent, filling, input_values, lines
from filterd.operations.bindings import bind
from filterd.operations.choices import settled
from filterd.operations.context import Context, OperationError
from filterd.operations.ends import STAYS, End
from filterd.operations.errors import ConflictError, UnknownError, UnknownLineError
from filterd.operations.policies import policies, profile
from filterd.operations.protection import denied, require_deniable
from filterd.operations.selection import Selection
from filterd.store import subscribers as rows
from filterd.store.errors import StoreDamagedError
from filterd.store.store import Write

MAX_OWN_NAMES = 500
"""own names of one line: each costs memory on every node"""
LONGEST_NAME = 366 * 86_400
"""seconds; an own name that ends later is one that stays"""
ENDED_AT_ONCE = 20
"""lines whose ended names are taken off in one go: others write in between"""
PAGE = 1_000


async def add(
    context: Context,
    subscriber: str,
    *,
    zone: str = "",
    prefixes: tuple[str, ...] = (),
    wide: bool = False,
) -> Subscriber:
    """Register a line, with its static prefixes. It asks for nothing yet: it sees mandatory blocking only.

    Without a ``zone`` its schedule runs in the installation's. ``wide``: prefixes wider than a line has are
    meant.
    """
    identifier = input_values.text(subscriber, "subscriber id", limit=128)
    async with context.store.write(context.actor, context.clock(), shared=True) as write:
        if await rows.find(write.connection, identifier) is not None:
            message = f"subscriber {identifier!r} exists already"
            raise ConflictError(message, f"see it with: filterd subscriber show {identifier}")
        line, seal = write.take_lines(1), secrets.token_hex(32)
        choices = LineChoices(line, zone=input_values.zone(zone or context.settings.zone))
        new = Subscriber(identifier, choices, (), write.now)
        await rows.add(write.connection, [(new, seal)])
        write.change(LineChange(new.choices))
        write.audit("subscriber.add", lines.subject(line), after=lines.audited(new.choices, seal))
        wanted = dict.fromkeys(prefixes)
        bound = [await bind(write, line, each, wide=wide, begins=context.begins) for each in wanted]
    return replace(new, bindings=tuple(sorted(bound)))


async def show(context: Context, subscriber: str) -> Subscriber:
    """One subscriber with choices and bindings."""
    async with context.store.read() as connection:
        return await lines.require(connection, subscriber)


async def list_subscribers(
    context: Context, *, wanted: Selection | None = None, after: str = "", limit: int | None = None
) -> AsyncIterator[Subscriber]:
    """The wanted subscribers (all, if none are named) by id, from behind the id ``after``, at most ``limit``;
    in pages, each a short read."""
    chosen = wanted or Selection()
    filters = chosen.filters(context)
    left = sys.maxsize if limit is None else limit
    while left > 0:
        size = min(PAGE, left) if chosen.exact else PAGE
        async with context.store.read() as connection:
            some = await rows.page(connection, after=after, limit=size, wanted=filters)
        for each in islice(filter(chosen.holds, some), left):
            left -= 1
            yield each
        if len(some) < size:
            return
        after = some[-1].id


async def count(context: Context, wanted: Selection | None = None) -> dict[str, int]:
    """The wanted subscribers by state: opted_in, paused, not_opted_in."""
    chosen, now = wanted or Selection(), context.clock()
    if chosen.exact:
        async with context.store.read() as connection:
            return await rows.count(connection, now, chosen.filters(context))
    found = {"opted_in": 0, "paused": 0, "not_opted_in": 0}
    async for each in list_subscribers(context, wanted=chosen):
        choices = each.choices
        state = "paused" if is_paused(choices.paused_until, int(now)) else "opted_in"
        found[state if choices.opted_in else "not_opted_in"] += 1
    return found


async def opt_in(
    context: Context,
    subscriber: str,
    profile_id: str,
    evidence: RequestEvidence,
    *,
    credential: str = "",
    also: lines.Also | None = None,
    accept_empty: bool = False,
) -> Subscriber:
    """Turn the restriction on, at the subscriber's request, with the evidence of it (R13). A line that had
    opted in already keeps its adjustments as :func:`set_profile` does; another one begins without any.

    ``credential``: that of an authorised person, who needs one. Shared evidence that waits for the line is
    dropped: it has evidence of its own now. ``also``: what is kept with it or not at all, as the first PIN.
    ``accept_empty``: go on though a category of the profile has lists, and none of them was ever read
    (``filling.EmptyCategoriesError``); the audit entry names it.
    """
    documents = policies(context)
    chosen = profile(documents, profile_id)
    noted = await filling.require_read(context, documents, chosen, accept_empty=accept_empty)

    def step(old: LineChoices, _: float) -> LineChoices:
        adjustments = settled(old.adjustments, chosen, documents) if old.opted_in else UNADJUSTED
        return replace(old, opted_in=True, profile=chosen.id, paused_until=0, adjustments=adjustments)

    evidence = consent.shown(context, lines.checked(evidence, context.clock()))
    evidence = await authorisations.proven(context, subscriber, evidence, credential)

    async def settle(write: Write, line: int) -> None:
        await consent.require_fresh(write, line, evidence)
        await consent.keep_text(context, write, evidence.text_version)
        await consent.drop_pending(write, line)
        if also is not None:
            await also(write, line)

    return await lines.update(
        context, subscriber, "opt_in", step, evidence=evidence, also=settle, noted=noted
    )


async def opt_out(
    context: Context,
    subscriber: str,
    *,
    reason: str = "",
    evidence: RequestEvidence | None = None,
    credential: str = "",
) -> Subscriber:
    """Turn it off, at once and without condition. Adjustments end with it, the PIN, and shared evidence that
    waits for the line. Own block names stay: they need no profile. ``evidence`` is welcome and not required:
    where it cannot be taken, as that of an authorised person without the right ``credential``, it is left
    away, and the trail says why."""
    because = input_values.text(reason, "reason", required=False)
    if evidence is not None:
        try:
            evidence = lines.checked(evidence, context.clock())
            evidence = await authorisations.proven(context, subscriber, evidence, credential)
        except OperationError as error:
            because = f"{because}; evidence left away: {error}".removeprefix("; ")
            evidence = None
    return await lines.update(
        context,
        subscriber,
        "opt_out",
        lambda old, _: replace(
            old, opted_in=False, profile="", meaning=0, paused_until=0, adjustments=UNADJUSTED
        ),
        reason=because,
        evidence=evidence,
        also=consent.end_rest,
    )


async def set_profile(
    context: Context, subscriber: str, profile_id: str, *, accept_empty: bool = False
) -> Subscriber:
    """Change the profile of a line that has opted in. Its own choices stay where they still say something
    against the new profile; its plan, holidays and closings stay. ``accept_empty``: see :func:`opt_in`."""
    documents = policies(context)
    chosen = profile(documents, profile_id)
    noted = await filling.require_read(context, documents, chosen, accept_empty=accept_empty)

    def step(old: LineChoices, _: float) -> LineChoices:
        lines.require_opted_in(old, subscriber)
        return replace(old, profile=chosen.id, adjustments=settled(old.adjustments, chosen, documents))

    return await lines.update(context, subscriber, "set_profile", step, noted=noted)


async def accept_profile(context: Context, subscriber: str) -> Subscriber:
    """Take the announced change of the line's profile now, before its date (R17)."""

    def step(old: LineChoices, _: float) -> LineChoices:
        lines.require_opted_in(old, subscriber)
        return old

    return await lines.update(context, subscriber, "accept_profile", step)


async def pause(context: Context, subscriber: str, seconds: int = 0, *, until: str = "") -> Subscriber:
    """Suspend the profile for a while, or until a time; it comes back by itself. Own block names hold
    through it."""
    if not until and not 0 < seconds <= MAX_PAUSE:
        message = f"cannot pause for {seconds} seconds"
        if seconds < 0:
            message = "cannot pause until a time that is past"
        raise OperationError(message, f"pause for at most {MAX_PAUSE // 86400} days (7d), or opt out")

    def step(old: LineChoices, now: float) -> LineChoices:
        lines.require_opted_in(old, subscriber)
        return replace(old, paused_until=End(seconds, until).at(old.zone, now, MAX_PAUSE, "the pause"))

    return await lines.update(context, subscriber, "pause", step)


async def resume(context: Context, subscriber: str) -> Subscriber:
    """End a pause early."""
    return await lines.update(context, subscriber, "resume", lambda old, _: replace(old, paused_until=0))


async def set_zone(context: Context, subscriber: str, zone: str) -> Subscriber:
    """The time zone in which the line's schedule runs."""
    known = input_values.zone(zone)
    return await lines.update(context, subscriber, "set_zone", lambda old, _: replace(old, zone=known))


async def leave_security(
    context: Context, subscriber: str, *, left: bool = True, reason: str = ""
) -> Subscriber:
    """Leave the operator's own security blocking, or come back to it. No restore ends a leave."""
    return await lines.update(
        context, subscriber, "leave_security", lambda old, _: replace(old, security_left=left), reason=reason
    )


async def allow(
    context: Context, subscriber: str, name: str, scope: Scope = Scope.SUBTREE, *, end: End = STAYS
) -> Subscriber:
    """Let a name, or the site of a URL, through that the profile or security blocks. Never lifts an order or
    a mandatory list."""
    own = OwnName(input_values.site(name), Action.ALLOW, scope)
    return await _own(context, subscriber, "allow", own, end)


async def deny(
    context: Context, subscriber: str, name: str, scope: Scope = Scope.SUBTREE, *, end: End = STAYS
) -> Subscriber:
    """Block a name, or the site of a URL, on the line's request (LMTR 191): needs no profile, holds through
    a pause. Refuses what would block a protected name."""
    own = OwnName(input_values.site(name), Action.BLOCK, scope)
    require_deniable(NameRule(own.name, own.scope), policies(context).protected)
    return await _own(context, subscriber, "deny", own, end)


async def protected_own_names(context: Context, subscriber: Subscriber) -> tuple[str, ...] | None:
    """Own block names of the line, stored before they were refused, that block something protected. None
    where the policies have errors: nobody knows what is protected."""
    blocked = [each for each in subscriber.choices.own_names if each.action is Action.BLOCK]
    if not blocked:
        return ()
    try:
        protected = policies(context).protected
    except OperationError:
        return None
    return tuple(each.name for each in blocked if denied(NameRule(each.name, each.scope), protected))


def unbound(context: Context, subscriber: Subscriber) -> tuple[str, ...]:
    """The ways by which queries of the household are not known as the line's, for want of a binding.

    An identity covers all queries that come with it, and sessions those of addresses that move."""
    if _has_sessions(context):
        return ()
    if not subscriber.bindings:
        return ("no prefix is bound: no query is known as this line's, and its choices do nothing",)
    bounds = [parse_bound(each) for each in subscriber.bindings]
    covered = (isinstance(each, IdentityBound) or _is_ipv6(each) for each in bounds)
    if not any(covered):
        return ("no IPv6 prefix is bound: a household with IPv6 asks over it too, and bypasses its choices",)
    return ()


def nowhere(context: Context, subscriber: Subscriber) -> bool:
    """Return whether no query can be known as the line's, so that its choices do nothing."""
    return not subscriber.bindings and not _has_sessions(context)


def _has_sessions(context: Context) -> bool:
    accounting = context.settings.accounting
    return accounting.radius is not None or bool(accounting.leases)


def _is_ipv6(bound: Bound) -> bool:
    return isinstance(bound, PrefixBound) and bound.network.version == 6


async def _own(context: Context, subscriber: str, action: str, own: OwnName, end: End) -> Subscriber:
    if own.scope is Scope.BELOW:
        message = "an own name cannot hold only for what is below it"
        raise OperationError(message, "choose one of: exact, subtree")

    def step(old: LineChoices, now: float) -> LineChoices:
        present = [each for each in old.own_names if not each.ended(now)]
        others = [each for each in present if each.name != own.name]
        if end != STAYS:
            _require_not_lost(present, own, subscriber)
        if len(others) >= MAX_OWN_NAMES:
            message = f"the line has {len(others)} own names already, the most there can be"
            raise ConflictError(message, "remove one with: filterd subscriber remove")
        new = replace(own, until=end.at(old.zone, now, LONGEST_NAME, f"the own name {own.name}"))
        return replace(old, own_names=tuple(sorted((*others, new), key=lambda each: each.name)))

    return await lines.update(context, subscriber, action, step)


def _require_not_lost(present: Sequence[OwnName], own: OwnName, subscriber: str) -> None:
    """Refuse a name with an end that would take the place of the opposite one: that would not come back."""
    for each in present:
        if each.name == own.name and each.action is not own.action:
            message = f"{own.name} is an own name of the line already ({each.action.word}), and would be lost"
            remedy = f"take it off first: filterd subscriber remove {subscriber} {own.name}"
            raise OperationError(message, f"{remedy}; it does not come back by itself")


async def remove(context: Context, subscriber: str, name: str) -> Subscriber:
    """Take a name off the line's own names, whether it was allowed or denied."""
    gone = input_values.site(name)

    def step(old: LineChoices, _: float) -> LineChoices:
        left = tuple(each for each in old.own_names if each.name != gone)
        if left == old.own_names:
            known = ", ".join(each.name for each in old.own_names) or "none"
            message = f"{gone} is not among the line's own names"
            raise UnknownError(message, f"the line's own names: {known}")
        return replace(old, own_names=left)

    return await lines.update(context, subscriber, "remove", step)


async def end_names(context: Context) -> int:
    """Take off the own names whose end has passed, of at most :data:`ENDED_AT_ONCE` lines: the number of
    those. A damaged line keeps no other waiting; its error is raised after all."""
    damaged: StoreDamagedError | None = None
    ended = 0
    async with context.store.read() as connection:
        found = await rows.with_ended_names(connection, context.clock(), ENDED_AT_ONCE)
    for subscriber in found:
        try:
            await lines.update(context, subscriber, "own_name_ended", _without_ended)
            ended += 1
        except StoreDamagedError as error:
            damaged = error
        except UnknownLineError:
            continue  # erased meanwhile
    if damaged is not None:
        raise damaged
    return ended


def _without_ended(old: LineChoices, now: float) -> LineChoices:
    return replace(old, own_names=tuple(each for each in old.own_names if not each.ended(now)))

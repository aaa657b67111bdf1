"""Keeps what each profile means, and lets a change of it wait for 30 days where lines have the profile (R17).

A change is noted when a snapshot is built of it. From then on lines that choose the profile get the new
meaning at once; those that had it are told, and get it at its date, or when they accept it. The names in a
category or a service are no meaning; neither is an order, which is never delayed.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from filterd.model.profile_meaning import ALL_TOLD, NEVER, Meaning, Meanings
from filterd.operations import input_values, lines
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, UnknownError, UnknownLineError
from filterd.operations.nearest import did_you_mean
from filterd.operations.notices.making import new_notices
from filterd.operations.notices.texts import Wording
from filterd.operations.orders import people
from filterd.policy.documents import Policies, Text
from filterd.policy.resolve import rules_of, to_meta
from filterd.store import meanings as rows
from filterd.store import notices as notice_rows
from filterd.store.store import Write

SETTLED_AT_ONCE = 20
"""lines of one go, each with a transaction of its own"""
TOLD_AT_ONCE = 500
"""lines that are told in one transaction"""
_KINDS = ("categories", "services", "safe_search", "bypass")


@dataclass(frozen=True, slots=True)
class MeaningChange:
    """A meaning of a profile beside the one that it takes the place of."""

    meaning: Meaning
    difference: dict[str, Any]
    lines: int
    """those that have the profile"""


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change with its difference in words."""

    change: MeaningChange
    words: Text
    in_force: bool


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The difference of two meanings in facts, as a notice has them."""
    pairs = [(kind, set(before[kind]), set(after[kind])) for kind in _KINDS]
    return {
        "closed": [[kind, each] for kind, old, new in pairs for each in sorted(new - old)],
        "opened": [[kind, each] for kind, old, new in pairs for each in sorted(old - new)],
        "hours": before["schedule"] != after["schedule"],
        "mode": before["blocking_mode"] != after["blocking_mode"],
    }


async def note(context: Context, documents: Policies, kept: Sequence[str]) -> None:
    """Note every profile whose meaning is another than the newest known. ``kept``: profiles that lost much of
    their rules, which no person has accepted."""
    async with context.store.read() as connection:
        known = await rows.known(connection)
    wanted = {each.id: to_meta(rules_of(each, documents.bypass)) for each in documents.profiles}
    changed = [
        each
        for each, rules in wanted.items()
        if each not in kept and (each not in known or known[each].known[-1].rules != rules)
    ]
    if not changed:
        return
    async with context.store.write(context.actor, context.clock()) as write:
        known = await rows.known(write.connection)
        for each in changed:
            await _note_one(write, each, wanted[each], known.get(each), context)


async def _note_one(
    write: Write, profile: str, rules: dict[str, Any], known: Meanings | None, context: Context
) -> None:
    now, number, at = write.now, 1, 0.0
    told_to = ALL_TOLD
    if known is not None:
        if known.known[-1].rules == rules:
            return
        number, at = known.known[-1].number + 1, now
        if rules == known.effective(now).rules:  # back to what most lines have: what was announced is off
            for each in known.pending(now):
                await rows.save(write.connection, replace(each, takes_effect_at=NEVER, told_to=ALL_TOLD))
        if await rows.has_lines(write.connection, profile):
            at, told_to = now + context.settings.notices.profile_changes, 0
    await rows.add(write.connection, Meaning(profile, number, rules, now, at, told_to))
    write.audit("profile.meaning", f"profile:{profile}", after={"number": number, "takes_effect_at": at})


async def changes(context: Context) -> list[MeaningChange]:
    """The changes that are announced and have not taken effect, by profile and date."""
    now = context.clock()
    async with context.store.read() as connection:
        known = await rows.known(connection)
        found = []
        for profile, meanings in sorted(known.items()):
            before, lines = meanings.effective(now), await rows.has_lines(connection, profile)
            for each in meanings.pending(now):
                found.append(MeaningChange(each, difference(before.rules, each.rules), lines))
                before = each
    return found


async def changes_in_words(context: Context) -> list[ShownChange]:
    """As :func:`changes`, in words."""
    return [_in_words(context, each) for each in await changes(context)]


def _in_words(context: Context, change: MeaningChange) -> ShownChange:
    words = Wording(context).difference(change.difference)
    return ShownChange(change, words, change.meaning.takes_effect_at <= context.clock())


async def hasten(context: Context, profile: str, *, reason: str) -> ShownChange:
    """Let a change take effect at once, where two people say so: one that mends a mistake. With one approval
    (``orders.approvals: 1``) a single person does."""
    context.require_person()
    people.require_own(context, context.settings.orders.approvals)
    because = input_values.text(reason, "reason")
    async with context.store.write(context.actor, context.clock()) as write:
        known = await rows.known(write.connection)
        meanings = known.get(profile.strip())
        waiting = () if meanings is None else meanings.pending(write.now)
        if meanings is None or not waiting:
            guess = did_you_mean((profile,), known)
            message = f"no change of the profile {profile.strip()[:64]!r} waits"
            raise UnknownError(message, f"{guess}see those that do with: filterd profile changes")
        before, last = meanings.effective(write.now), waiting[-1]
        asked = last.hasten_by
        if asked and context.person_of(asked) == context.human:
            message = f"{asked} asked for it already; another person has to"
            raise ConflictError(message, f"filterd profile hasten {last.profile} --reason ...")
        done = bool(asked) or context.settings.orders.approvals == 1
        hastened = replace(last, hasten_by=context.actor, hasten_reason=because)
        if done:
            hastened = replace(hastened, takes_effect_at=write.now, told_to=0)
        await rows.save(write.connection, hastened)
        action = "profile.hasten" if done else "profile.hasten_asked"
        write.audit(action, f"profile:{last.profile}", reason=because, after={"number": last.number})
        lines = await rows.has_lines(write.connection, last.profile)
    return _in_words(context, MeaningChange(hastened, difference(before.rules, hastened.rules), lines))


async def tell(context: Context) -> int:
    """Make the notices of changes for at most :data:`TOLD_AT_ONCE` lines: their number."""
    async with context.store.read() as connection:
        known = await rows.known(connection)
    for meanings in known.values():
        for before, each in zip(meanings.known, meanings.known[1:], strict=False):
            if each.told_to != ALL_TOLD:
                return await _tell_some(context, before, each)
    return 0


async def _tell_some(context: Context, before: Meaning, meaning: Meaning) -> int:
    now = context.clock()
    changed = meaning.takes_effect_at <= now
    differs = difference(before.rules, meaning.rules)
    facts: dict[str, Any] = {"profile": meaning.profile, "difference": differs}
    if not changed:
        facts["day"] = meaning.takes_effect_at
    kind = "profile_changed" if changed else "profile_changes"
    async with context.store.report() as connection:
        lines = await rows.to_tell(connection, meaning, TOLD_AT_ONCE)
        found = [(line, kind, {**facts, "zone": zone}) for line, zone in lines]
        new = new_notices(context.settings, found, lambda: secrets.token_hex(12))
        await notice_rows.add(connection, new, now)
        told_to = lines[-1][0] if len(lines) == TOLD_AT_ONCE else ALL_TOLD
        await rows.save(connection, replace(meaning, told_to=told_to))
    return len(lines)


async def settle_early(context: Context) -> int:
    """Put lines that accepted a meaning early among all others, once it holds for everybody: at most
    :data:`SETTLED_AT_ONCE`, their number. Their policy stays the same."""
    now = context.clock()
    async with context.store.read() as connection:
        known = await rows.known(connection)
        held = {profile for profile, _ in await rows.in_use(connection)}
        found = [
            identifier
            for profile in sorted(held & known.keys())
            for identifier in await rows.early(connection, known[profile].effective(now), SETTLED_AT_ONCE)
        ][:SETTLED_AT_ONCE]
    for each in found:
        with contextlib.suppress(UnknownLineError):  # erased meanwhile
            await lines.update(context, each, lines.SETTLED, lambda old, _: replace(old, meaning=0))
    return len(found)

"""The meanings of profiles in a snapshot: what most lines have, and what some have accepted early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.profile_meaning import Meanings
from filterd.operations import meanings as meaning_acts
from filterd.operations.context import Context
from filterd.operations.lost_rules import AcceptedLoss, guarded
from filterd.policy import losses
from filterd.policy.documents import Policies
from filterd.store import meanings as rows
from filterd.store import subscribers


async def note(
    context: Context, documents: Policies, in_force: Mapping[str, Any], accepted: AcceptedLoss
) -> None:
    """Note what the profiles mean now, except those that keep their rules since they lost much. Raises
    OperationError where nothing is there to be accepted."""
    async with context.store.read() as connection:
        used = await subscribers.profiles_in_use(connection)
        known = await rows.known(connection)
    before = compared(in_force, known)
    guarded(documents, before, used, accepted)
    lost = losses.between(documents, before, used).profiles
    kept = [each for each in lost if each not in accepted.profiles]
    await meaning_acts.note(context, documents, kept)


def compared(in_force: Mapping[str, Any], known: Mapping[str, Meanings]) -> dict[str, Any]:
    """The meta that files are compared with: it has each profile in its newest meaning, which may be
    announced only."""
    return {**in_force, "profiles": {**in_force.get("profiles", {}), **newest(known)}}


async def in_snapshot(connection: AsyncConnection, now: float) -> dict[str, dict[str, Any]]:
    """The rules that a snapshot made at ``now`` has under each name: every profile as most lines have it, and
    each further meaning that some line has, or may choose. Times of no meaning are in it."""
    known = await rows.known(connection)
    found = {profile: meanings.effective(now).rules for profile, meanings in known.items()}
    for meanings in known.values():
        if meanings.to_accept(now):
            found[meanings.known[-1].key] = meanings.known[-1].rules
        found |= {each.key: each.rules for each in meanings.pending(now)}
    for profile, number in await rows.in_use(connection):
        if profile in known:
            held = known[profile].of_line(number, now)
            found[replace(held, number=number).key] = held.rules
    return found


def newest(known: Mapping[str, Meanings]) -> dict[str, dict[str, Any]]:
    """The newest meaning of each profile: what its file is compared with."""
    return {profile: meanings.known[-1].rules for profile, meanings in known.items()}

"""Finds the categories that close nothing: those without any list, and those whose lists were never read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.feeds import adoption
from filterd.operations.policies import policies
from filterd.policy.documents import Policies, Profile
from filterd.policy.unread_categories import never_read
from filterd.store import feeds as feed_rows

ACCEPTED = "accepted_empty"
"""the key of an audit entry with the unread categories that a line was opted in with all the same"""
REMEDY = (
    "see why: filterd feed list; read them: filterd feed update; to go on all the same: --accept-empty"
    " (accept_empty in the API), which the audit trail keeps"
)


class EmptyCategoriesError(ConflictError):
    """A profile is chosen of whose categories one is not in force, for none of its lists was ever read."""


@dataclass(frozen=True, slots=True)
class Unfilled:
    """Categories of which nothing is in force."""

    unlisted: tuple[str, ...] = ()
    """no feed in force fills them"""
    unread: tuple[str, ...] = ()
    """they have lists, and none of them was ever read"""
    tried: tuple[str, ...] = ()
    """those of the unread ones whose lists were all tried: a pass over the feeds has ended without one"""


async def unfilled(context: Context, documents: Policies, wanted: Iterable[str]) -> Unfilled:
    """Those of the wanted categories of which nothing is in force, as the store is now."""
    ids = frozenset(wanted)
    if not ids:
        return Unfilled()
    async with context.store.read() as connection:
        found = adoption.combined(documents, await adoption.definitions(connection)).policies
        current = await feed_rows.current(connection)
        checks = await feed_rows.checks(connection)
    unread = never_read(found, current) & ids
    untried = {each.category for each in found.feeds if each.id not in checks and not each.observe}
    return Unfilled(found.empty_categories(ids), tuple(sorted(unread)), tuple(sorted(unread - untried)))


async def empty_categories(context: Context, wanted: Iterable[str]) -> tuple[str, ...]:
    """Those of the wanted categories that no feed in force fills, and those whose lists were tried and never
    read."""
    found = await unfilled(context, policies(context), wanted)
    return tuple(sorted({*found.unlisted, *found.tried}))


async def require_read(
    context: Context, documents: Policies, chosen: Profile, *, accept_empty: bool
) -> dict[str, list[str]]:
    """Refuse a profile with a category of which no list was read, unless that is accepted. Returns what the
    audit entry of the choice says of it. Before a pass over the feeds has ended, nothing is refused."""
    unread = (await unfilled(context, documents, chosen.every_category)).tried
    if unread and not accept_empty:
        raise EmptyCategoriesError(refusal(chosen.id, unread), REMEDY)
    return {ACCEPTED: [*unread]} if unread else {}


def refusal(profile: str, unread: Iterable[str]) -> str:
    """The reason why a profile is not chosen."""
    return (
        f"the profile {profile} restricts categories of which no list was ever read: {', '.join(unread)};"
        " until one is read, its lines get what dns.parental_fail says; a profile that was in force without"
        " them stays as it was"
    )


async def told(context: Context, documents: Policies, chosen: Profile) -> list[str]:
    """The sentences on the categories of a profile of which nothing is in force."""
    found = await unfilled(context, documents, chosen.every_category)
    sentences = []
    if found.unread:
        sentences.append(f"not in force: {refusal(chosen.id, found.unread)}")
    if found.unlisted:
        listed = ", ".join(found.unlisted)
        sentences.append(f"empty: nothing is listed yet of {listed}, so nothing is closed there")
    return sentences

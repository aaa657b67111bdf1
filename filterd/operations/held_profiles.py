"""The policies as one line has them: its profile in the meaning that holds there, whatever its file says.

A change of a profile is announced, and takes effect later for lines that have it (``operations.meanings``).
Until then a page that took the profile from its file would say that something is closed which is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from filterd.model.line import LineChoices
from filterd.model.profile_meaning import Meanings
from filterd.operations.context import Context
from filterd.operations.kept_meanings import read_meanings
from filterd.operations.policies import policies
from filterd.policy.documents import Policies, Profile
from filterd.policy.resolve import from_meta


async def policies_held(context: Context, choices: LineChoices) -> Policies:
    """The policies, with the profile of these choices as the line has it now. Raises OperationError."""
    documents = policies(context)
    if not choices.opted_in:
        return documents
    return as_held(documents, choices, await meanings_known(context), context.clock())


async def meanings_known(context: Context) -> Mapping[str, Meanings]:
    """The meanings of every profile, as the process keeps them or else as the store has them."""
    return await (context.kept_meanings or read_meanings)(context.store)


def as_held(documents: Policies, choices: LineChoices, known: Mapping[str, Meanings], now: float) -> Policies:
    """The documents, with the profile of these choices in the meaning that holds for the line at ``now``.
    ``known``: the meanings of every profile; one that is not among them was never compiled."""
    meanings = known.get(choices.profile)
    if meanings is None:
        return documents
    held = from_meta(choices.profile, meanings.of_line(choices.meaning, now).rules)

    def as_line_has(found: Profile) -> Profile:
        if found.id != choices.profile:
            return found
        return replace(
            found,
            categories=held.categories,
            services=held.services,
            safe_search=held.safe_search,
            bypass=held.bypass,
            blocking_mode=held.mode,
            schedule=held.schedule,
        )

    return replace(documents, profiles=tuple(map(as_line_has, documents.profiles)))

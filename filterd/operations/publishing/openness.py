"""Tells which lists may be public: those in force, and not confidential, as store and policies have it now.

What lies in the directory of published lists says nothing of that: an edition stays there when its list
becomes confidential, or is retired.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from filterd.config.policies import PolicyPart
from filterd.config.settings import Settings
from filterd.model.change_chain import Cursor
from filterd.model.mandatory import label_of
from filterd.model.records import AdoptedFeed
from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.feeds import adoption
from filterd.operations.policies import part, policies
from filterd.policy.documents import Policies
from filterd.store import adoptions, change_log
from filterd.store import feeds as rows

LOOK_SECONDS = 0.5
"""between two looks at the files of the policies; a change in the store counts at once"""


@dataclass(frozen=True, slots=True)
class ListOpenness:
    """The lists that may be public, and those of which it is known that they must not."""

    open: frozenset[str]
    closed: frozenset[str]
    """confidential, or no more in force; a list that the store never knew is in neither"""
    confidential: frozenset[str]

    def label(self, identifier: str) -> str:
        """The id as it may be told in findings: opaque for a confidential list."""
        return label_of(identifier, confidential=identifier in self.confidential)


async def look(context: Context) -> ListOpenness:
    """The lists as of now. Raises OperationError where the store's record of a feed is damaged, StoreError
    where the store cannot be read: no list is open then."""
    documents, whole = await asyncio.to_thread(_documents, context)
    return await _judged(context, documents, whole=whole)


def _documents(context: Context) -> tuple[Policies, bool]:
    """The policies; where they have errors, the entries of feeds as far as they can be read, and False."""
    try:
        return policies(context), True
    except OperationError:
        read = part(context, PolicyPart.FEEDS)
    return (Policies() if read.problems else read.policies), not read.problems


async def _judged(context: Context, documents: Policies, *, whole: bool) -> ListOpenness:
    async with context.store.read() as connection:
        adopted = await adoptions.every(connection)
        current = frozenset(await rows.current(connection))
    return judged(documents, adopted, current, whole=whole)


def judged(
    documents: Policies, adopted: Mapping[str, AdoptedFeed], current: frozenset[str], *, whole: bool
) -> ListOpenness:
    """The openness of every list. ``current``: the lists that were read; ``whole``: every entry could be
    read, so that a list without one has none. Raises OperationError."""
    kept = [each.definition for each in adopted.values() if each.state in adoption.STANDING]
    found = adoption.combined(documents, kept).policies.feeds
    proposed = (*documents.feeds, *(each.feed for each in documents.ready))
    confidential = frozenset(each.id for each in (*found, *proposed) if each.confidential)
    in_force = frozenset(each.id for each in found)
    ended = frozenset(adopted) - in_force if whole else frozenset()
    return ListOpenness((in_force & current) - confidential, confidential | ended, confidential)


class KeptOpenness:
    """The openness of lists for a process that stays: judged again where the store has another revision, or
    the files of the policies changed, which is looked for every :data:`LOOK_SECONDS`. Owned by the event
    loop."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        """``ticks`` does not go back."""
        self._ticks = ticks
        self._lock = asyncio.Lock()
        self._found: ListOpenness | None = None
        self._head: Cursor | None = None
        self._settings: Settings | None = None
        self._looked_at = 0.0

    async def look(self, context: Context) -> ListOpenness:
        """The lists as of now; the head of the store is read each time. Raises as :func:`look` does."""
        async with context.store.read() as connection:
            _, head = await change_log.ends(connection)
        async with self._lock:
            tick = self._ticks()
            same = self._head == head and self._settings is context.settings
            if self._found is None or not same or tick - self._looked_at >= LOOK_SECONDS:
                self._found = None
                self._found = await look(context)
                self._head, self._settings, self._looked_at = head, context.settings, tick
            return self._found

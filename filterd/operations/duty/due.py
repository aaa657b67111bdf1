"""Everything that is due, on one screen: what runs out first stands first.

Each source gives its own items, and one that cannot be read is told instead of hiding the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from filterd.model.due_item import DueItem, DueKind
from filterd.operations.context import Context, OperationError
from filterd.operations.duty import due_orders, due_others
from filterd.store.errors import StoreError


@dataclass(frozen=True, slots=True)
class DueList:
    """All that is due at a moment."""

    at: float
    items: tuple[DueItem, ...]
    """overdue ones first, then by the time that is left"""
    troubles: tuple[str, ...] = ()
    """why some of it cannot be told"""

    @property
    def overdue(self) -> tuple[DueItem, ...]:
        """Those that are late."""
        return tuple(each for each in self.items if each.overdue(self.at))

    @property
    def counts(self) -> dict[str, int]:
        """Items by kind; every kind is there."""
        found = Counter(each.kind for each in self.items)
        return {kind.value: found[kind] for kind in DueKind}


Source = Callable[[Context], Awaitable[Sequence[DueItem]]]
SOURCES: tuple[Source, ...] = (
    due_orders.of_orders,
    due_others.requests,
    due_others.complaints,
    due_others.missing_effects,
    due_others.held_lists,
    due_others.held_registers,
    due_others.preservation_ends,
    due_others.roster,
    due_others.hand_overs,
    due_others.signatures,
    due_others.untaken_alarms,
)


async def everything(context: Context, *, within: float | None = None) -> DueList:
    """All that is due; with ``within`` (seconds) only what is late or due by then."""
    now, items, troubles = context.clock(), list[DueItem](), list[str]()
    for source in SOURCES:
        try:
            items += await source(context)
        except (OperationError, StoreError) as error:
            troubles.append(str(error).splitlines()[0])
    if within is not None:
        items = [each for each in items if each.due_at <= now + within]
    items.sort(key=lambda each: (each.due_at, each.kind.value, each.reference))
    return DueList(now, tuple(items), tuple(dict.fromkeys(troubles)))


def line_of(item: DueItem) -> str:
    """An item in one line, as a hand-over keeps it."""
    from filterd.operations.plain_values import moment

    return f"{item.kind.value} {item.reference} {moment(item.due_at)}"

"""Plans what becomes of the tickets of one answer, and holds a full list against what is blocked here.

A ticket whose sender may still cancel it waits. Its time counts from its making, or where that lies ahead of
our clock, from when we first saw it: no clock makes a ticket wait for longer than its hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from filterd.feed.registers.ticket_messages import Ticket

CANCELLABLE = 60.0
"""seconds for which the sender of a ticket may cancel it"""


@dataclass(frozen=True, slots=True)
class TicketPlan:
    """The fate of each ticket that is not done with."""

    take: tuple[Ticket, ...] = ()
    """the oldest first"""
    waiting: tuple[Ticket, ...] = ()
    """its sender may still cancel it"""
    lift: tuple[Ticket, ...] = ()
    """cancelled after it was taken: what it blocks is open again at once"""
    never: tuple[Ticket, ...] = ()
    """cancelled before it was taken"""
    next_at: float = 0.0
    """when the first of those that wait can be taken, Unix seconds; 0: none waits"""


def plan(
    tickets: Iterable[Ticket],
    taken: Collection[str],
    lifted: Collection[str],
    first_seen: Mapping[str, float],
    now: float,
    hold: float = CANCELLABLE,
) -> TicketPlan:
    """The plan. ``taken``, ``lifted``: ids of tickets that were taken here, and of those that were lifted
    again; ``first_seen``: when each was first seen, Unix seconds; ``hold``: seconds."""
    take, waiting, lift, never = [], [], [], []
    next_at = 0.0
    for each in sorted(tickets, key=lambda ticket: (ticket.made_at, ticket.id)):
        if each.id in taken:
            if each.cancelled and each.id not in lifted:
                lift.append(each)
        elif each.cancelled:
            never.append(each)
        elif (ripe_at := min(each.made_at, first_seen.get(each.id, now)) + hold) > now:
            waiting.append(each)
            next_at = min(next_at or ripe_at, ripe_at)
        else:
            take.append(each)
    return TicketPlan(tuple(take), tuple(waiting), tuple(lift), tuple(never), next_at)


@dataclass(frozen=True, slots=True)
class FullComparison:
    """A full list against what is blocked here for the register."""

    missing: tuple[str, ...]
    """listed there, not blocked here: it is taken"""
    absent: tuple[str, ...]
    """blocked here, not listed there: it is told and stays, since a list that broke off looks the same"""
    left_open: tuple[str, ...] = ()
    """opened by unblocks that were cancelled since, and not listed there: it is told and stays open"""
    taken_back: tuple[str, ...] = ()
    """ids of those unblocks, and of others of their kind"""


def compare(ours: Collection[str], full: Collection[str], beside: Collection[str] = ()) -> FullComparison:
    """The comparison, sorted. ``beside``: entries of tickets that wait or were cancelled, which a full list
    must not bring in before their ticket does."""
    mine, theirs = set(ours), set(full)
    return FullComparison(tuple(sorted(theirs - mine - set(beside))), tuple(sorted(mine - theirs)))

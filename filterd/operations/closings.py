"""Closes a line for a stretch that comes once and ends by itself, and opens it again before that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from filterd.model.adjustments import MOST_ONCE
from filterd.model.line import LineChoices
from filterd.model.slot import OneSlot
from filterd.model.subscriber import Subscriber
from filterd.operations import lines
from filterd.operations.context import Context
from filterd.operations.ends import DAY, End, moment
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.nearest import MOST_GUESSED, nearest
from filterd.operations.plan_file import childrens_things
from filterd.operations.policies import policies
from filterd.policy.documents import Policies

LONGEST = 7 * DAY
"""seconds of one closing"""
FURTHEST = 366 * DAY
"""seconds ahead at which one may begin"""


@dataclass(frozen=True, slots=True)
class Closed:
    """The things that a closing closes, as typed."""

    everything: bool = False
    """all but what an order, a protected name or an always-allowed group leaves open"""
    childrens: bool = False
    """children's things (``plan_file.childrens_things``)"""
    categories: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


async def close(
    context: Context, subscriber: str, closed: Closed, end: End, *, begin: str = ""
) -> tuple[Subscriber, OneSlot]:
    """Close these things on a line, from now or ``begin`` until the end, and then no more."""
    what = _slot(closed, policies(context))
    made: list[OneSlot] = []

    def step(old: LineChoices, now: float) -> LineChoices:
        lines.require_opted_in(old, subscriber)
        starts = moment(begin, old.zone, now, "the begin") if begin else int(now)
        if not now - 1 < starts <= now + FURTHEST:
            message = f"the begin lies in the past, or more than {FURTHEST // DAY} days ahead: {begin[:64]}"
            raise OperationError(message, "give a later time, or leave --from out to close now")
        new = replace(what, begin=starts, end=end.at(old.zone, starts, LONGEST, "the closing"))
        kept = lines.present_closings(old.adjustments, now)
        made.append(new)
        if new in kept:
            return old
        if len(kept) >= MOST_ONCE:
            message = f"the line has {len(kept)} closings already, the most there can be"
            raise ConflictError(message, f"take them off with: filterd subscriber open {subscriber} --all")
        return _with(old, (*kept, new))

    return await lines.update(context, subscriber, "close", step), made[0]


async def reopen(context: Context, subscriber: str, *, coming: bool = False) -> tuple[Subscriber, int]:
    """End the closings that run, and with ``coming`` take off those that have not begun; with their
    number."""
    ended: list[OneSlot] = []

    def step(old: LineChoices, now: float) -> LineChoices:
        there = lines.present_closings(old.adjustments, now)
        ended[:] = [each for each in there if coming or each.begin <= now]
        if not ended:
            message = "nothing is closed on the line for a stretch that comes once"
            later = f"; {len(there)} begin later (--all takes them off)" if there else ""
            remedy = (
                f"weekly hours: filterd subscriber plan {subscriber}; a pause opens all of it for a while"
            )
            raise ConflictError(message + later, remedy)
        return _with(old, tuple(each for each in there if each not in ended))

    return await lines.update(context, subscriber, "open", step), len(ended)


def _with(old: LineChoices, once: Sequence[OneSlot]) -> LineChoices:
    ordered = tuple(sorted(once, key=lambda slot: (slot.begin, slot.end)))
    return replace(old, adjustments=replace(old.adjustments, once=ordered))


def _slot(closed: Closed, documents: Policies) -> OneSlot:
    """A slot without its times. OperationError with all that is wrong with it."""
    categories, services = childrens_things(documents) if closed.childrens else ((), ())
    errors = [
        *_unknown("category", closed.categories, {each.id for each in documents.categories}),
        *_unknown("service", closed.services, {each.id for each in documents.services}),
    ]
    if errors:
        raise OperationError("\n".join(errors), "see those that exist with: filterd policies list")
    categories, services = (*categories, *closed.categories), (*services, *closed.services)
    if bool(categories or services) == closed.everything:
        message = "say what to close: everything, or children's things, categories and services"
        raise OperationError(message, "give --everything; or --childrens, --category ID, --service ID")
    return OneSlot(0, 0, closed.everything, tuple(sorted(set(categories))), tuple(sorted(set(services))))


def _unknown(kind: str, ids: Sequence[str], known: set[str]) -> list[str]:
    found: list[str] = []
    for each in ids:
        if each not in known:
            guess = nearest(each, known) if len(found) < MOST_GUESSED else ""
            found.append(f"unknown {kind} {each[:64]!r}" + (f" (did you mean {guess}?)" if guess else ""))
    return found

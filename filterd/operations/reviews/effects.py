"""The effect of an upheld review: what was done, and when it was in force on every node.

A decision that says "you are right" changes nothing by itself. What follows is noted with its reference, and
control measures when the last node had it: from the nodes' reports on orders and lists, and by the
moment at which they last had every change for an exception (it was there by then at the latest).
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.order import ENDED, OrderState
from filterd.model.review import Review, ReviewOutcome
from filterd.model.review_effect import EffectOfReview, ReviewEffect, whole_effect
from filterd.operations import input_values
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import ConflictError, UnknownError
from filterd.operations.orders import times
from filterd.operations.orders.arriving import expected
from filterd.operations.reviews import deciding
from filterd.store import liftings, node_history, orders
from filterd.store import review_effects as rows
from filterd.store import reviews as review_rows
from filterd.store.write import Write

FOLLOWED = 5.0
"""seconds within which a node that tells no lag may lack a change"""
MOST_EFFECTS = 20
"""of one review"""


async def record(
    context: Context, what: str, kind: EffectOfReview, *, reference: str, version: int = 0
) -> ReviewEffect:
    """Note what was done about an upheld review: an order that ended, an exception, or a list from a version
    on. Raises OperationError; ConflictError where the review is not upheld, or it is noted already."""
    context.require_person()
    given = input_values.text(reference, "reference", limit=64)
    shown = await deciding.show(context, what)
    async with context.store.write(context.actor, context.clock()) as write:
        review = await review_rows.find(write.connection, shown.review.number)
        if review is None or not is_upheld(review):
            message = f"review {shown.review.number} is not upheld: nothing follows from it"
            raise ConflictError(message, "decide it first: filterd review decide")
        checked = await _checked(write, kind, given, version)
        return await add(write, review.number, kind, checked, version)


async def add(
    write: Write, review: int, kind: EffectOfReview, reference: str, version: int = 0
) -> ReviewEffect:
    """Add an effect within a write. Raises ConflictError for one that is noted already."""
    before = await rows.of_reviews(write.connection, [review])
    same = [
        each for each in before if (each.kind, each.reference, each.version) == (kind, reference, version)
    ]
    if same or len(before) >= MOST_EFFECTS:
        why = f"{kind.value} {reference} is noted already" if same else "too many effects are noted"
        message = f"review {review}: {why}"
        raise ConflictError(message, f"see it: filterd review show {review}")
    made = ReviewEffect(review, len(before) + 1, kind, reference, version, write.now, write.actor)
    await rows.add(write.connection, made)
    after = {"effect": kind.value, "reference": reference, "version": version}
    write.audit("review.effect", f"review:{review}", after=after)
    return made


async def _checked(write: Write, kind: EffectOfReview, reference: str, version: int) -> str:
    """The reference as it is stored, of something that is there and ended."""
    if kind is EffectOfReview.LIST:
        if version <= 0:
            message = "it is not said which version of the list is corrected"
            raise OperationError(message, "give --version: filterd feed show LIST")
        return reference
    if kind is EffectOfReview.EXCEPTION:
        number = int(reference) if reference.isdecimal() and len(reference) < 19 else 0
        if await liftings.find(write.connection, number) is None:
            message = f"there is no exception {reference[:32]!r}"
            raise UnknownError(message, "see those that exist with: filterd exception list --all")
        return reference
    found = await orders.find(write.connection, reference.upper())
    if found is None:
        message = f"unknown order {reference[:32]!r}"
        raise UnknownError(message, "see those that exist with: filterd order list")
    if found.state not in ENDED and found.state is not OrderState.SUSPENDED:
        message = f"order {found.reference} is still in force"
        raise ConflictError(message, f"end it first: filterd order withdraw {found.reference} --reason ...")
    return found.reference


async def of_review(context: Context, number: int) -> tuple[ReviewEffect, ...]:
    """The effects of one review."""
    async with context.store.read() as connection:
        return tuple(await rows.of_reviews(connection, [number]))


async def of_every(
    connection: AsyncConnection, numbers: Collection[int] | None = None
) -> dict[int, tuple[str, float]]:
    """Review -> kind of its effect, and when every node had it (0: not yet): the columns ``effect`` and
    ``effective_at`` of a report's complaints."""
    found: dict[int, list[ReviewEffect]] = {}
    for each in await rows.of_reviews(connection, numbers):
        found.setdefault(each.review, []).append(each)
    return {number: whole_effect(effects) for number, effects in found.items()}


async def settle(context: Context) -> int:
    """Look which effects every node has by now, and note when; how many were settled."""
    async with context.store.read() as connection:
        waiting = await rows.open_ones(connection)
    found = [(each, at) for each in waiting if (at := await _measured(context, each))]
    if found:
        async with context.store.report() as connection:
            for each, at in found:
                await rows.settle(connection, each, at)
    return len(found)


async def without_effect(context: Context, since: float) -> list[Review]:
    """The reviews that were upheld since a moment, of which nothing followed yet, or not on every node."""
    async with context.store.read() as connection:
        closed = await review_rows.newest(connection, deciding.MOST_CLOSED)
        upheld = [each for each in closed if is_upheld(each) and each.last.at >= since]
        effects = await of_every(connection, [each.number for each in upheld])
    return [each for each in upheld if not effects.get(each.number, ("", 0.0))[1]]


def is_upheld(review: Review) -> bool:
    """True where the decision that holds says that the asker is right."""
    return bool(review.closed_at) and review.last.outcome is ReviewOutcome.UPHELD


async def _measured(context: Context, effect: ReviewEffect) -> float:
    """The moment when the last node had it; 0: one lacks it, or there is no node."""
    if effect.kind is EffectOfReview.ORDER:
        found = (await times.show(context, effect.reference)).lifting
        return 0.0 if found is None else found.all_nodes_at
    now = context.clock()
    async with context.store.read() as connection:
        nodes = await expected(connection, context, now)
        if not nodes:
            return 0.0
        if effect.kind is EffectOfReview.EXCEPTION:
            whole = [each.seen_at - each.lag for each in nodes]  # when it last had every change
            return max(whole) if min(whole) >= effect.noted_at + FOLLOWED else 0.0
        periods = await node_history.periods(connection, labels=[effect.reference])
    began = {
        node.name: min(
            (each.since for each in periods if each.node == node.name and _reaches(each.version, effect)),
            default=0.0,
        )
        for node in nodes
    }
    return max(effect.noted_at, *began.values()) if all(began.values()) else 0.0


def _reaches(version: str, effect: ReviewEffect) -> bool:
    """True for a version of a list, as nodes report it, that is corrected."""
    return version.isdecimal() and int(version) >= effect.version

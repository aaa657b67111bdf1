"""The sentences that a change of choices comes with: those to be read to the line's holder, and those on what
the change did beside what was asked."""

from __future__ import annotations

from collections.abc import Iterable

from filterd.model.subscriber import Subscriber
from filterd.operations import filling
from filterd.operations.choices import Wish, differences, warning_of
from filterd.operations.context import Context
from filterd.operations.filling import empty_categories
from filterd.operations.policies import policies, profile


async def of_wishes(context: Context, wishes: Iterable[Wish], found: Subscriber) -> list[str]:
    """The sentences on single choices. ``found``: the line as it is after them."""
    warning = warning_of(wishes, policies(context))
    empty = await empty_categories(context, found.choices.adjustments.categories.added)
    told = [] if warning is None else [warning.es]
    if empty:
        told.append(f"empty: nothing is listed yet of {', '.join(empty)}, so nothing is closed there")
    return told


async def of_profile(context: Context, before: Subscriber, found: Subscriber) -> list[str]:
    """The sentences on the profile that a line has got: its warning, its limits, categories of which nothing
    is in force, and the line's own choices that say nothing against it any more."""
    documents = policies(context)
    chosen = profile(documents, found.choices.profile)
    told = [each.es for each in (chosen.warning, chosen.limits) if each]
    told += await filling.told(context, documents, chosen)
    kept = differences(found.choices.adjustments)
    dropped = [each for each in differences(before.choices.adjustments) if each not in kept]
    if dropped:
        told.append(f"no difference from this profile any more, and dropped: {', '.join(dropped)}")
    return told

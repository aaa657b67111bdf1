"""Says which categories nothing fills: to close one of them closes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from filterd.operations.context import Context
from filterd.operations.feeds import adoption
from filterd.operations.policies import policies


async def empty_categories(context: Context, wanted: Iterable[str]) -> tuple[str, ...]:
    """Those of the wanted categories that no feed in force fills."""
    ids = tuple(wanted)
    if not ids:
        return ()
    found = await adoption.policies_in_force(context, policies(context))
    return found.policies.empty_categories(ids)

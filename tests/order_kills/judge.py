"""Judges the store after a kill: what was acknowledged is there, and everything agrees with everything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filterd.model.audit_chain import StoredEntry
from filterd.operations import audit
from filterd.operations.context import Context
from filterd.operations.orders import showing
from filterd.operations.trail import checkpoints
from tests.order_kills import acts
from tests.order_kills.child import BEGUN
from tests.worlds.installation import Installation, settings_in

PAGE = 10_000


@dataclass
class Known:
    """The state of an installation as it was judged last."""

    states: dict[str, str] = field(default_factory=dict)
    """of its orders, by reference"""
    sequence: int = 0
    """of the newest entry of its trail"""
    checkpoint: int = 0
    """number of the newest one that was acknowledged"""


async def judged(base: Path, known: Known, said: Sequence[list[str]]) -> list[str]:
    """Each fault in the store at ``base`` after a child that said this was killed; ``known`` is brought up to
    now."""
    async with Installation(base, settings_in(base)).open(acts.FIRST, clock=time.time) as context:
        faults = [
            *await _lost(context, known, said),
            *await _torn(context),
        ]
        orders = await showing.list_orders(context)
        known.states = {each.reference: each.state.value for each in orders}
        known.sequence = await audit.count(context)
    return faults


async def _lost(context: Context, known: Known, said: Sequence[list[str]]) -> list[str]:
    """What was acknowledged and is not there, and what is there though nobody asked for it."""
    done = [words[1:] for words in said if words[0] != BEGUN]
    under_way = said[-1][1:] if said and said[-1][0] == BEGUN else []
    expected = dict(known.states)
    for action, reference, state in done:
        if action == acts.CHECKPOINT:
            known.checkpoint = max(known.checkpoint, int(state))
        elif reference:
            expected[reference] = state
    faults = _missing_entries(await audit.page(context, known.sequence, PAGE), done, under_way)
    for order in await showing.list_orders(context):
        was = expected.pop(order.reference, None)
        if was != order.state.value and under_way[1:] not in ([order.reference], [""]):
            faults.append(f"{order.reference} is {order.state.value}, and was acknowledged as {was}")
    faults += [f"{each} was acknowledged as {state}, and is gone" for each, state in expected.items()]
    newest = await checkpoints.newest(context)
    if (newest.number if newest else 0) < known.checkpoint:
        faults.append(f"checkpoint {known.checkpoint} was acknowledged, and is gone")
    return faults


def _missing_entries(
    entries: Sequence[StoredEntry], done: list[list[str]], under_way: list[str]
) -> list[str]:
    """The trail has an entry for each acknowledged change of an order, in their order, and no other but that
    of the one under way."""
    there = [
        (each.entry.action, each.entry.subject.removeprefix("order:"))
        for each in entries
        if each.entry.subject.startswith("order:")
    ]
    acknowledged = [(action, reference) for action, reference, _ in done if reference]
    more = there[len(acknowledged) :]
    if there[: len(acknowledged)] != acknowledged:
        return [f"the trail has {there}, and {acknowledged} was acknowledged"]
    if len(more) > 1 or (more and more[0][0] != (under_way or [""])[0]):
        return [f"the trail has {more}, and under way was {under_way}"]
    return []


async def _torn(context: Context) -> list[str]:
    """What does not agree within the store, and with its ledger."""
    proof = await audit.verify(context)
    found = [f"the trail: {proof.fault} at {proof.sequence}"] if proof.fault else []
    change_fault, standing = await audit.verify_changes(context), await audit.standing(context)
    found += [f"the change log: {change_fault}"] if change_fault else []
    found += [f"the store: {standing}"] if standing else []
    found += [f"{each.subject}: {each.fault}" for each in await audit.compare(context)]
    found += [f"checkpoint {each.number}: {each.fault}" for each in await checkpoints.verify(context)]
    return found

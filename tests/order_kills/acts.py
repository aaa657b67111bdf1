"""The acts of an order's life that the campaign kills in: each brings an order from one state to another."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from filterd.model.order import Order
from filterd.operations.context import Context
from filterd.operations.orders import ending, taking
from filterd.operations.signing import Purpose
from filterd.operations.trail import checkpoints, rotating
from tests.worlds.backups import request
from tests.worlds.installation import as_person

FIRST, SECOND = "root", "daemon"
"""two accounts of every machine: what the first takes in, the second approves"""
CHECKPOINT = "checkpoint"
ROTATION = "rotation"
SIGNING = {CHECKPOINT: 0.15, ROTATION: 0.02}
"""acts on the trail itself, and how often one of them comes in the place of an order's"""


@dataclass(frozen=True, slots=True)
class Act:
    """One act: the action that the trail has of it, and the states in which an order takes it."""

    action: str
    states: tuple[str, ...]
    """before it; empty: it makes a new order"""
    weight: int
    do: Callable[[Context, str, str], Awaitable[Order]]
    """with the reference of the order, and a label that stands nowhere else"""


async def _add(context: Context, _: str, label: str) -> Order:
    asked = request(f"{label}.example")
    return await taking.add(context, replace(asked, confidential=label.endswith("0")))


async def _approve(context: Context, reference: str, _: str) -> Order:
    return await taking.approve(as_person(context, SECOND), reference)


async def _withdraw(context: Context, reference: str, label: str) -> Order:
    return await ending.withdraw(context, reference, reason=label)


ACTS = {
    each.action: each
    for each in (
        Act("order.add", (), 5, _add),
        Act("order.approve", ("pending",), 4, _approve),
        Act("order.withdraw", ("pending", "accepted"), 2, _withdraw),
    )
}


def drawn(draw: random.Random, states: dict[str, str]) -> tuple[str, str]:
    """The next act and the reference of its order, which is empty for a new one. ``states``: of the orders,
    by reference."""
    for name, share in SIGNING.items():
        if draw.random() < share:
            return name, ""
    fitting = {
        action: [each for each, state in states.items() if state in act.states]
        for action, act in ACTS.items()
    }
    able = [action for action, act in ACTS.items() if not act.states or fitting[action]]
    (action,) = draw.choices(able, [ACTS[each].weight for each in able])
    return action, draw.choice(fitting[action]) if fitting[action] else ""


async def done(context: Context, action: str, reference: str, label: str) -> tuple[str, str]:
    """Carry an act out; the reference and the state of its order, or what of the trail was signed."""
    if action == CHECKPOINT:
        made = await checkpoints.make(context)
        return "", str(made.number if made else 0)
    if action == ROTATION:
        await rotating.rotate(context, Purpose.CHECKPOINT, reason=label)
        return "", "0"
    order = await ACTS[action].do(context, reference, label)
    return order.reference, order.state.value

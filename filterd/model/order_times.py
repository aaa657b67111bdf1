"""The times of an order's effects: when each was due, and when which node had it.

An effect is what an order does from a moment on: it enforces, or it lifts. A decision makes effects, and so
do the times in the order: its beginning, its end, the end of a suspension. An effect has arrived on a node
when it is in force there *and* on that node's disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from filterd.model.order import NOT_ACCEPTED, OFF_NODES, Order

SINGLE = 50
"""facts of one report that have an entry each in the trail; more of them have one together"""


class EffectKind(StrEnum):
    """The two things that an order can begin to do."""

    ENFORCE = "enforce"
    LIFT = "lift"


class ProbeState(StrEnum):
    """The outcome of a node's question to itself, over DNS, for the order's canary name."""

    NONE = ""
    """nobody has asked"""
    SEEN = "seen"
    """answered as the effect demands: blocked with extended error 16, or with its address"""
    CONTRARY = "contrary"
    """answered otherwise: the effect cannot be seen from outside"""
    UNJUDGED = "unjudged"
    """no answer, or the upstreams have no address for the name"""


@dataclass(frozen=True, slots=True)
class OrderEffect:
    """One effect of an order, numbered from 1. Times are Unix seconds."""

    order_number: int
    effect: int
    kind: EffectKind
    decided_at: float
    due_at: float
    """when it was decided, or the later moment from which on it holds"""
    revision: int
    """of the change that brings it to the nodes"""
    everywhere_at: float = 0.0
    """when the last node had it; 0: not every node has"""
    nodes: int = 0
    """how many had it then"""

    @property
    def timed(self) -> bool:
        """True if the clock brings it, at a moment that was set before."""
        return self.due_at > self.decided_at

    @property
    def reference(self) -> str:
        """The order's public number."""
        return f"O-{self.order_number}"


@dataclass(frozen=True, slots=True)
class OrderArrival:
    """A node's word on one order: since when it enforces it, or no longer does, in force and on its disk.

    On the node ``at`` and ``probed_at`` are of a clock that does not go back; on the wire they are ages;
    where control has read them they are Unix seconds by control's clock. So no difference between two
    machines' clocks is in them, and at most the time that the report took.
    """

    reference: str
    revision: int
    active: bool
    """True: it is enforced since then; False: it is not"""
    at: float
    probe: ProbeState = ProbeState.NONE
    probed_at: float = 0.0
    reason: str = ""
    """of a probe that did not see the effect"""
    confidential: bool = False

    @property
    def kind(self) -> EffectKind:
        """The effect that arrived."""
        return EffectKind.ENFORCE if self.active else EffectKind.LIFT


@dataclass(frozen=True, slots=True)
class NodeArrival:
    """The arrival of one effect on one node, as control has it."""

    order_number: int
    effect: int
    node: str
    applied_at: float
    exact: bool
    """False: the node had it at this moment at the latest"""
    probe: ProbeState = ProbeState.NONE
    probed_at: float = 0.0
    reason: str = ""


def planned_effects(order: Order, now: float) -> list[tuple[EffectKind, float]]:
    """The effects that an order has from ``now`` on in its present state, with the moment of each. None for
    one that not enough people stand behind."""
    if order.state in NOT_ACCEPTED:
        return []
    if order.state in OFF_NODES:
        return [(EffectKind.LIFT, now)]
    begins, ends = float(order.not_before), float(order.demand.not_after)
    if 0 < ends <= now:
        return [(EffectKind.LIFT, now)]
    planned = [(EffectKind.ENFORCE, now)]
    if begins > now:
        planned = [(EffectKind.LIFT, now), (EffectKind.ENFORCE, begins)]
    if ends:
        planned.append((EffectKind.LIFT, max(ends, begins)))
    return planned


def new_effects(
    known: Sequence[OrderEffect], order: Order, now: float, revision: int
) -> tuple[list[OrderEffect], list[OrderEffect]]:
    """The effects to forget, since they were still to come and are planned anew, and those to add. An effect
    that the order has already is not begun again, and nothing is lifted that was never enforced: but where it
    was to be in force from a moment to come, a node that is not told otherwise enforces it then, so that what
    takes that moment away is a lifting of its own."""
    past = [each for each in known if each.due_at <= now]
    forgotten = [each for each in known if each.due_at > now]
    last = past[-1].kind if past else EffectKind.LIFT
    planned = planned_effects(order, now)
    held = _begins((each.kind, each.due_at) for each in forgotten)
    sooner = last is EffectKind.LIFT and held < _begins(planned)
    number = max((each.effect for each in known), default=0)
    added: list[OrderEffect] = []
    for kind, due in planned:
        if kind is last and not (sooner and kind is EffectKind.LIFT and not added):
            continue
        number, last = number + 1, kind
        added.append(OrderEffect(order.number, number, kind, now, due, revision))
    return forgotten, added


def _begins(effects: Iterable[tuple[EffectKind, float]]) -> float:
    """When it is in force first by these effects; infinite: never."""
    return min((due for kind, due in effects if kind is EffectKind.ENFORCE), default=float("inf"))

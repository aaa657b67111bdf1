"""The measured times of an order's effects, as a receipt says them: moments, and spans in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from filterd.model.signed_text import Body
from filterd.operations.plain_values import moment


class NodeEffect(Protocol):
    """One node's part in an effect. Times are Unix seconds, 0 for none."""

    @property
    def node(self) -> str:
        """Its name."""

    @property
    def state(self) -> str:
        """``applied``, ``waiting`` or ``away``."""

    @property
    def applied_at(self) -> float:
        """When it was in force there and on its disk."""

    @property
    def seconds(self) -> float | None:
        """From the moment when it was due."""

    @property
    def exact(self) -> bool:
        """False: at that time at the latest."""

    @property
    def probe(self) -> str:
        """The outcome of a question over DNS; empty: nobody asked."""


class Effect(Protocol):
    """The times of one effect. Times are Unix seconds, 0 for not yet; spans count from ``due_at``."""

    @property
    def due_at(self) -> float:
        """When it was decided, or the later moment from which on it holds."""

    @property
    def first_node_at(self) -> float:
        """When the first node had it."""

    @property
    def all_nodes_at(self) -> float:
        """When the last of all nodes had it."""

    @property
    def probed_at(self) -> float:
        """When the last node had seen it over DNS."""

    @property
    def first_node_seconds(self) -> float | None:
        """The span to the first node."""

    @property
    def all_nodes_seconds(self) -> float | None:
        """The span to all nodes."""

    @property
    def probed_seconds(self) -> float | None:
        """The span until it was seen over DNS."""

    @property
    def nodes(self) -> Sequence[NodeEffect]:
        """Each node's part."""


def effect_of(effect: Effect | None) -> Body | None:
    """The effect as a receipt says it; None where none was measured."""
    if effect is None:
        return None
    return {
        "due_at": moment(effect.due_at),
        "first_node_at": _time(effect.first_node_at),
        "first_node_ms": _milliseconds(effect.first_node_seconds),
        "all_nodes_at": _time(effect.all_nodes_at),
        "all_nodes_ms": _milliseconds(effect.all_nodes_seconds),
        "probed_at": _time(effect.probed_at),
        "probed_ms": _milliseconds(effect.probed_seconds),
        "nodes": [
            {
                "node": each.node,
                "state": each.state,
                "applied_at": _time(each.applied_at),
                "applied_ms": _milliseconds(each.seconds),
                "exact": each.exact,
                "probe": each.probe or None,
            }
            for each in effect.nodes
        ],
    }


def _time(seconds: float) -> str | None:
    return moment(seconds) or None


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)

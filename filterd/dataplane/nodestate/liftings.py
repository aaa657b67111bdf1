"""The exceptions and suspensions on a node, names as fingerprints: those that nobody ended.

Whether one holds is told by the clock at each moment, so it ends by itself without the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from filterd.model.lifting import CLOCK_SKEW, MAX_LIFTINGS, LiftingKind, Term
from filterd.model.rule import Scope
from filterd.policy.overlay import LiftingRule

REMEMBERED = 2 * MAX_LIFTINGS
"""liftings on a node, those that are over among them"""


@dataclass(frozen=True, slots=True)
class LiftingStep:
    """A change of one lifting: it is made, or ended."""

    rule: LiftingRule
    ended: bool


@dataclass(slots=True)
class KnownLiftings:
    """All liftings by number. Owned by the node's thread."""

    by_number: dict[int, LiftingRule] = field(default_factory=dict)

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> KnownLiftings:
        """Reads the result of :meth:`body`. ValueError for anything else."""
        known = cls()
        known.apply(decode(bytes(body)))
        return known

    def body(self) -> bytes:
        """All liftings, for a checkpoint."""
        return encode(LiftingStep(rule, ended=False) for rule in self.by_number.values())

    def apply(self, steps: Iterable[LiftingStep]) -> None:
        """Put each lifting in the place of its earlier form. Where they become too many, those that end first
        are forgotten: they are over, since there are never so many at one time."""
        for step in steps:
            rule = step.rule
            if step.ended:
                self.by_number.pop(rule.number, None)
                continue
            self.by_number[rule.number] = rule
            if len(self.by_number) > REMEMBERED:
                first = min(self.by_number.values(), key=lambda each: each.term.until)
                del self.by_number[first.number]

    def in_force(self, now: int) -> tuple[LiftingRule, ...]:
        """Those that hold at ``now``, Unix seconds."""
        return tuple(each for each in self.by_number.values() if each.holds(now))

    def next_change(self, now: int) -> int:
        """The first moment after ``now`` at which one begins to hold or ends; 0: none will."""
        moments = (
            moment
            for each in self.by_number.values()
            for moment in (each.term.made_at - CLOCK_SKEW, each.term.until)
            if moment > now
        )
        return min(moments, default=0)


def encode(steps: Iterable[LiftingStep]) -> bytes:
    """Steps as compact JSON, for checkpoint and log."""
    return json.dumps([_fields(step) for step in steps], separators=(",", ":")).encode()


def decode(body: bytes) -> list[LiftingStep]:
    """Reads the result of :func:`encode`. ValueError for anything else."""
    try:
        return [_step(fields) for fields in json.loads(body)]
    except (KeyError, TypeError) as error:
        msg = f"not the liftings of a node: {error!r}"
        raise ValueError(msg) from error


def _fields(step: LiftingStep) -> dict[str, Any]:
    rule = step.rule
    return {
        "number": rule.number,
        "kind": rule.kind.value,
        "made_at": rule.term.made_at,
        "until": rule.term.until,
        "name": rule.fingerprint.hex(),
        "scope": int(rule.scope),
        "ended": step.ended,
    }


def _step(fields: dict[str, Any]) -> LiftingStep:
    rule = LiftingRule(
        int(fields["number"]),
        LiftingKind(fields["kind"]),
        Term(int(fields["made_at"]), int(fields["until"])),
        bytes.fromhex(fields["name"]),
        Scope(fields["scope"]),
    )
    return LiftingStep(rule, bool(fields["ended"]))

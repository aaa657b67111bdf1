"""The facts of an order that its deadlines need: no name, no address."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.order import OrderState, OrderStep, StepKind


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order that may have something due. Times are Unix seconds, 0 for none."""

    number: int
    reference: str
    state: OrderState
    authority: str
    ground: str
    """both in the words of the order"""
    received_at: float
    added_at: float
    accepted_at: float
    ended_at: float = 0.0
    """when a person ended it"""
    enforce_by: int = 0
    report_by: int = 0
    review_at: int = 0
    not_after: int = 0
    confidential: bool = False
    steps: tuple[OrderStep, ...] = ()

    def last(self, kind: StepKind) -> OrderStep | None:
        """The newest step of a kind."""
        return next((each for each in reversed(self.steps) if each.kind is kind), None)

"""A request under the rights of access, rectification, cancellation and opposition (LFPDPPP 21 to 31)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ArcoKind(StrEnum):
    """The right that is made use of."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    CANCELLATION = "cancellation"
    OPPOSITION = "opposition"


class ArcoOutcome(StrEnum):
    """The answer to a request."""

    NONE = ""
    """not answered yet"""
    GRANTED = "granted"
    PARTLY = "partly"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ArcoRequest:
    """One request. It holds no name: who asked stands in the provider's ticket. Days are ISO dates."""

    number: int
    line: int
    """stays when the line is erased, and leads to nobody then"""
    kind: ArcoKind
    channel: str
    reference: str
    """of the provider's ticket"""
    received_on: str
    answer_by: str
    carry_out_by: str = ""
    """empty: not answered yet, or nothing is to be carried out"""
    extended: bool = False
    """the term that runs was extended, which can be done once for each"""
    outcome: ArcoOutcome = ArcoOutcome.NONE
    answered_at: float = 0.0
    closed_at: float = 0.0
    """Unix seconds; 0: it is open"""

    @property
    def due(self) -> str:
        """The last day of the term that runs; empty where none does."""
        if self.closed_at:
            return ""
        return self.carry_out_by if self.answered_at else self.answer_by

    def overdue(self, today: str) -> bool:
        """Return whether the term that runs is over on this day (an ISO date)."""
        return bool(self.due) and self.due < today

"""A request to look at a site again, which anyone may make without an account, and the decisions on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReviewClaim(StrEnum):
    """The fault that the asker sees."""

    CLOSED = "closed"
    """it is closed and should not be"""
    OPEN = "open"
    """it is open and should be closed"""


class ReviewKind(StrEnum):
    """The kind of block that the asker met."""

    PARENTAL = "parental"
    SECURITY = "security"
    MANDATORY = "mandatory"
    UNKNOWN = "unknown"


class ReviewOutcome(StrEnum):
    """A decision on a review."""

    NONE = ""
    """none yet"""
    UPHELD = "upheld"
    """the asker is right: an exception was made, or the list is corrected"""
    REFUSED = "refused"
    FORWARDED = "forwarded"
    """an authority demands the block: that one decides"""
    DUPLICATE = "duplicate"
    """another review asks the same, and is decided there"""


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """One decision; of one that was not made yet, ``at`` is 0."""

    outcome: ReviewOutcome = ReviewOutcome.NONE
    reason: str = ""
    """in words for the asker"""
    authority: str = ""
    """the id, in the jurisdiction's file, of the authority that it was forwarded to"""
    exception: int = 0
    """the number of the exception that was made; 0: none"""
    at: float = 0.0
    """Unix seconds"""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """All requests about one name with one claim, while none is decided: they are decided together. Times
    are Unix seconds, 0 for never; days are ISO dates of the jurisdiction's zone."""

    number: int
    name: str
    claim: ReviewClaim
    kind: ReviewKind
    received_at: float
    """of the first request"""
    due_on: str
    """the last day to decide it: that of the first request"""
    requests: int = 1
    decision: ReviewDecision = ReviewDecision()
    duplicate_of: int = 0
    """the number of the review that decides it; 0: none"""
    appealed_at: float = 0.0
    appeal_due_on: str = ""
    appeal: ReviewDecision = ReviewDecision()
    """the decision on the appeal"""
    closed_at: float = 0.0
    """0: a decision is waited for"""

    @property
    def due(self) -> str:
        """The last day of the term that runs; empty where none does."""
        if self.closed_at:
            return ""
        return self.appeal_due_on if self.appealed_at else self.due_on

    @property
    def last(self) -> ReviewDecision:
        """The decision that holds; that of an appeal replaces the first."""
        return self.appeal if self.appeal.at else self.decision

    def overdue(self, today: str) -> bool:
        """Return whether the term that runs is over on this day (an ISO date)."""
        return bool(self.due) and self.due < today


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """One person's request. It holds no name of theirs, no address and no line."""

    folio: str
    digest: str
    """of the code that goes with the folio, which the asker alone has"""
    review: int
    """the number of the review that it belongs to"""
    received_at: float
    due_on: str
    """its own last day, so that nobody learns from it whether others asked"""
    language: str
    text: str = ""

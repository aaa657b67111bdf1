"""The outcome of each stage of a verdict, as values that explain it.

The native core and its twins fill the same values, so that an explanation always agrees with the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from filterd.model.rule import Scope
from filterd.model.verdict import Reason, Verdict, Where


class StageOutcome(IntEnum):
    """The outcome of a stage. Of the names in one answer, the largest outcome counts."""

    NOT_EVALUATED = 0
    """an earlier stage decided, or the stage does not apply to this name"""
    OFF = 1
    """not in effect for this line at this moment: not opted in, paused, left, not enabled"""
    NO_MATCH = 2
    LIFTED = 3
    """a rule matched, but the name is protected, excepted, always or own allowed, or the safe host itself"""
    ALLOWED = 4
    """exception and own allow only: later stages that it can lift are lifted"""
    DECIDED = 5

    @property
    def word(self) -> str:
        """The word in commands and JSON."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class StageTrace:
    """One stage; the last four fields are set where a rule matched (LIFTED, DECIDED)."""

    stage: Reason
    outcome: StageOutcome = StageOutcome.NOT_EVALUATED
    reference: int = 0
    """a class bit, or the id of the order or mandatory list; 0 for a line's own name"""
    where: Where = Where.QUERY
    scope: Scope = Scope.SUBTREE
    matched: str = ""
    """the name or address prefix that the rule carries; empty for a schedule that blocks everything"""


TRACED = tuple(reason for reason in Reason if reason is not Reason.NONE)
"""the stages of a trace, in the order of precedence"""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with what goes on with it, and how it came about."""

    verdict: Verdict
    own_allow: bool = False
    """the line allows the query's name; inspection of the answer is told so"""
    confidential: bool = False
    """the order or list that blocks must not be named to anybody"""
    valid_until: int = 0
    """when the line's next boundary changes what it gets, Unix seconds; 0: none"""
    stages: tuple[StageTrace, ...] = ()
    """one for each of :data:`TRACED`; empty where no explanation was asked for"""
    is_protected: bool = False
    """the query's name is protected; inspection of the answer is told so"""
    excepted: bool = False
    """an exception lifts feeds for the query's name, which inspection of the answer is told; of an inspected
    answer, for anything in it"""
    coming: bool = False
    """an order speaks of it that is known and not in force yet; told to operators alone"""
    observed: int = 0
    """the observed lists that have the query's name, a bit for each, counted from the first of them"""

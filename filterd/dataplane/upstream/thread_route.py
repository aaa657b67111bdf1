"""The values between the event loop and native threads that forward: whom to ask, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from filterd.dataplane.upstream.model import ForwardOutcome


@dataclass(frozen=True, slots=True)
class ThreadHop:
    """An upstream that is asked over plain UDP, and how."""

    name: str
    """``host:port``, brackets around IPv6"""
    host: str
    port: int
    trusted: bool
    mixed_case: bool
    edns: bool
    outstanding: int
    """questions that it may have at one time, of all threads together"""


class RouteReport(NamedTuple):
    """What threads counted of one upstream since the start; the order is that of ``routes.pxd``."""

    sent: int = 0
    answered: int = 0
    servfail: int = 0
    refused: int = 0
    malformed: int = 0
    timeout: int = 0
    unreachable: int = 0
    without_edns: int = 0
    wrong_source: int = 0
    wrong_id: int = 0
    wrong_question: int = 0
    case_lost: int = 0
    """answers that had another letter case"""
    case_kept: int = 0
    """answers to a mixed question that repeated it"""
    edns_refused: int = 0
    """questions that were answered without EDNS and refused with it"""
    edns_spoken: int = 0
    """answers that may well have had an OPT record"""
    heard: int = 0
    """answers of any kind"""
    micros: int = 0
    """that these took, together"""
    outstanding: int = 0
    """on their way at this moment"""
    heard_at: int = 0
    """of the last answer: microseconds of the clock that does not go back; 0: never"""
    unreachable_at: int = 0
    silent_since: int = 0
    """when the last query went that got no answer within 400 ms"""

    def outcomes(self) -> dict[ForwardOutcome, int]:
        """What is counted for the operator, as the slow path counts it."""
        return {outcome: count for outcome in _OUTCOMES if (count := getattr(self, outcome.value))}


_OUTCOMES = (
    ForwardOutcome.ANSWERED,
    ForwardOutcome.SERVFAIL,
    ForwardOutcome.REFUSED,
    ForwardOutcome.MALFORMED,
    ForwardOutcome.TIMEOUT,
    ForwardOutcome.UNREACHABLE,
    ForwardOutcome.WITHOUT_EDNS,
    ForwardOutcome.WRONG_SOURCE,
    ForwardOutcome.WRONG_ID,
    ForwardOutcome.WRONG_QUESTION,
)

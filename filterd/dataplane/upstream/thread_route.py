"""The values that the event loop exchanges with native threads: upstreams to ask, and reports about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from filterd.dataplane.upstream.forward_types import ForwardOutcome


@dataclass(frozen=True, slots=True)
class ThreadHop:
    """An upstream that threads ask over plain UDP, and the form of their queries."""

    name: str
    """``host:port``, brackets around IPv6"""
    host: str
    port: int
    trusted: bool
    mixed_case: bool
    edns: bool
    outstanding: int
    """the most questions that all threads together may have there at one time"""


class RouteReport(NamedTuple):
    """The counts of all threads for one upstream since the start, in the order of ``routes.pxd``."""

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
    late: int = 0
    doubted: int = 0
    case_lost: int = 0
    """answers that had another letter case"""
    case_kept: int = 0
    """answers to a mixed question that repeated it"""
    edns_refused: int = 0
    """questions that were answered without EDNS and refused with it"""
    edns_spoken: int = 0
    """answers that probably had an OPT record"""
    heard: int = 0
    """replies of any kind"""
    micros: int = 0
    """microseconds that these replies took together"""
    outstanding: int = 0
    """questions under way at this moment"""
    heard_at: int = 0
    """time of the last reply: microseconds of the clock that does not go back; 0: never"""
    unreachable_at: int = 0
    silent_since: int = 0
    """when the last query was sent that got no reply within 400 ms"""

    def outcomes(self) -> dict[ForwardOutcome, int]:
        """The counts for the operator, by the outcomes of the slow path."""
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
    ForwardOutcome.LATE,
    ForwardOutcome.DOUBTED,
)

"""THE order of the stages that one query passes, with the reason for each position.

``packet.pyx`` runs them in this order for both paths; a test compares the two lists. A thread of the fast
path takes a few packets up to admit, and then each of them on from there. docs/life-of-a-query.md tells more.
A stage feels everything above it and must not care what stands below.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Stage(IntEnum):
    """One stage, by its place."""

    UNWRAP = 0
    PARSE = 1
    ADMIT = 2
    IDENTIFY = 3
    DECIDE = 4
    CACHE = 5
    FORWARD = 6
    INSPECT = 7
    RESPOND = 8
    RECORD = 9


@dataclass(frozen=True, slots=True)
class Step:
    """A stage and why it stands where it stands."""

    stage: Stage
    reason: str


PIPELINE: tuple[Step, ...] = (
    Step(Stage.UNWRAP, "first: every later stage needs the client's address, and a front's own is not it"),
    Step(Stage.PARSE, "above admit: a refusal needs the question, and an answer (QR=1) must get silence"),
    Step(Stage.ADMIT, "above identify: who may not ask at all must not reach the tables of the lines"),
    Step(Stage.IDENTIFY, "above decide: a verdict is one line's; an address of no line stays unknown"),
    Step(Stage.DECIDE, "above the cache, so that the cache is shared by all lines and holds no one's policy"),
    Step(Stage.CACHE, "above forward: what is known is not asked again, for whichever line it was asked"),
    Step(Stage.FORWARD, "the only stage that waits; afterwards the line and the state are looked up anew"),
    Step(Stage.INSPECT, "below cache and forward: a stored answer is inspected for each line anew"),
    Step(Stage.RESPOND, "one place makes every answer, so that size, flags, TTLs and EDE follow one rule"),
    Step(Stage.RECORD, "last: counts what was sent; it sees no name, no line and no address"),
)
"""from the packet to the answer, in this order"""

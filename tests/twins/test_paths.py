"""The two paths of a query: whatever comes, both answer the same at the same moment, and count the same.

``make equality`` runs many more courses than are here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from filterd.model.verdict import Reason
from tests.equality.course import Course, Outcome, run
from tests.virtual_time import VirtualLoop

SEEDS = range(21, 31)
CASES = 500
"""of each"""
NO_BLOCKS = (Reason.SPECIAL_USE, Reason.OWN_ALLOW, Reason.SAFE_SEARCH)
WAYS = (
    "lookup hit",
    "lookup prefetch",
    "lookup stale",
    "lookup miss",
    "rewrite safe_search",
    "pass own_allow",
    "limited truncated",
    "limited dropped",
    "drop no_proxy_header",
    "drop crashed_before",
    "drop too_many_waiting",
    "refused",
    "malformed",
    "not_ready",
    "reduced",
    "category",
    "tcp",
    "punt forward",
    "punt stale",
    "punt refresh",
    "punt busy",
    *(f"block {reason.word}" for reason in Reason if reason >= Reason.MANDATORY and reason not in NO_BLOCKS),
)
"""what has to be among the cases"""


def test_both_paths_do_the_same() -> None:
    counted: Counter[str] = Counter()
    for seed in SEEDS:
        found = run(seed, CASES)
        assert found.differences == []
        assert found.cases == CASES
        counted.update(found.counted)
    assert [way for way in WAYS if not counted[way]] == []


def publishes_to_one(course: Course) -> None:
    course.around.sides = (course.slow,)


def loses_punts(course: Course) -> None:
    course.fast.take = lambda: None  # type: ignore[method-assign]  # the fault


FAULTS: list[Callable[[Course], None]] = [publishes_to_one, loses_punts]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_differs_is_told(fault: Callable[[Course], None]) -> None:
    async def go() -> Outcome:
        course = Course(3)
        fault(course)
        return await course.run(CASES)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        found = runner.run(go())
    assert found.differences
    assert found.cases < CASES

"""The two paths of a query, and their reference: whatever comes, all answer the same at the same moment, and
count the same.

``make equality`` runs many more courses than are here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from filterd.model.identity import Method
from filterd.model.verdict import Reason
from tests.equality.course import Course, Outcome, run
from tests.equality.script import Script
from tests.worlds.virtual_time import VirtualLoop

SEEDS = (*range(21, 31), 9, 47, 224)
CASES = 500
"""of each"""
NO_BLOCKS = (Reason.SPECIAL_USE, Reason.EXCEPTION, Reason.OWN_ALLOW, Reason.SAFE_SEARCH)
WAYS = (
    "lookup hit",
    "lookup prefetch",
    "lookup stale",
    "lookup miss",
    "rewrite safe_search",
    "pass own_allow",
    "pass exception",
    "limited truncated",
    "limited dropped",
    "drop no_proxy_header",
    "drop crashed_before",
    "drop too_many_waiting",
    "refused",
    "malformed",
    "not_ready",
    "unrecognised ipv4",
    "unrecognised ipv6",
    *(f"identified {method}" for method in list(Method)[1:]),
    "too_large",
    "ech_stripped",
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

REFERENCE_SEEDS = (*range(51, 57), 60)
REFERENCE_CASES = 2_000
NATIVE_SEEDS = (*range(31, 37), 95, 122, 129, 237, 241)
NATIVE_WAYS = (
    "ech_stripped",
    "upstream asked",
    "upstream joined",
    "upstream renewed",
    "rewrite safe_search",
    "punt stale",
    "punt busy",
    "punt unanswered",
    "punt truncated",
)


def test_both_paths_do_the_same() -> None:
    counted: Counter[str] = Counter()
    for seed in SEEDS:
        found = run(seed, CASES)
        assert found.differences == []
        assert found.cases == CASES
        counted.update(found.counted)
    assert [way for way in WAYS if not counted[way]] == []


def test_both_do_the_same_where_threads_forward() -> None:
    counted: Counter[str] = Counter()
    for seed in NATIVE_SEEDS:
        found = run(seed, CASES, native=True)
        assert found.differences == []
        counted.update(found.counted)
    assert [way for way in NATIVE_WAYS if not counted[way]] == []


@pytest.mark.ring("night")
def test_the_reference_does_the_same() -> None:
    counted: Counter[str] = Counter()
    for seed in REFERENCE_SEEDS:
        found = run(seed, REFERENCE_CASES, reference=True)
        assert found.differences == []
        assert found.cases == REFERENCE_CASES
        counted.update(found.counted)
    assert [way for way in WAYS if not counted[way]] == []


def publishes_to_one(course: Course, _: pytest.MonkeyPatch) -> None:
    course.around.sides = (course.slow,)


def loses_punts(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course.fast, "take", lambda: None)


def answers_otherwise(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    another = Script(course.script.names, course.script.addresses, season=9)
    monkeypatch.setattr(course.fast.upstreams, "script", another)


@pytest.mark.parametrize("fault", [publishes_to_one, loses_punts, answers_otherwise])
def test_what_differs_is_told(
    fault: Callable[[Course, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> Outcome:
        course = Course(3)
        fault(course, monkeypatch)
        return await course.run(CASES)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        found = runner.run(go())
    assert found.differences
    assert found.cases < CASES

"""The order of the steps: complete, each with its reason and its twin, as documented, and really executed."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from filterd.dataplane.packet import pipeline, steps_reference
from filterd.dataplane.packet.exchange_reference import Stage
from filterd.dataplane.packet.pipeline import PIPELINE, Step
from filterd.policy.decide_reference import QUERY_STAGES
from tests.equality import course

PAIRS = [pair for pair in pairwise(step.stage for step in PIPELINE) if pair[1] is not Stage.PROTECTED]
"""the flag may be found above or below ``local``, which nothing lifts"""
CASES = 3000
"""among which each order but the right one must have shown itself"""


def test_every_stage_stands_once_with_a_reason_and_a_twin() -> None:
    assert sorted(step.stage.name for step in PIPELINE) == sorted(stage.name for stage in Stage)
    assert all(step.reason for step in PIPELINE)
    assert len({id(step.twin) for step in PIPELINE}) == len(PIPELINE)


def test_the_verdict_asks_the_stages_of_the_policy_in_their_order() -> None:
    asked = [
        stage
        for step in PIPELINE
        if isinstance(step.twin, steps_reference.Decide)
        for stage in step.twin.stages
    ]
    assert asked == list(QUERY_STAGES)


def test_the_document_tells_them_in_the_same_order() -> None:
    document = Path(pipeline.__file__).parents[3] / "docs/life-of-a-query.md"
    rows = re.findall(r"^\| (?:decide: )?([a-z ]+) \|", document.read_text(), re.MULTILINE)
    assert rows[1 : 1 + len(PIPELINE)] == [step.stage.value for step in PIPELINE]


def swapped(upper: Stage, lower: Stage) -> tuple[Step, ...]:
    """The list with two of its steps in each other's place."""
    places = {upper: lower, lower: upper}
    steps = {step.stage: step for step in PIPELINE}
    return tuple(steps[places.get(step.stage, step.stage)] for step in PIPELINE)


def differs() -> bool:
    """Whether native path and reference are seen to be different."""
    try:
        return bool(course.run(1, CASES, whole=True, reference=True).differences)
    except (AttributeError, IndexError):
        return True  # a step lacks what the one that now stands below it finds out


@pytest.mark.parametrize(("upper", "lower"), PAIRS)
def test_another_order_is_noticed(upper: Stage, lower: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "PIPELINE", swapped(upper, lower))
    assert differs()

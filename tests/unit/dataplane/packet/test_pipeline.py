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

PRODUCT = Path(pipeline.__file__).parents[2]
SHOWN_TO_PEOPLE = PRODUCT / "accounting" / "explain.py"
"""``session explain``, a command's alone"""
IMPORT = re.compile(r"^\s*(?:from|c?import)\s(?:[^\n(]|\([^)]*\))*", re.MULTILINE)
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


def uses_reference(source: Path) -> bool:
    """True if one of its imports speaks of a reference."""
    return any(re.search(r"_reference\b|\bpipeline\b", text) for text in IMPORT.findall(source.read_text()))


def test_nothing_else_of_the_product_knows_the_reference() -> None:
    """It is slow, and written to be read: no query may meet it, and no resolver loads it. What is shown to a
    person, packet by packet, may be read by it."""
    sources = [path for path in PRODUCT.rglob("*.p*") if path.suffix in (".py", ".pyx", ".pxd", ".pyi")]
    apart = [path for path in sources if path.stem.endswith("_reference") or path.stem == "pipeline"]
    assert uses_reference(Path(pipeline.__file__))
    assert [path for path in sources if path not in apart and uses_reference(path)] == [SHOWN_TO_PEOPLE]


def swapped(upper: Stage, lower: Stage) -> tuple[Step, ...]:
    """The list with two of its steps in each other's place."""
    places = {upper: lower, lower: upper}
    steps = {step.stage: step for step in PIPELINE}
    return tuple(steps[places.get(step.stage, step.stage)] for step in PIPELINE)


def differs() -> bool:
    """True if native path and reference are seen to be different."""
    try:
        return bool(course.run(1, CASES, whole=True, reference=True).differences)
    except (AttributeError, IndexError):
        return True  # a step lacks what the one that now stands below it finds out


@pytest.mark.ring("night")
@pytest.mark.parametrize(("upper", "lower"), PAIRS)
def test_another_order_is_noticed(upper: Stage, lower: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "PIPELINE", swapped(upper, lower))
    assert differs()

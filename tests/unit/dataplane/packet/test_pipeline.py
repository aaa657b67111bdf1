"""The order of the stages: complete, each with its reason, and as the native entry calls them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from filterd.dataplane.packet import pipeline
from filterd.dataplane.packet.pipeline import PIPELINE, Stage

SOURCE = (Path(pipeline.__file__).parent / "stages.pyx").read_text()
CALLS = {
    Stage.PARSE: ("packet_open", "parse_query("),
    Stage.ADMIT: ("packet_open", "core.allowed"),
    Stage.IDENTIFY: ("proceed", "identify("),
    Stage.DECIDE: ("proceed", "decide("),
    Stage.CACHE: ("proceed", "look_up("),
}
"""stage -> the native function that calls it, and the call"""


def body(function: str) -> str:
    """The definition's text."""
    start = SOURCE.index(f"cdef int {function}(")
    return SOURCE[start : SOURCE.index("\n\n\n", start)]


def test_every_stage_stands_once_with_a_reason() -> None:
    assert [step.stage for step in PIPELINE] == list(Stage)
    assert all(step.reason for step in PIPELINE)


def test_the_native_entry_calls_them_in_this_order() -> None:
    places = [
        (list(Stage).index(stage), ("packet_open", "proceed").index(function), body(function).index(call))
        for stage, (function, call) in CALLS.items()
    ]
    assert places == sorted(places)
    assert all(one[1:] < other[1:] for one, other in pairwise(places))
    assert body("packet_open").endswith("return answer_unforwardable(core, x, &options, work)")
    assert body("answer_unforwardable").endswith("return PACKET_OPEN")
    assert body("packet_take").endswith("return proceed(core, x, NULL, ahead, now, ticks, work)")


def test_both_paths_open_and_then_take() -> None:
    for function, opens, takes in (
        ("packet_receive", "packet_open(core,", "packet_take(core,"),
        ("guarded_receive", "guarded_open(core,", "guarded_take(core,"),
    ):
        text = body(function)
        assert text.index(opens) < text.index(takes)
    assert "packet_open(core," in body("guarded_open")
    assert "packet_take(core," in body("guarded_take")


def test_inspection_stands_before_the_answer() -> None:
    text = body("complete")
    assert text.index("must_inspect(") < text.index("respond_rewrite(") < text.index("respond_answer(")

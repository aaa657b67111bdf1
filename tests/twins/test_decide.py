"""The native verdict on a name equals its plain twin on generated policies, lines, times and names."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterd.model.rule import Action, Scope
from filterd.policy import decide, decide_reference
from filterd.policy.trace import Decision
from filterd.wire.names import name_from_text
from tests.worlds.examples import examples
from tests.worlds.policy import Line, Placed, World
from tests.worlds.policy_strategies import CLASSES, NAMES, OTHER_NAMES, lines, worlds

A, DS = 1, 43


def untraced(decision: Decision) -> Decision:
    """The decision without its explanation."""
    verdict = decision.verdict
    plain = type(verdict)(
        verdict.outcome, verdict.reason, verdict.mode, verdict.scope, verdict.where, verdict.reference
    )
    return replace(decision, verdict=plain, stages=())


@settings(max_examples=examples(67), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), st.lists(lines(), min_size=5, max_size=8))
def test_verdicts_are_equal(world: World, choices: list[Line | None]) -> None:
    for line, name, qtype in product(choices, (*NAMES, *OTHER_NAMES), (A, DS)):
        wire = name_from_text(name)
        native = None if line is None else line.native()
        reference = None if line is None else line.reference()
        expected = decide_reference.decide(world.reference, reference, wire, world.now, qtype)
        assert decide.decide_name(world.native, native, wire, world.now, qtype=qtype) == expected
        bare = decide.decide_name(world.native, native, wire, world.now, qtype=qtype, traced=False)
        assert bare == untraced(expected)


@settings(max_examples=examples(17), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), lines(), st.binary(min_size=1, max_size=63), st.integers(0, 4))
def test_names_of_any_octets(world: World, line: Line | None, label: bytes, depth: int) -> None:
    """Labels hold any octets but upper-case letters, which the codec lower-cases."""
    part = bytes([len(label)]) + label.lower()
    wire = part * min(depth, 3) + name_from_text("a.example")
    assert len(wire) <= 255
    native = None if line is None else line.native()
    reference = None if line is None else line.reference()
    expected = decide_reference.decide(world.reference, reference, wire, world.now)
    assert decide.decide_name(world.native, native, wire, world.now) == expected


def test_the_longest_name() -> None:
    """127 labels: every suffix is looked at."""
    wire = b"\x01a" * 127 + b"\0"
    world = World(CLASSES, (Placed(".".join("a" * 127), bit=8), Placed("a", mandatory=300)))
    for line in (None, Line(own_names=(("a.a", Action.BLOCK, Scope.SUBTREE),))):
        native = None if line is None else line.native()
        reference = None if line is None else line.reference()
        expected = decide_reference.decide(world.reference, reference, wire, world.now)
        assert decide.decide_name(world.native, native, wire, world.now) == expected
        assert expected.verdict.matched == "a"

"""The native verdict on an answer equals its plain twin, on sound answers and on hostile bytes."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterd.model.verdict import Outcome
from filterd.policy import inspect, inspect_reference
from tests.worlds.examples import examples
from tests.worlds.policy import Line, World
from tests.worlds.policy_strategies import answers, heavy_answers, hostile_answers, lines, worlds

asked = st.lists(
    st.tuples(lines(), st.one_of(answers(), answers(), hostile_answers()), st.booleans()),
    min_size=8,
    max_size=25,
)


@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), asked)
def test_verdicts_are_equal(world: World, cases: list[tuple[Line | None, bytes, bool]]) -> None:
    for line, message, own_allow in cases:
        native = None if line is None else line.native()
        reference = None if line is None else line.reference()
        for is_protected, rewritten in ((True, False), (False, True), (False, False)):
            carried = {"is_protected": is_protected, "rewritten": rewritten}
            expected = inspect_reference.inspect(
                world.reference, reference, message, own_allow, world.now, **carried
            )
            found = inspect.inspect_message(world.native, native, message, own_allow, world.now, **carried)
            assert found == expected
            assert not rewritten or found is None or found.verdict.outcome is not Outcome.REWRITE
        plain = inspect.inspect_message(world.native, native, message, own_allow, world.now, traced=False)
        assert (plain is None) == (expected is None)
        if plain is not None and expected is not None:
            assert plain.verdict.reason is expected.verdict.reason
            assert plain.verdict.reference == expected.verdict.reference


@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), asked)
def test_an_untouched_answer_passes(world: World, cases: list[tuple[Line | None, bytes, bool]]) -> None:
    """An answer whose union does not touch the line is not inspected: inspection would pass it."""
    for line, message, own_allow in cases:
        native = None if line is None else line.native()
        reference = None if line is None else line.reference()
        touched = inspect.message_touches(world.native, native, message, world.now)
        assert touched == inspect_reference.touches(world.reference, reference, message, world.now)
        for is_protected in () if touched else (False, True):
            decision = inspect.inspect_message(
                world.native, native, message, own_allow, world.now, is_protected=is_protected
            )
            assert decision is not None
            assert decision.verdict.outcome is Outcome.PASS


def test_the_units_are_equal() -> None:
    assert {
        "most": inspect_reference.MOST_EFFORT,
        "record": inspect_reference.RECORD_EFFORT,
        "ipv4": inspect_reference.ADDRESS_EFFORT[4],
        "ipv6": inspect_reference.ADDRESS_EFFORT[16],
        "name": inspect_reference.NAME_EFFORT,
        "label": inspect_reference.LABEL_EFFORT,
        "name_bytes": inspect_reference.NAME_BYTES,
        "owner_labels": inspect_reference.OWNER_LABELS,
        "message_bytes": inspect_reference.MESSAGE_BYTES,
    } == inspect.EFFORT


@settings(max_examples=examples(33), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), lines(), heavy_answers(), st.integers(0, 6000))
def test_the_bound_is_met_by_both(world: World, line: Line | None, message: bytes, size: int) -> None:
    native = None if line is None else line.native()
    reference = None if line is None else line.reference()
    for each in (message, message[:size]):
        too_large = inspect_reference.too_large(each)
        assert inspect.too_large(each) == too_large
        expected = inspect_reference.inspect(world.reference, reference, each, False, world.now)
        assert inspect.inspect_message(world.native, native, each, False, world.now) == expected
        touched = inspect_reference.touches(world.reference, reference, each, world.now)
        assert inspect.message_touches(world.native, native, each, world.now) == touched
    fault = inspect_reference.subjects(message)
    assert fault is not inspect_reference.Fault.TOO_LARGE or inspect_reference.too_large(message)


@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), asked)
def test_what_is_remembered_gives_the_same_verdict(
    world: World, cases: list[tuple[Line | None, bytes, bool]]
) -> None:
    """Of an answer whose union is known only those are judged that stand in something, and a line's names."""
    for line, message, own_allow in cases:
        native = None if line is None else line.native()
        for rewritten in (True, False):
            whole, short = (
                inspect.inspect_message(
                    world.native,
                    native,
                    message,
                    own_allow,
                    world.now,
                    rewritten=rewritten,
                    traced=False,
                    remembered=remembered,
                )
                for remembered in (False, True)
            )
            assert (short is None) == (whole is None)
            if short is not None and whole is not None:  # of a coming order the union itself tells
                assert replace(short, coming=False) == replace(whole, coming=False)


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), lines(), answers())
def test_every_truncation(world: World, line: Line | None, message: bytes) -> None:
    native = None if line is None else line.native()
    reference = None if line is None else line.reference()
    for size in range(len(message)):
        cut = message[:size]
        expected = inspect_reference.inspect(world.reference, reference, cut, False, world.now)
        assert inspect.inspect_message(world.native, native, cut, False, world.now) == expected

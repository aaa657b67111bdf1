"""What was retired lives as long as a reader may hold it, and no longer: readers by hand, and a model."""

from __future__ import annotations

import contextlib
import random
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from filterd.dataplane.tables.epoch import Reader, collect, retire, waiting
from tests.worlds.examples import examples

READERS = 128
MOST_AT_ONCE = 4096


class Thing:
    """What can be watched as it goes."""

    def __init__(self, then: Callable[[], None] | None = None) -> None:
        self._then = then

    def __del__(self) -> None:
        if self._then is not None:
            self._then()


def retired(then: Callable[[], None] | None = None) -> weakref.ref[Thing]:
    """A thing that nothing but its retirement keeps."""
    thing = Thing(then)
    watched = weakref.ref(thing)
    retire(thing)
    return watched


def test_without_readers_things_go_at_once() -> None:
    assert retired()() is None
    assert waiting() == 0


def test_a_thing_goes_when_the_parked_reader_passes() -> None:
    asleep, busy, parked = Reader(), Reader(), Reader()
    asleep.awake()
    asleep.asleep()
    busy.awake()
    parked.awake()
    thing = retired()
    for _ in range(3):
        busy.pass_on()
        assert collect() == 1
        assert thing() is not None
    parked.pass_on()
    assert thing() is not None  # readers free nothing
    assert collect() == 0
    assert thing() is None


@pytest.mark.parametrize("leave", ["asleep", "gone"])
def test_a_reader_that_rests_or_leaves_holds_nothing(leave: str) -> None:
    reader = Reader()
    reader.awake()
    thing = retired()
    if leave == "asleep":
        reader.asleep()
    else:
        del reader
    assert collect() == 0
    assert thing() is None


def test_who_wakes_later_does_not_hold_it() -> None:
    early, late = Reader(), Reader()
    early.awake()
    thing = retired()
    late.awake()
    early.asleep()
    assert collect() == 0
    assert thing() is None


def test_a_reader_in_its_own_thread_holds_it_until_it_passes() -> None:
    is_awake, may_pass, has_passed, may_end = (threading.Event() for _ in range(4))

    def read() -> None:
        reader = Reader()
        reader.awake()
        is_awake.set()
        may_pass.wait()
        reader.pass_on()
        has_passed.set()
        may_end.wait()

    thread = threading.Thread(target=read)
    thread.start()
    is_awake.wait()
    thing = retired()
    assert collect() == 1
    may_pass.set()
    has_passed.wait()
    assert collect() == 0
    assert thing() is None
    may_end.set()
    thread.join()


def test_many_wait_in_order_and_go_by_and_by() -> None:
    reader = Reader()
    reader.awake()
    things = [retired() for _ in range(MOST_AT_ONCE + 500)]
    assert collect() == len(things)
    reader.pass_on()
    later = retired()  # frees a few of those before it
    left = [thing() is not None for thing in things]
    assert 0 < left.count(False) < 100
    assert left == sorted(left)
    assert 1 < collect() < 500  # it has its limit as well
    assert collect() == 1
    assert later() is not None
    reader.asleep()
    assert collect() == 0


def test_what_goes_may_retire_more() -> None:
    """A thing's end comes in the midst of ``collect``."""
    reader = Reader()
    found: list[weakref.ref[Thing]] = []
    reader.awake()
    for _ in range(100):
        retired(lambda: found.append(retired()))
    reader.asleep()
    while collect():
        pass
    assert len(found) == 100
    assert [thing() for thing in found] == [None] * 100


def test_there_are_so_many_readers_and_no_more() -> None:
    readers = []
    with pytest.raises(ValueError, match="128 readers"):
        while True:
            readers.append(Reader())
    assert len(readers) == READERS
    assert sorted(reader.number for reader in readers) == list(range(READERS))
    gone = readers.pop(7).number
    assert Reader().number == gone


@dataclass(slots=True)
class Held:
    """A retired thing, and the readers that were awake then."""

    thing: weakref.ref[Thing]
    by: set[int] = field(default_factory=set)


class EpochMachine(RuleBasedStateMachine):
    """Readers come, wake, pass, sleep and go between retirements."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: dict[int, Reader] = {}
        self.awake: set[int] = set()
        self.held: list[Held] = []

    def _lets_go(self, number: int) -> None:
        for each in self.held:
            each.by.discard(number)

    @rule()
    def join(self) -> None:
        with contextlib.suppress(ValueError):
            reader = Reader()
            assert reader.number not in self.readers
            self.readers[reader.number] = reader

    @rule(
        choice=st.randoms(use_true_random=False), action=st.sampled_from(["wake", "pass", "sleep", "leave"])
    )
    def act(self, choice: random.Random, action: str) -> None:
        if not self.readers:
            return
        number = choice.choice(sorted(self.readers))
        self._lets_go(number)
        if action == "leave":
            del self.readers[number]
        else:
            reader = self.readers[number]
            {"wake": reader.awake, "pass": reader.pass_on, "sleep": reader.asleep}[action]()
        (self.awake.add if action in ("wake", "pass") else self.awake.discard)(number)

    @rule()
    def retire(self) -> None:
        self.held.append(Held(retired(), set(self.awake)))

    @invariant()
    def kept_as_long_as_held(self) -> None:
        expected = [bool(each.by) for each in self.held]
        assert collect() == sum(expected)
        assert [each.thing() is not None for each in self.held] == expected

    def teardown(self) -> None:
        self.readers.clear()
        assert collect() == 0


TestEpochs = EpochMachine.TestCase
TestEpochs.settings = settings(max_examples=examples(20), stateful_step_count=40, deadline=None)

"""Exceptions and suspensions on a node: at once, by the clock alone, from its disk, never for too long."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.dataplane.nodestate.liftings import REMEMBERED, KnownLiftings, LiftingStep
from filterd.model.changelog import LiftingChange
from filterd.model.lifting import CLOCK_SKEW, MAX_EXCEPTION, MAX_SUSPENSION, LiftingKind, Term
from filterd.model.rule import Scope
from filterd.model.verdict import Reason
from filterd.policy.build import MANDATORY_TARGET
from filterd.policy.decide import LineHandle, decide_name
from filterd.policy.overlay import LiftingRule
from filterd.wire.names import name_from_text
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import CHILD, NOW, ORDER, Machine

ADULT = 8
EXCEPTION = LiftingChange(1, LiftingKind.EXCEPTION, NOW, NOW + 60, "shop.example")
SUSPENSION = LiftingChange(2, LiftingKind.SUSPENSION, NOW, NOW + 60)
ROW = "INSERT INTO lifting VALUES (?, ?, ?, 1, 'ticket', 'ana', ?, ?, '', ?)"


def reason(machine: Machine, name: str) -> Reason:
    """The verdict for a line with a profile."""
    state = machine.watcher.last.state
    assert state is not None
    policy = len(state.policies) - 1
    child = LineHandle(7, policy=policy, opted_in=True)
    return decide_name(state, child, name_from_text(name), int(machine.now), traced=False).verdict.reason


@pytest.fixture
def running(machine: Machine, store: ScriptedStore) -> Machine:
    """A node that follows the store, with two names in a category and one of them in a mandatory list."""
    rules = [("shop.example", ADULT), ("other.example", ADULT), ("worst.example", MANDATORY_TARGET)]
    machine.put_snapshot(0, rules)
    machine.start()
    machine.settle()
    store.write(CHILD)
    machine.settle()
    assert reason(machine, "www.shop.example") is Reason.CATEGORY
    return machine


def alone(machine: Machine) -> Machine:
    """Started again without the store."""
    machine.node.close()
    machine.store = None
    machine.start()
    return machine


def test_an_exception_holds_after_one_turn_and_ends_by_itself_without_the_store(
    running: Machine, store: ScriptedStore
) -> None:
    store.write(EXCEPTION)
    running.node.turn()
    assert reason(running, "www.shop.example") is Reason.EXCEPTION
    assert reason(running, "other.example") is Reason.CATEGORY
    assert (running.node.publisher.exceptions, running.node.publisher.overlay_entries) == (1, 1)
    assert reason(alone(running), "www.shop.example") is Reason.EXCEPTION
    running.wait(60)
    running.settle()
    assert reason(running, "www.shop.example") is Reason.CATEGORY
    assert running.node.publisher.exceptions == 0


def test_an_exact_one_says_nothing_of_the_names_below(running: Machine, store: ScriptedStore) -> None:
    store.write(replace(EXCEPTION, scope=Scope.EXACT))
    running.settle()
    assert reason(running, "shop.example") is Reason.EXCEPTION
    assert reason(running, "www.shop.example") is Reason.CATEGORY


def test_nothing_lifts_what_is_mandatory(running: Machine, store: ScriptedStore) -> None:
    store.write(ORDER, replace(EXCEPTION, name="banned.example"), SUSPENSION)
    store.write(replace(EXCEPTION, number=4, name="worst.example"))
    running.settle()
    assert reason(running, "banned.example") is Reason.MANDATORY
    assert reason(running, "worst.example") is Reason.MANDATORY


def test_a_suspension_turns_every_profile_off_until_it_ends(running: Machine, store: ScriptedStore) -> None:
    store.write(SUSPENSION)
    running.settle()
    assert reason(running, "shop.example") is Reason.NONE
    assert running.node.publisher.suspended_until == NOW + 60
    alone(running)
    assert reason(running, "shop.example") is Reason.NONE
    running.wait(60)
    running.settle()
    assert reason(running, "shop.example") is Reason.CATEGORY
    assert running.node.publisher.suspended_until == 0


@pytest.mark.parametrize("change", [EXCEPTION, SUSPENSION])
def test_what_a_person_ended_stays_ended(
    running: Machine, store: ScriptedStore, change: LiftingChange
) -> None:
    store.write(change)
    running.settle()
    store.write(replace(change, ended=True, name=""))
    running.settle()
    assert reason(running, "shop.example") is Reason.CATEGORY
    assert reason(alone(running), "shop.example") is Reason.CATEGORY


def test_a_clock_that_is_set_back_prolongs_nothing(running: Machine, store: ScriptedStore) -> None:
    store.write(EXCEPTION, SUSPENSION)
    running.settle()
    running.now = NOW - CLOCK_SKEW - 1
    running.settle()
    assert reason(running, "shop.example") is Reason.CATEGORY
    running.now = NOW + 59
    running.settle()
    assert reason(running, "shop.example") is Reason.EXCEPTION, "the clock was mended"


@pytest.mark.parametrize(
    ("kind", "longest"),
    [(LiftingKind.EXCEPTION, MAX_EXCEPTION), (LiftingKind.SUSPENSION, MAX_SUSPENSION)],
)
def test_one_that_would_last_too_long_never_holds(kind: LiftingKind, longest: int) -> None:
    assert Term(NOW, NOW + longest).holds(kind, NOW)
    assert not Term(NOW, NOW + longest + 1).holds(kind, NOW)
    assert not Term(NOW, NOW).holds(kind, NOW)
    assert not Term(NOW, NOW + 9).holds(kind, NOW + 9)


def test_a_node_below_the_floor_reads_them_all_anew(running: Machine, store: ScriptedStore) -> None:
    store.write(replace(EXCEPTION, name="other.example"))
    running.settle()
    running.node.close()
    store.sql(ROW, 5, "exception", "shop.example", NOW, NOW + 60, 0)
    store.sql(ROW, 6, "exception", "other.example", NOW, NOW + 60, NOW + 1)
    store.sql(ROW, 7, "suspension", "", NOW - 99, NOW, 0)
    store.write(CHILD)
    store.prune()
    running.start()
    running.settle()
    assert [each.number for each in running.node.publisher.lifted] == [5], "the other was ended meanwhile"
    assert reason(alone(running), "shop.example") is Reason.EXCEPTION


def test_a_store_from_before_there_were_any_is_followed(machine: Machine, store: ScriptedStore) -> None:
    store.sql("DROP TABLE lifting")
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(ORDER, CHILD)
    machine.settle()
    assert machine.node.missing() == []
    assert machine.watcher.blocked("banned.example")


def test_on_a_full_disk_an_end_counts_and_a_new_one_does_not(
    running: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(EXCEPTION)
    running.settle()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(running.node.disk.liftings.journal, "append", full)
        store.write(
            replace(EXCEPTION, ended=True, name=""), replace(EXCEPTION, number=4, name="other.example")
        )
        running.settle()
        assert reason(running, "shop.example") is Reason.CATEGORY
        assert reason(running, "other.example") is Reason.CATEGORY
        running.ticks += 1
        assert running.node.missing() == ["changes of the store cannot be applied: No space left on device"]
    running.settle()
    assert reason(running, "other.example") is Reason.EXCEPTION
    assert running.node.missing() == []


def test_a_damaged_file_lifts_nothing_and_keeps_nobody_from_serving(
    running: Machine, store: ScriptedStore
) -> None:
    store.write(EXCEPTION)
    running.settle()
    for path in Path(running.directory, "node").glob("liftings.*"):
        path.write_bytes(b"?" * 200)
    alone(running)
    assert reason(running, "shop.example") is Reason.CATEGORY
    assert running.node.missing() == []
    assert any(note.startswith("node state damaged") for note in running.watcher.notes)


def test_a_node_remembers_a_bounded_number() -> None:
    known = KnownLiftings()
    for number in range(REMEMBERED + 5):
        rule = LiftingRule(number, LiftingKind.EXCEPTION, Term(NOW + number, NOW + number + 1), b"\1" * 16)
        known.apply([LiftingStep(rule, ended=False)])
    assert len(known.by_number) == REMEMBERED
    assert REMEMBERED + 4 in known.by_number
    assert KnownLiftings.from_body(known.body()) == known


def test_two_nodes_with_the_same_beside_the_snapshot_say_so(running: Machine, store: ScriptedStore) -> None:
    none = running.node.publisher.effective[0]
    store.write(EXCEPTION)
    running.settle()
    first = running.node.publisher.effective[0]
    store.write(replace(EXCEPTION, number=9, name="other.example"))
    running.settle()
    second = running.node.publisher.effective[0]
    assert len({first, second, none}) == 3
    store.write(replace(EXCEPTION, number=9, ended=True))
    running.settle()
    assert running.node.publisher.effective[0] == first

"""Indexes of policies in the node state: counted by lines, given back, and written with the lines."""

from __future__ import annotations

import json
import time

import pytest

from filterd.dataplane.nodestate import choices_follower, publisher
from filterd.dataplane.nodestate.lines import KnownLines, LineStep
from filterd.dataplane.tables.epoch import Reader
from filterd.model.adjustments import Adjustments, Difference
from filterd.model.changelog import LineChange, LineRemoved
from filterd.model.line import LineChoices
from filterd.model.slot import Slot
from filterd.policy.classes import Classes
from filterd.policy.policy_book import PolicyBook
from filterd.policy.resolve import ProfileRules
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import NOW, ORDER, Machine

ZONE = "America/Mexico_City"
PROFILES = {name: ProfileRules(name) for name in ("children", "teenagers", "guests")}


def step(number: int, key: str, zone: str = ZONE) -> LineStep:
    return number, 1, key, zone, 0, []


def lines_of(*steps: LineStep) -> tuple[PolicyBook, KnownLines]:
    book = PolicyBook(PROFILES, Classes())
    known = KnownLines(book)
    known.apply(steps)
    return book, known


def body_of(known: KnownLines) -> memoryview:
    return memoryview(b"".join(bytes(part) for part in known.body()))


def keys_in(body: memoryview) -> bytes:
    return bytes(body[4 : 4 + int.from_bytes(body[:4], "little")])


THREE = (step(1, "children"), step(2, "teenagers"), step(3, "guests", "UTC"), step(4, "children"))


def test_the_last_line_takes_its_policy_with_it() -> None:
    book, known = lines_of(*THREE)
    known.apply([(4,), (2,)])
    book.at(NOW)
    assert book.combinations == 2
    known.apply([(1,), step(3, ""), (77,)])
    book.at(NOW)
    assert book.combinations == 0


def test_a_line_that_leaves_and_one_that_comes_in_one_batch() -> None:
    book, known = lines_of(*THREE)
    before = known.table.policy_of(2)
    batch = [step(2, "guests", "UTC"), step(1, "teenagers"), step(9, "teenagers")]
    assert not known.claim_policies(batch)
    table = book.at(NOW)
    known.apply(batch)
    assert known.table.policy_of(1) == known.table.policy_of(9) == before
    assert book.at(NOW) is table
    known.apply([(9,)])
    assert book.combinations == 3


def test_a_body_without_holes_is_as_it_ever_was() -> None:
    _, known = lines_of(*THREE)
    wanted = [["children", ZONE], ["teenagers", ZONE], ["guests", "UTC"]]
    assert keys_in(body_of(known)) == json.dumps(wanted).encode()
    other = PolicyBook(PROFILES, Classes())
    read = KnownLines.from_body(body_of(known), other)
    assert [read.table.find(number) for number in (1, 2, 3, 4)] == [
        known.table.find(number) for number in (1, 2, 3, 4)
    ]
    read.apply([(1,)])
    other.at(NOW)
    assert other.combinations == 3, "two lines have the first"
    read.apply([(4,)])
    other.at(NOW)
    assert other.combinations == 2


def test_a_body_with_holes() -> None:
    book, known = lines_of(*THREE)
    book.at(NOW)
    known.apply([(2,)])
    book.at(NOW)
    body = body_of(known)
    pairs = json.loads(keys_in(body))
    assert all(isinstance(text, str) for pair in pairs for text in pair), "as readers before this one want it"
    assert len({tuple(pair) for pair in pairs}) == 3
    other = PolicyBook(PROFILES, Classes())
    read = KnownLines.from_body(body, other)
    assert [read.table.policy_of(number) for number in (1, 3, 4)] == [1, 3, 1]
    table = other.at(NOW)
    assert [policy.profile for policy in table[1:2] + table[3:4]] == ["children", "guests"]
    assert other.missing() == ()
    read.apply([step(5, "teenagers")])
    assert read.table.policy_of(5) == 2


def test_lines_of_a_policy_that_the_body_lacks_are_not_read() -> None:
    """They would restrict nothing."""
    _, known = lines_of(*THREE)
    body = bytes(body_of(known))
    size = int.from_bytes(body[:4], "little")
    fewer = json.dumps([["children", ZONE], ["teenagers", ZONE]]).encode()
    cut = len(fewer).to_bytes(4, "little") + fewer + body[4 + size :]
    with pytest.raises(ValueError, match="the policy 3, which is none"):
        KnownLines.from_body(memoryview(cut), PolicyBook(PROFILES, Classes()))


def choices(number: int) -> LineChoices:
    """The line 7, with another plan for each number."""
    plan = (Slot((1,), number, 1440, everything=True),)
    adjustments = Adjustments(categories=Difference((), ("adult",)), plan=plan)
    return LineChoices(7, opted_in=True, profile="children", zone=ZONE, adjustments=adjustments)


def test_edits_of_a_line_leave_nothing_behind(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    for number in range(30):
        store.write(LineChange(choices(number)))
        machine.settle()
        del machine.watcher.shown[:-1]
    book = machine.node.disk.book
    assert (book.combinations, len(book)) in {(1, 3), (2, 3), (2, 4)}
    line = machine.watcher.last.lines.find(7)
    state = machine.watcher.last.state
    assert line is not None
    assert state is not None
    assert state.policies[line.policy].profile == "children"
    assert state.policies[line.policy].categories == 0, "the line took it away"
    machine.node.close()
    machine.store = None
    node = machine.start()
    assert node.disk.book.combinations == 1
    store.write(LineRemoved(7))
    machine.store = store.path
    machine.start()
    machine.settle()
    machine.node.publisher.advance(NOW + 1)
    assert machine.node.disk.book.combinations == 0


@pytest.mark.parametrize("passes", [True, False])
def test_a_reader_never_has_a_line_whose_policy_its_state_lacks(
    machine: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch, passes: bool
) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(LineChange(choices(1)))
    machine.settle()
    reader, slept = Reader(), list[float]()
    reader.awake()
    before = machine.node.disk.known.table.find(7)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert machine.node.disk.known.table.find(7) == before
        if passes:
            reader.pass_on()

    monkeypatch.setattr(time, "sleep", sleep)
    store.write(LineChange(choices(2)))
    machine.settle()
    assert machine.node.disk.known.table.find(7) != before
    assert len(slept) == (1 if passes else choices_follower.PATIENCE)


def night(number: int) -> LineChange:
    """A line whose plan closes everything for the first hours from two days after NOW on."""
    plan = (Slot((6,), 0, 60 + number, everything=True),)
    return LineChange(
        LineChoices(number, opted_in=True, profile="children", zone="UTC", adjustments=Adjustments(plan=plan))
    )


def test_an_order_does_not_wait_for_all_the_plans_of_one_moment(
    machine: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "MOST_SCHEDULES", 4)
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    for number in range(1, 31):
        store.write(night(number))
    machine.settle()
    boundary = machine.node.disk.book.at(int(machine.now))[1].next_boundary
    machine.wait(boundary - machine.now)
    assert machine.node.turn(), "more is waiting"
    store.write(ORDER)
    machine.node.turn()
    assert machine.watcher.blocked("banned.example")
    assert closed(machine) < 30
    machine.settle()
    assert closed(machine) == 30
    assert machine.watcher.blocked("banned.example")


def closed(machine: Machine) -> int:
    """Policies in force that close everything."""
    state = machine.watcher.last.state
    assert state is not None
    return sum(policy.schedule_all for policy in state.policies)

"""The node: starts from its disk alone, follows the store, and never loses what it acknowledged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filterd.model.changelog import BindingChange, BindingRemoved, LineChange, LineRemoved, OrderChange
from filterd.model.line import LineChoices, OwnName
from filterd.model.rule import Action, Scope
from filterd.policy.published import StateSettings
from tests.worlds.node import ScriptedStore
from tests.worlds.node_machine import CHILD, LOOPBACK, NOW, ORDER, Machine


def test_a_fresh_node_answers_nothing_until_it_has_the_mandatory_rules(machine: Machine) -> None:
    node = machine.start()
    assert machine.watcher.last.state is None
    assert node.missing() == [
        "mandatory state: not there yet",
        "lines state: not there yet",
        "bindings state: not there yet",
        "no policy snapshot",
        "the orders of the store are being read",
    ]
    machine.settle()
    assert node.missing() == ["no policy snapshot"]
    machine.put_snapshot(0)
    machine.settle()
    assert node.missing() == []
    assert machine.watcher.last.state is not None


def test_an_order_is_in_force_after_one_turn_and_after_a_start_without_the_store(
    machine: Machine, store: ScriptedStore
) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(ORDER, at=NOW - 0.5)
    machine.node.turn()
    assert machine.watcher.blocked("www.banned.example")
    assert machine.watcher.enforcements == [0.5]
    assert machine.node.publisher.overlay_entries == 2
    machine.node.close()
    machine.store = None
    machine.start()
    assert machine.watcher.blocked("www.banned.example")
    assert machine.node.missing() == []


def test_a_withdrawn_order_is_lifted_and_a_later_one_begins_by_the_clock(
    machine: Machine, store: ScriptedStore
) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(ORDER)
    machine.settle()
    store.write(OrderChange(ORDER.id, "1", withdrawn=True))
    later = OrderChange(ORDER.id + 1, "2", (("later.example", Scope.SUBTREE),), not_before=NOW + 60)
    store.write(later)
    machine.settle()
    assert not machine.watcher.blocked("banned.example")
    assert not machine.watcher.blocked("later.example")
    machine.now += 60
    machine.settle()
    assert machine.watcher.blocked("later.example")


def test_choices_come_back_from_the_disk_alone(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    own = (OwnName("shop.example", Action.ALLOW), OwnName("bad.example", Action.BLOCK, Scope.EXACT))
    store.write(LineChange(LineChoices(8, profile="children", zone="Europe/Madrid", own_names=own)))
    store.write(CHILD, BindingChange("127.0.0.2/32", 7), BindingChange("2001:db8::/56", 8))
    machine.settle()
    store.write(LineChange(LineChoices(9)), BindingChange("127.0.0.9/32", 9))
    store.write(LineRemoved(9), BindingRemoved("127.0.0.9/32"))
    machine.settle()
    before = {number: machine.node.disk.known.table.find(number) for number in (7, 8, 9)}
    machine.node.close()
    machine.store = None
    node = machine.start()
    assert {number: node.disk.known.table.find(number) for number in (7, 8, 9)} == before
    assert before[9] is None
    assert before[8] is not None
    assert len(before[8].own) == 32
    addresses = machine.watcher.last.bindings.addresses
    assert addresses.find(LOOPBACK) == 7
    assert addresses.find(bytes([127, 0, 0, 9])) is None
    state = machine.watcher.last.state
    assert state is not None
    assert [(policy.profile, policy.zone) for policy in state.policies] == [
        ("", "UTC"),
        ("children", "Europe/Madrid"),
        ("children", "America/Mexico_City"),
    ]
    assert state.policies[1].categories == 1 << 8


def test_a_new_policy_is_published_before_its_line(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(CHILD)
    machine.node.turn()
    line = machine.watcher.last.lines.find(7)
    assert line is not None
    assert machine.watcher.last.state is not None
    assert len(machine.watcher.last.state.policies) == line.policy + 1


def test_a_checkpoint_replaces_a_log_grown_long(
    machine: Machine, store: ScriptedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filterd.dataplane.nodestate.node_disk.LOG_LIMIT", 100)
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    for number in range(5):
        store.write(OrderChange(ORDER.id + number, str(number), ((f"n{number}.example", Scope.SUBTREE),)))
        store.write(LineChange(LineChoices(number)), BindingChange(f"10.0.0.{number}/32", number))
        machine.settle()
    machine.node.close()
    machine.store = None
    node = machine.start()
    assert all(machine.watcher.blocked(f"n{number}.example") for number in range(5))
    assert node.disk.known.table.numbers() and len(node.disk.known.table) == 5
    assert len(node.disk.bound) == 5


@pytest.mark.parametrize("part", ["mandatory", "parental", "bindings"])
@pytest.mark.parametrize("file", ["checkpoint", "log"])
def test_a_damaged_part_is_missing_until_it_was_read_anew(
    machine: Machine, store: ScriptedStore, part: str, file: str
) -> None:
    _seed_tables(store)
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(ORDER, CHILD, BindingChange("127.0.0.2/32", 7))
    machine.settle()
    machine.node.close()
    path = machine.directory / "node" / f"{part}.{file}"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    path_of_store, machine.store = machine.store, None
    node = machine.start()
    shown = machine.watcher.last
    name = "lines" if part == "parental" else part
    assert node.disk.parts()[name].damaged == 1
    assert any(reason.startswith(f"{name} state") for reason in node.missing())
    assert machine.watcher.notes
    if part == "mandatory":
        assert shown.state is None
    else:
        assert shown.state is not None
        assert not shown.state.settings.parental_ready
        assert shown.identity_ready is (part == "parental")
    machine.store = path_of_store
    node = machine.start()
    machine.settle()
    assert node.missing() == []
    assert machine.watcher.blocked("banned.example")
    assert machine.watcher.last.bindings.addresses.find(LOOPBACK) == 7


def _seed_tables(store: ScriptedStore) -> None:
    """What a full resync reads: the same as the changes say."""
    store.sql("INSERT INTO subscriber VALUES (7, 's', 0, '')")
    store.sql("INSERT INTO line_state VALUES (7, 1, 'children', 'America/Mexico_City', 0, 0, '', 0)")
    store.sql("INSERT INTO binding VALUES ('127.0.0.2/32', 7)")
    store.hold(ORDER)


def test_a_cursor_below_the_floor_reads_everything_anew(machine: Machine, store: ScriptedStore) -> None:
    _seed_tables(store)
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(LineChange(LineChoices(1)), LineChange(LineChoices(2)))
    store.sql("UPDATE log_floor SET revision = 2")
    machine.settle()
    assert machine.watcher.last.lines.numbers() == [7]
    assert machine.watcher.last.lines.find(7) is not None


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:-1], "truncated"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "damaged"),
        (lambda data: b"X" + data[1:], "version"),
    ],
)
def test_a_bad_snapshot_is_refused_and_the_last_good_one_kept(
    machine: Machine, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    machine.put_snapshot(1)
    machine.start()
    machine.settle()
    machine.put_snapshot(2, spoil=spoil)
    machine.settle()
    assert machine.node.publisher.snapshot is not None
    assert machine.node.publisher.snapshot.built_at_revision == 1
    assert machine.node.snapshot_files.refused == {reason: 1}
    machine.node.close()
    node = machine.start()
    assert node.publisher.snapshot is not None
    assert node.publisher.snapshot.built_at_revision == 1


def test_snapshots_of_another_key_and_older_ones_are_refused(machine: Machine) -> None:
    machine.put_snapshot(5)
    machine.start()
    machine.put_snapshot(6, key=bytes(16))
    machine.settle()
    machine.put_snapshot(4)
    machine.settle()
    assert machine.node.snapshot_files.refused == {"wrong_key": 1, "older": 1}
    machine.put_snapshot(7)
    machine.settle()
    assert machine.node.publisher.snapshot is not None
    assert machine.node.publisher.snapshot.built_at_revision == 7


def test_an_older_snapshot_is_refused_after_a_start_too(machine: Machine) -> None:
    name = machine.put_snapshot(5)
    machine.start().close()
    machine.put_snapshot(4)
    (machine.directory / "snapshots" / name).unlink()
    node = machine.start()
    assert node.publisher.snapshot is None
    assert node.snapshot_files.refused == {"older": 1, "missing": 1}


def test_an_unreadable_store_is_said_once_and_survived(machine: Machine) -> None:
    machine.put_snapshot(0)
    machine.store = machine.directory / "nothing.db"
    machine.start()
    for _ in range(3):
        machine.node.turn()
    assert [note for note in machine.watcher.notes if note.startswith("change log")] == [
        "change log not followed StoreUnreadableError"
    ]
    machine.wait(5)
    assert machine.node.lag() == 5


def test_profiles_are_not_missed_in_a_snapshot_that_is_not_there(
    machine: Machine, store: ScriptedStore
) -> None:
    machine.start()
    machine.settle()
    store.write(CHILD)
    machine.settle()
    machine.start()
    machine.settle()
    assert "lines have profiles that the snapshot does not know" not in machine.watcher.notes


def test_new_switches_take_effect_with_the_next_turn(machine: Machine) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    machine.node.change_settings(StateSettings(security_enabled=True))
    machine.node.turn()
    assert machine.watcher.last.state is not None
    assert machine.watcher.last.state.settings.security_enabled


def test_no_name_is_on_the_disk(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(ORDER, LineChange(LineChoices(7, own_names=(OwnName("secret.example", Action.BLOCK),))))
    machine.settle()
    for path in (machine.directory / "node").iterdir():
        data = path.read_bytes()
        assert b"secret" not in data
        assert b"banned" not in data


def test_an_unforeseen_error_does_not_end_the_thread(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.put_snapshot(0)
    node = machine.start()
    turns = iter([RuntimeError("secret"), None])

    def turn() -> bool:
        error = next(turns)
        if error is not None:
            raise error
        node.stop()
        return False

    monkeypatch.setattr(node, "turn", turn)
    monkeypatch.setattr("filterd.dataplane.nodestate.node.FAILED_SECONDS", 0.0)
    node.run()
    assert "RuntimeError" in machine.watcher.notes
    machine.wait(1)
    assert node.lag() == 1


@pytest.mark.parametrize("opted_in", [False, True])
@pytest.mark.parametrize("left", [False, True])
def test_opting_in_and_leaving_security_are_two_choices(
    machine: Machine, store: ScriptedStore, opted_in: bool, left: bool
) -> None:
    """As they are followed, and as a node that starts again reads them."""
    profile, zone = ("children", "Europe/Madrid") if opted_in else ("", "UTC")
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    choices = LineChoices(7, opted_in=opted_in, profile=profile, zone=zone, security_left=left)
    store.write(LineChange(choices))
    for _ in range(2):
        machine.settle()
        line = machine.watcher.last.lines.find(7)
        assert line is not None
        assert (line.opted_in, line.security_left) == (opted_in, left)
        machine.start()


def test_a_profile_that_the_snapshot_does_not_know_is_said(machine: Machine, store: ScriptedStore) -> None:
    machine.put_snapshot(0)
    machine.start()
    machine.settle()
    store.write(LineChange(LineChoices(7, opted_in=True, profile="gone")))
    machine.settle()
    machine.put_snapshot(1)
    machine.settle()
    assert "lines have profiles that the snapshot does not know" in machine.watcher.notes


def test_a_node_that_is_ready_names_an_unread_category_and_the_profiles_of_lines(
    machine: Machine, store: ScriptedStore
) -> None:
    machine.put_snapshot(0, unread=["adult"])
    machine.start()
    machine.settle()
    assert machine.node.missing() == [], "no line has the profile"
    assert machine.node.remarks() == ["no list was ever read of categories that profiles restrict: adult"]
    store.write(LineChange(LineChoices(7, opted_in=True, profile="children")))
    machine.settle()
    assert machine.node.missing() == [], "one line's choice takes the node from nobody else"
    assert machine.node.remarks()[1] == "dns.parental_fail holds for lines with these profiles: children"
    state = machine.watcher.last.state
    assert state is not None
    assert [each.unread for each in state.policies] == [False, True]
    machine.put_snapshot(1)
    machine.settle()
    assert (machine.node.missing(), machine.node.remarks()) == ([], [])

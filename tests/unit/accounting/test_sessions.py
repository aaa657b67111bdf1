"""The rules of sessions, one by one; their numbers are those of ``filterd/accounting/rules.pyx``."""

from __future__ import annotations

import random
import sys

import pytest

from tests.worlds.sessions import (
    CHANGE,
    DISCONNECT,
    INTERIM,
    OFF,
    ON,
    STALE_AFTER,
    START,
    STOP,
    Receiver,
    entries,
    fingerprint,
    network,
    wide,
)

X, Y, Z = "192.0.2.1", "192.0.2.2", "192.0.2.3"
PREFIX = "2001:db8:0:100::/56"
MOST_OF_CLIENT = 16_384
"""NASes, as ``accounting/evidence.pxd`` has it"""


def test_newer_evidence_takes_an_address_away() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X], ago=10)
    net.tell(START, "b", "luis", [X], ago=5)
    assert net.line(X) == 8
    net.tell(INTERIM, "a", "ana", [X], ago=7)
    assert net.line(X) == 8
    net.tell(INTERIM, "a", "ana", [X], ago=3)
    assert net.line(X) == 7
    assert net.table.counts().live == 1


DAY = 86_400


@pytest.mark.parametrize("ago", [DAY + 1, 25 * 3600, 50 * 365 * DAY])
@pytest.mark.parametrize("kind", [START, INTERIM, STOP, ON, OFF, DISCONNECT])
def test_a_message_of_another_day_says_nothing(kind: int, ago: float) -> None:
    """Recorded and sent again, or from a queue of yesterday: it claims nothing and ends nothing."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "b", "luis", [X])
    net.clock.now += 60
    net.tell(kind, "" if kind in (ON, OFF) else "a", "ana", [] if kind in (ON, OFF) else [X], ago=ago)
    net.tell(kind, "" if kind in (ON, OFF) else "b", "luis", [], ago=ago)
    assert net.line(X) == 8


def test_a_late_message_of_a_nas_that_nobody_knows_makes_no_wrong_line() -> None:
    """A queue that is drained: its first message would be taken for a clock that is behind."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "b", "luis", [X], nas="norte")
    net.clock.now += 10
    net.tell(START, "a", "ana", [X], ago=3600, nas="torre")
    assert net.line(X) is None
    net.clock.now += 600
    net.tell(INTERIM, "b", "luis", [X], nas="norte")
    net.tell(INTERIM, "a", "ana", [Y], nas="torre")  # its clock is right, as it turns out
    net.clock.now += 600
    net.tell(INTERIM, "b", "luis", [X], nas="norte")
    assert net.line(X) == 8


def test_a_nas_whose_clock_was_set_back_makes_no_wrong_line() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X], ago=-3600)  # its clock is an hour ahead; the Stop is lost
    net.clock.now += 60
    net.tell(START, "b", "luis", [X])
    assert net.line(X) == 8
    net.clock.now += 600
    net.tell(INTERIM, "b", "luis", [X])
    assert net.line(X) == 8


def test_a_message_that_was_overtaken_on_its_way_changes_nothing() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "b", "luis", [X])
    net.tell(INTERIM, "a", "ana", [X], ago=25)
    assert net.line(X) == 8


def test_in_one_second_a_start_beats_an_interim() -> None:
    for first, second in ((START, INTERIM), (INTERIM, START)):
        net = network()
        net.register(ana=7, luis=8)
        net.tell(first, "a", "ana", [X])
        net.tell(second, "b", "luis", [X])
        assert net.line(X) == (7 if first == START else 8)


def test_clocks_of_two_nases_are_compared_by_what_their_messages_took() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X], ago=600, nas="late")  # its clock is ten minutes behind
    net.clock.now += 10
    net.tell(INTERIM, "a", "ana", [X], ago=600, nas="late")  # twice by the same: so it is its clock
    net.clock.now += 10
    net.tell(START, "b", "luis", [X], nas="right")
    assert net.line(X) == 8
    net.clock.now += 10
    net.tell(INTERIM, "a", "ana", [X], ago=600, nas="late")
    assert net.line(X) == 7


def test_what_cannot_be_told_is_nobodys_until_newer_evidence() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X])
    net.tell(START, "b", "luis", [X])
    assert net.line(X) is None
    assert net.table.counts().ambiguous == 1
    assert net.table.is_ambiguous(wide(X))
    net.tell(START, "c", "luis", [X])
    assert net.line(X) is None
    net.clock.now += 60
    net.tell(INTERIM, "a", "ana", [X])
    assert net.line(X) == 7
    net.tell(STOP, "a", "ana", [X])
    assert net.line(X) is None
    assert not net.table.is_ambiguous(wide(X)), "one line's that ended is nobody's without a doubt"


def test_an_address_that_went_from_line_to_line_and_ended_is_not_ambiguous() -> None:
    """The memory of the first line is older by more than a message may be late."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X])
    net.tell(STOP, "a", "ana", [X])
    net.clock.now += 3600
    net.tell(START, "b", "luis", [X])
    net.tell(STOP, "b", "luis", [X])
    assert net.line(X) is None
    assert not net.table.is_ambiguous(wide(X))


def test_two_sessions_of_one_line_contradict_nothing() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    net.tell(START, "b", "ana", [X], nas="bng-2")
    assert net.line(X) == 7
    net.tell(STOP, "a", "ana", [X])
    assert net.line(X) == 7


def test_commands_hold_in_the_order_in_which_they_come() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.put("a", "ana", [X], lasts=60)
    net.put("b", "luis", [X], lasts=60)
    assert net.line(X) == 8


def test_a_command_beats_a_nas_of_the_same_moment() -> None:
    """Two clocks decide nothing within two seconds; a person does."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X])
    net.put("b", "luis", [X], lasts=600)
    assert net.line(X) == 8
    net.clock.now += 1
    net.tell(INTERIM, "a", "ana", [X])
    assert net.line(X) == 8
    assert net.table.counts().ambiguous == 0
    net.clock.now += 2
    net.tell(INTERIM, "a", "ana", [X])
    assert net.line(X) == 7, "later than that the NAS is believed again"
    net.tell(STOP, "a", "ana", [X])
    net.put("b", "luis", [X], lasts=600)
    assert net.line(X) == 8, "also over what is remembered of one that ended"


def test_a_stop_ends_its_own_session_for_good() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X], ago=20)
    net.tell(START, "b", "luis", [X], ago=10)
    net.tell(STOP, "a", "ana", [X], ago=5)
    assert net.line(X) == 8
    net.tell(STOP, "b", "luis", [X], ago=4)
    assert net.line(X) is None
    net.tell(INTERIM, "b", "luis", [X], ago=1)
    assert net.line(X) is None
    net.tell(START, "b", "luis", [X])  # the NAS uses the number again
    assert net.line(X) == 8


def test_a_start_that_comes_behind_its_stop_begins_nothing() -> None:
    net = network()
    net.register(ana=7)
    net.tell(STOP, "a", "ana", [X], ago=5)
    net.tell(START, "a", "ana", [X], ago=50)
    assert net.line(X) is None
    net.tell(START, "b", "ana", [X], ago=5)
    assert net.line(X) == 7


def test_a_disconnect_holds_until_newer_evidence() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X, PREFIX], ago=20)
    net.tell(DISCONNECT, "", "", [X], ago=10)
    assert net.line(X) is None
    assert net.line("2001:db8:0:1ff::1") is None
    net.tell(INTERIM, "a", "ana", [X])
    assert net.line(X) == 7
    net.clock.now += 5
    net.tell(DISCONNECT, "", "ana", [])
    assert net.line(X) is None


def test_what_is_known_of_an_address_outlives_its_session() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "b", "luis", [X], ago=10)
    net.tell(STOP, "b", "luis", [X], ago=5)
    net.tell(START, "a", "ana", [X], ago=30)
    assert net.line(X) is None
    net.tell(INTERIM, "c", "ana", [X], ago=5)
    assert net.line(X) is None
    net.tell(START, "c", "ana", [X], ago=5)
    assert net.line(X) == 7


def test_a_nas_that_begins_has_no_session_from_before() -> None:
    for kind in (ON, OFF):
        net = network()
        net.register(ana=7, luis=8)
        receiver = Receiver()
        net.tell(START, "a", "ana", [X], ago=20)
        net.tell(START, "b", "luis", [Y], ago=20, nas="bng-2")
        net.tell(kind, "", "", [], ago=10)
        assert net.line(X) is None
        assert net.line(Y) == 8
        net.tell(INTERIM, "a", "ana", [X], ago=15)
        assert net.line(X) is None
        while net.table.sweep(1):
            pass
        assert net.table.counts().live == 1
        receiver.follow(net.table, net.clock.now)
        assert list(receiver.at(net.clock.now).values()) == [8]


def test_a_message_without_a_line_confirms_only() -> None:
    net = network()
    net.tell(INTERIM, "a", "", [X])
    assert net.line(X) is None
    assert net.table.counts().unknown == 1
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    net.clock.now += 7000
    net.tell(INTERIM, "a", "", [])
    net.clock.now += 7000
    assert net.line(X) == 7


def test_an_address_is_replaced_by_another_of_its_kind() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X, PREFIX], ago=10)
    net.tell(INTERIM, "a", "ana", [Y], ago=5)
    assert (net.line(X), net.line(Y), net.line("2001:db8:0:1ff::1")) == (None, 7, 7)
    net.tell(INTERIM, "a", "ana", [X, "2001:db8:1::/64"], ago=7)  # late: only the new kind counts
    assert (net.line(X), net.line(Y), net.line("2001:db8:1::1")) == (None, 7, 7)


def test_a_session_may_go_on_as_another_lines() -> None:
    net = network()
    net.register(ana=7, luis=8)
    receiver = Receiver()
    net.tell(START, "a", "ana", [X], ago=10)
    net.tell(CHANGE, "a", "luis", [], ago=5)
    assert net.line(X) == 8
    net.tell(INTERIM, "a", "ana", [X], ago=7)
    assert net.line(X) == 8
    receiver.follow(net.table, net.clock.now)
    assert set(receiver.at(net.clock.now).values()) == {8}


def test_a_stale_session_is_unknown() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    net.clock.now += 7200
    assert net.line(X) is None
    net.tell(START, "b", "ana", [Y], ago=7300)
    net.tell(START, "c", "ana", [Y], ago=0)
    net.tell(START, "d", "ana", [X], ago=7300)
    assert (net.line(X), net.line(Y)) == (None, 7)
    net.table.sweep(100)
    assert net.table.counts().live == 1


def test_a_full_table_refuses() -> None:
    net = network(most=2)
    net.register(ana=7)
    for place in range(1, 4):
        net.tell(START, f"a{place}", "ana", [f"192.0.2.{place}"])
    assert [net.line(f"192.0.2.{place}") for place in range(1, 4)] == [7, 7, None]
    assert net.table.counts().refused_full == 1
    net.tell(STOP, "a1", "ana", [])
    net.tell(START, "a3", "ana", ["192.0.2.3"])
    assert net.line("192.0.2.3") == 7


def test_a_message_that_a_full_table_refuses_is_evidence_still() -> None:
    net = network(most=2)
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X, PREFIX], ago=9)
    net.tell(START, "b", "ana", [Y], ago=9)
    net.tell(START, "c", "luis", [X], ago=5)
    assert (net.line(X), net.line(Y), net.line("2001:db8:0:1ff::1")) == (None, 7, 7)
    assert net.table.counts().refused_full == 1
    net.tell(START, "d", "luis", [Y], ago=5)  # ends the session that had it
    assert (net.line(X), net.line(Y)) == (None, 8)


def test_receivers_hear_of_changes_and_not_of_each_confirmation() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    assert net.table.sequence == 1
    for _ in range(6):
        net.clock.now += 300
        net.tell(INTERIM, "a", "ana", [X])
    assert net.table.sequence == 1
    net.clock.now += 300
    net.tell(INTERIM, "a", "ana", [X])
    assert net.table.sequence == 2
    net.tell(STOP, "a", "ana", [])
    number, run = net.table.changes(2, 100) or (0, b"")
    assert number == 3
    assert run[16:24] == bytes(8)


def test_an_unregistered_subscribers_session_is_kept_and_told_when_it_registers() -> None:
    net = network()
    net.tell(START, "a", "ana", [X, PREFIX])
    assert (net.line(X), net.table.sequence) == (0, 0)
    net.register(ana=7)
    assert (net.line(X), net.table.sequence) == (7, 2)
    net.table.forget(fingerprint("ana"))
    assert (net.line(X), net.table.sequence) == (0, 4)
    assert net.table.full(0, 1000) == (0, b"")


def test_ports_of_one_address_are_apart() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [f"{X}:1024-2047"], ago=9)
    net.tell(START, "b", "luis", [f"{X}:2048-3071"], ago=9)
    net.tell(START, "c", "luis", [X], ago=9, nas="bng-1")
    assert [net.line(X, port) for port in (1024, 2047, 2048, 3071, 3072)] == [7, 7, 8, 8, 8]
    net.tell(START, "d", "luis", [f"{X}:1500-1600"], ago=5)
    assert [net.line(X, port) for port in (1024, 1500, 1600)] == [8, 8, 8]
    texts = {each.text for view in net.table.of_line(8, 9)[0] for each in view.claims}
    assert texts == {f"{X}:1500-1600", f"{X}:2048-3071", f"{X}/32"}


def test_the_longest_prefix_holds() -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [PREFIX])
    net.tell(START, "b", "luis", ["2001:db8:0:101::/64"])
    assert net.line("2001:db8:0:101::1") == 8
    assert net.line("2001:db8:0:102::1") == 7
    assert net.table.find(wide("2001:db8:1::1")) is None


def test_what_is_no_event_is_refused() -> None:
    net = network()
    with pytest.raises(ValueError, match="4 addresses at most"):
        net.put("a", "ana", [f"192.0.2.{place}" for place in range(5)], lasts=60)
    with pytest.raises(ValueError, match="16 bytes"):
        net.table.find(b"1234")
    with pytest.raises(ValueError, match="number of a line"):
        net.register(ana=0)
    net.table.close()
    with pytest.raises(ValueError, match="closed"):
        net.table.find(wide(X))


def pairs(lines: dict[str, int]) -> bytes:
    return b"".join(fingerprint(each) + line.to_bytes(8, sys.byteorder) for each, line in lines.items())


def test_many_subscribers_are_registered_at_once_and_their_table_grows() -> None:
    net = network(most=1000)
    net.tell(START, "a", "s-7", [X])
    lines = {f"s-{number}": number for number in range(1, 10_001)}
    net.table.register_many(pairs(lines))
    assert (net.line(X), net.table.counts().subscribers) == (7, 10_000)
    for number in range(1, 10_001, 3):
        net.table.forget(fingerprint(f"s-{number}"))
    net.table.register_many(pairs({f"t-{number}": 20_000 + number for number in range(9000)}))
    net.clock.now += 1
    for name, line in [("s-1", 0), ("s-2", 2), ("s-9999", 9999), ("s-10000", 0), ("t-8999", 28_999)]:
        net.clock.now += 3
        net.tell(START, "b" + name, name, [Y])
        assert net.line(Y) == line, name
    assert net.table.counts().subscribers == 10_000 - 3334 + 9000


@pytest.mark.parametrize("wrong", [bytes(24), bytes(23), b"\xff" * 24])
def test_what_is_no_line_registers_nobody(wrong: bytes) -> None:
    net = network()
    with pytest.raises(ValueError, match=r"line|bytes"):
        net.table.register_many(pairs({"ana": 7}) + wrong)
    assert net.table.counts().subscribers == 0


def test_counts_tell_sources_the_oldest_and_the_stale() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    net.clock.now += 10
    net.tell(START, "b", "nadie", [Y])
    net.put("c", "ana", [Z], lasts=60)
    net.table.sweep(3)
    net.table.sweep(1)
    counts = net.table.counts()
    assert counts.registered == {1: 1, 2: 0, 3: 1}
    assert counts.unregistered == {1: 1, 2: 0, 3: 0}
    assert (counts.oldest, counts.stale, counts.live) == (net.clock.now - 10, 0, 3)
    net.clock.now += 61
    net.table.sweep(6)
    counts = net.table.counts()
    assert (counts.registered, counts.stale, counts.live) == ({1: 1, 2: 0, 3: 0}, 1, 2)
    net.put("d", "nadie", [Y], lasts=60)  # it takes the address of the one of the NAS
    assert net.table.counts().unregistered == {1: 0, 2: 0, 3: 1}
    net.table.register(fingerprint("nadie"), 9)
    assert net.table.counts().registered == {1: 1, 2: 0, 3: 1}


def test_the_age_of_stale_evidence_may_change() -> None:
    net = network()
    net.register(ana=7)
    net.table.stale_after = 60
    net.tell(START, "a", "ana", [X], ago=0)  # the NAS's clock
    net.tell(START, "b", "ana", [Y], ago=61)
    assert (net.line(X), net.line(Y)) == (7, None)
    net.table.stale_after = 600
    net.tell(START, "c", "ana", [Y], ago=61)
    assert (net.line(Y), net.table.stale_after) == (7, 600)


def test_a_walk_finds_the_sessions_of_nobody_too() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    net.tell(START, "b", "nadie", [Y])
    assert [each.line for each in entries(net.table.full(0, 200)[1])] == [7]
    found = entries(net.table.full(0, 200, unregistered=True)[1])
    assert [(each.address, each.line) for each in found] == [(wide(X), 7), (wide(Y), 0)]


def test_many_sessions_of_one_subscriber_end_in_any_order() -> None:
    """Their chain leads both ways: 100,000 that end took 7.7 s before, and 0.2 s since."""
    net, chance = network(most=20_000), random.Random(5)
    net.register(ana=7, luis=8)
    left = [f"s{number}" for number in range(5000)]
    for number, session in enumerate(left):
        net.tell(START, session, "ana", [f"10.0.{number >> 8}.{number & 255}"])
    net.tell(START, "other", "luis", [X])
    chance.shuffle(left)
    for session in left[:2000]:
        net.tell(STOP, session, "ana", [])
    net.clock.now += 1
    for session in left[2000:2500]:  # they go on as another line's
        net.tell(INTERIM, session, "luis", [])
    net.table.register(fingerprint("ana"), 9)
    assert [len(each) for each in net.table.of_line(9, 3000)[:1]] == [2500]
    first, count = net.table.of_line(9, 10)
    assert (len(first), count) == (10, 2500)
    assert net.table.of_line(8, 0) == ([], 501)
    assert net.table.of_line(7, 10) == ([], 0)
    for session in left[2000:]:
        net.tell(STOP, session, "", [])
    assert (net.table.counts().live, net.line(X)) == (1, 8)


def test_one_sweep_drops_all_that_is_stale_part_by_part() -> None:
    net = network(most=5000)
    for number in range(2000):
        net.tell(START, f"s{number}", "ana", [f"10.0.{number >> 8}.{number & 255}"], nas=f"bng-{number % 2}")
    net.tell(ON, "", "", [], nas="bng-0")
    assert net.table.sweep(500) == 1500
    assert net.table.sweep(10_000) == 0
    assert net.table.counts().live == 1000
    net.clock.now += 7201
    net.table.sweep(2000)
    assert (net.table.counts().live, net.table.counts().stale) == (0, 1000)


@pytest.mark.parametrize(("intervals", "known"), [(2, False), (3, True), (4, True), (5, True), (12, True)])
def test_a_lost_interim_packet_costs_nothing_where_stale_after_is_three_intervals(
    intervals: int, known: bool
) -> None:
    """Receivers hear of a confirmation when they have less than three quarters of the time left, so that they
    may forget by up to a quarter sooner: docs/sessions.md says how long `stale_after` has to be."""
    found = [survives_a_lost_packet(intervals, lost) for lost in range(1, 13)]
    assert all(found) == known


def survives_a_lost_packet(intervals: int, lost: int) -> bool:
    """True if the line is known until the next packet but one, which comes two seconds late."""
    net, receiver = network(), Receiver()
    net.register(ana=7)
    interval = STALE_AFTER // intervals
    for packet in range(lost):
        net.tell(START if packet == 0 else INTERIM, "a", "ana", [X])
        receiver.follow(net.table, net.clock.now)
        net.clock.now += interval
    net.clock.now += interval + 2
    receiver.follow(net.table, net.clock.now)
    return bool(receiver.at(net.clock.now))

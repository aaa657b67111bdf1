"""Rules 2 to 5 of sessions where clocks lie or make steps, messages wait, and Stops come again."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.accounting.session_view import ClockStates
from tests.worlds.sessions import INTERIM, OFF, ON, START, STOP, Clock, network

X, Y, Z = "192.0.2.1", "192.0.2.2", "192.0.2.3"
DAY = 86_400


def test_the_states_of_clocks_are_counted() -> None:
    net = network()
    assert net.table.clock_states() == ClockStates(known=0, unproven=0, off=0, steps=0)
    net.put("c", "ana", [Z], lasts=60)  # goes by our clock
    net.tell(START, "a", "ana", [X], nas="right")
    net.tell(START, "b", "ana", [Y], ago=600, nas="behind")
    assert net.table.clock_states() == ClockStates(known=2, unproven=1, off=0, steps=0)
    net.clock.now += 10
    net.tell(INTERIM, "b", "ana", [Y], ago=600, nas="behind")
    assert net.table.clock_states() == ClockStates(known=2, unproven=0, off=1, steps=0)


@pytest.mark.parametrize("wrong", [2 * DAY, 20 * DAY])
def test_a_clock_that_is_days_behind_is_off_until_it_is_mended(wrong: int) -> None:
    """Seen: each of its packets was taken as accepted and said nothing, and no count named the clock."""
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X], ago=wrong, nas="far")
    assert net.line(X) is None
    assert net.table.clock_states() == ClockStates(known=1, unproven=0, off=1, steps=0)
    net.clock.now += 60
    net.tell(INTERIM, "a", "ana", [X], nas="far")
    assert net.line(X) == 7
    assert net.table.clock_states().off == 0


@pytest.mark.parametrize("ahead", [10, 3600, DAY - 60])
@pytest.mark.parametrize("kind", [ON, OFF, INTERIM])
def test_one_message_stamped_ahead_silences_nobody(kind: int, ahead: int) -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X])
    net.clock.now += 200
    net.tell(kind, "" if kind in (ON, OFF) else "a", "ana", [] if kind in (ON, OFF) else [X], ago=-ahead)
    net.clock.now += 30
    net.tell(START, "b", "luis", [X])
    net.tell(START, "c", "ana", [Y])
    assert (net.line(X), net.line(Y)) == (8, 7)


@pytest.mark.parametrize("step", [3600, -3600, 40, -40])
def test_a_step_of_a_clock_is_believed_when_two_messages_agree(step: int) -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X])
    net.clock.now += 600
    net.tell(INTERIM, "b", "ana", [Z], ago=-step)
    net.clock.now += 10
    net.tell(INTERIM, "b", "ana", [Z], ago=-step)
    net.clock.now += 5
    net.tell(START, "c", "luis", [X], ago=-step)
    assert net.line(X) == 8
    assert net.table.clock_states() == ClockStates(known=1, unproven=0, off=1, steps=1)
    net.tell(START, "d", "ana", [X], ago=20 - step)  # late, by the new clock
    assert net.line(X) == 8
    net.clock.now += 60
    net.tell(START, "d", "ana", [X], nas="norte")  # and another NAS's clock is compared with it
    assert net.line(X) == 7


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_step_is_not_believed_beside_messages_of_the_old_clock(step: int) -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    for _ in range(5):
        net.clock.now += 10
        net.tell(INTERIM, "b", "ana", [Z], ago=-step)
        net.clock.now += 10
        net.tell(INTERIM, "a", "ana", [X])
    assert net.table.clock_states() == ClockStates(known=1, unproven=0, off=0, steps=0)


@pytest.mark.parametrize("waited", [20, 3600])
def test_what_waited_takes_no_address(waited: int) -> None:
    """FreeRADIUS's detail reader writes the difference to the stamp as the delay: a long one may be a clock
    that is behind."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "b", "luis", [X], nas="norte")
    net.tell(INTERIM, "c", "ana", [Y], nas="torre")
    net.clock.now += waited + 10
    net.tell(INTERIM, "b", "luis", [X], nas="norte")
    net.tell(START, "a", "ana", [X], ago=waited, waited=waited, nas="torre")
    assert net.line(X) in (8, None)
    net.clock.now += 5
    net.tell(INTERIM, "b", "luis", [X], nas="norte")
    assert net.line(X) == 8
    assert net.table.clock_states().off == 0


@pytest.mark.parametrize("behind", [300, 3600, 6 * 3600])
def test_a_clock_that_is_behind_is_seen_through_freeradius(behind: int) -> None:
    """Seen: its detail reader made a delay of what the clock was wrong, and the NAS's lines were unknown, or
    another's, while its clock counted as right."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "b", "luis", [X], nas="norte")
    net.clock.now += 60
    for _ in range(3):
        net.tell(INTERIM, "a", "ana", [X], ago=behind, waited=behind, nas="torre")
        net.clock.now += 11
    assert net.line(X) == 7
    assert net.table.clock_states().off == 1


def test_what_says_that_it_waited_and_did_not_moves_no_clock() -> None:
    """A device that writes the time of sending and a delay beside it."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [Z])
    net.tell(INTERIM, "a", "ana", [Z], waited=4)
    net.clock.now += 60
    net.tell(START, "a", "ana", [X], nas="norte")
    net.clock.now += 4
    net.tell(START, "b", "luis", [X])
    assert net.line(X) == 8


def test_a_message_that_waited_for_more_than_a_day_says_nothing() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X], waited=2**32 - 1)
    assert net.line(X) is None


def test_a_stop_that_is_sent_again_does_not_end_a_later_session_of_its_id() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    net.clock.now += 300
    net.tell(STOP, "a", "ana", [X])
    net.clock.now += 300
    net.tell(START, "a", "ana", [X])
    net.tell(STOP, "a", "ana", [X], ago=300)
    assert net.line(X) == 7
    net.clock.now += 300
    net.tell(INTERIM, "a", "ana", [X])
    net.tell(STOP, "a", "ana", [X], ago=600)
    assert net.line(X) == 7
    net.tell(STOP, "a", "ana", [X])
    assert net.line(X) is None


def test_a_stop_of_before_the_start_ends_nothing_or_not_for_long() -> None:
    """The first of two sessions of one id has left no trace but a late Stop."""
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X])
    net.tell(STOP, "a", "ana", [X], ago=20)
    assert net.line(X) == 7
    net.tell(STOP, "a", "ana", [X], ago=300)  # or the clock was set back, and it is over
    assert net.line(X) is None
    net.tell(STOP, "a", "ana", [X], ago=301)
    net.clock.now += 300
    net.tell(INTERIM, "a", "ana", [X])
    assert net.line(X) == 7


def test_a_record_of_the_future_counts_as_of_now(tmp_path: Path) -> None:
    """Our clock was ahead, or the NAS's when nothing had told by how much."""
    clock = Clock()
    net = network(tmp_path / "sessions" / "live", clock)
    net.tell(START, "a", "ana", [X])
    net.table.close()
    clock.now -= 30
    net = network(tmp_path / "sessions" / "live", clock)
    net.register(ana=7, luis=8)
    assert net.line(X) == 7
    clock.now += 1
    net.tell(START, "b", "luis", [X])
    assert net.line(X) == 8


def test_a_clock_that_was_set_back_is_known_again_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    net = network(tmp_path / "sessions" / "live", clock)
    net.tell(START, "a", "ana", [X])
    for _ in range(3):
        clock.now += 200
        net.tell(INTERIM, "a", "ana", [X], ago=3600)
    net.table.close()
    net = network(tmp_path / "sessions" / "live", clock)
    net.register(ana=7, luis=8)
    assert net.line(X) == 7
    clock.now += 200
    net.tell(INTERIM, "b", "ana", [Z], ago=3600)
    clock.now += 10
    net.tell(START, "c", "luis", [X], ago=3600)
    assert net.line(X) == 8
    clock.now += 7000
    assert net.line(X) == 8

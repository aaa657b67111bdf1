"""A NAS whose clock is wrong: each row of the table "Clocks of a NAS" in ``docs/sessions.md``."""

from __future__ import annotations

import pytest

from filterd.accounting.session_view import ClockStates
from tests.worlds.sessions import DISCONNECT, INTERIM, OFF, ON, START, STOP, Network, network

X, Y, Z = "192.0.2.1", "192.0.2.2", "192.0.2.3"
DAY = 86_400
AHEAD = [10, 300, 3600, DAY - 60, DAY + 60, 365 * DAY, 50 * 365 * DAY]
"""seconds"""


def begun() -> Network:
    """Two registered lines, of which luis has X by way of the NAS `norte` since a moment ago."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "b", "luis", [X], nas="norte")
    net.clock.now += 5
    return net


# Ahead: counts as received now


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("kind", [START, INTERIM])
@pytest.mark.parametrize("known", [False, True], ids=["first message", "clock known as right"])
def test_a_session_that_is_stamped_ahead_has_its_address_at_once(kind: int, ahead: int, known: bool) -> None:
    """Seen: the address was nobody's until the next message; a day or more ahead, it stayed the other's."""
    net = begun()
    if known:
        net.tell(START, "z", "ana", [Z])
    net.tell(kind, "a", "ana", [X], ago=-ahead)
    assert net.line(X) == 7


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("later", ["bng-1", "norte"])
def test_a_start_by_a_right_clock_is_newer_than_one_that_was_stamped_ahead(ahead: int, later: str) -> None:
    net = begun()
    net.tell(START, "a", "ana", [X], ago=-ahead)
    net.clock.now += 5
    net.tell(START, "c", "luis", [X], nas=later)
    assert net.line(X) == 8


@pytest.mark.parametrize("ahead", [1, 5, *AHEAD])
@pytest.mark.parametrize("kind", [ON, OFF])
@pytest.mark.parametrize("wait", [0, 1])
def test_starts_after_a_begin_that_is_stamped_ahead_count(kind: int, ahead: int, wait: int) -> None:
    """Seen: On swallowed the Starts of its second, and for as long as it was ahead, up to 5 seconds."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X], ago=60)
    net.tell(kind, "", "", [], ago=-ahead)
    assert net.line(X) is None
    net.clock.now += wait
    net.tell(START, "b", "luis", [X])
    net.tell(INTERIM, "b", "luis", [X])
    assert net.line(X) == 8
    net.clock.now += 60
    net.tell(INTERIM, "b", "luis", [X])
    while net.table.sweep(10):
        pass
    assert net.line(X) == 8


@pytest.mark.parametrize("again", [2, 3, 10])
@pytest.mark.parametrize("after", [0.1, 0.9, 1.5])
@pytest.mark.parametrize("ahead", [0, 1, 2, 5, *AHEAD])
@pytest.mark.parametrize("kind", [ON, OFF])
def test_a_begin_that_is_sent_again_ends_no_session_of_between(
    kind: int, ahead: int, after: float, again: float
) -> None:
    """Its answer was lost. Seen: one up to 5 seconds ahead was in force from its arrival, its copy from its
    stamp; each copy of one further ahead from its own arrival."""
    for start_ahead in (0, ahead):
        net = network()
        net.register(ana=7)
        net.tell(START, "z", "ana", [Z])
        net.clock.now += 30
        began = net.clock.now
        net.tell(kind, "", "", [], ago=-ahead)
        net.clock.now = began + after
        net.tell(START, "a", "ana", [X], ago=-start_ahead)
        assert net.line(X) == 7
        net.clock.now = began + again
        net.tell(kind, "", "", [], ago=again - ahead)
        while net.table.sweep(10):
            pass
        assert (net.line(X), net.line(Z)) == (7, None)


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_begin_ends_the_sessions_of_a_clock_that_is_ahead(ahead: int) -> None:
    net = network()
    net.register(ana=7)
    for _ in range(3):
        net.tell(START, "a", "ana", [X], ago=-ahead)
        net.clock.now += 11
    net.tell(ON, "", "", [], ago=-ahead)
    assert net.line(X) is None


@pytest.mark.parametrize("ahead", AHEAD)
@pytest.mark.parametrize("kind", [STOP, DISCONNECT])
def test_an_end_that_is_stamped_ahead_ends_its_session_and_no_later_one(kind: int, ahead: int) -> None:
    """Seen: a Stop of more than a day ahead ended nothing, and one that was sent again a later session."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X])
    net.clock.now += 60
    net.tell(kind, "a", "ana", [X], ago=-ahead)
    assert net.line(X) is None
    net.clock.now += 3
    net.tell(START, "b", "luis", [X])
    net.tell(kind, "a", "ana", [X], ago=3 - ahead)
    assert net.line(X) == 8
    net.clock.now += 3
    net.tell(START, "a", "ana", [Y])
    net.tell(kind, "a", "ana", [X], ago=6 - ahead)
    assert net.line(Y) == 7


@pytest.mark.parametrize("ahead", AHEAD[1:])
def test_a_clock_that_is_ahead_is_followed_and_so_is_its_mending(ahead: int) -> None:
    net = begun()
    net.tell(START, "a", "ana", [Y], ago=-ahead)
    assert net.table.clock_states().unproven == 1
    net.clock.now += 10
    net.tell(INTERIM, "a", "ana", [Y], ago=-ahead)
    assert net.table.clock_states().off == 1
    net.clock.now += 60
    net.tell(START, "c", "ana", [X], ago=-ahead)  # and another NAS's clock is compared with it
    assert net.line(X) == 7
    for _ in range(2):
        net.clock.now += 10
        net.tell(INTERIM, "c", "ana", [X])
        net.tell(INTERIM, "a", "ana", [Y])
    assert (net.line(X), net.line(Y)) == (7, 7)
    assert net.table.clock_states() == ClockStates(known=2, unproven=0, off=0, steps=1)
    net.clock.now += 60
    net.tell(START, "d", "luis", [Y])
    assert net.line(Y) == 8


@pytest.mark.parametrize("ahead", [1, 5])
def test_what_is_ahead_within_the_bound_keeps_its_order(ahead: int) -> None:
    net = network()
    net.register(ana=7, luis=8)
    for session, line in (("a", "ana"), ("b", "luis"), ("c", "ana")):
        net.clock.now += 1
        net.tell(START, session, line, [X], ago=-ahead)
    net.tell(START, "d", "luis", [X], ago=1 - ahead)  # late
    assert net.line(X) == 7
    assert sum(net.table.counts().ahead.values()) == 0


# Sent again, late, or recorded


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_copy_of_what_is_stamped_ahead_takes_no_address(ahead: int) -> None:
    net = network()
    net.register(ana=7, luis=8)
    net.tell(START, "a", "ana", [X], ago=-ahead)
    net.clock.now += 3
    net.tell(START, "b", "luis", [X])
    net.clock.now += 5
    net.tell(START, "a", "ana", [X], ago=8 - ahead)
    assert net.line(X) == 8
    net.clock.now += 60
    net.tell(START, "a", "ana", [X], ago=68 - ahead)
    assert net.line(X) == 8


@pytest.mark.parametrize("ahead", AHEAD[1:])
def test_what_was_recorded_while_the_clock_was_ahead_takes_no_address(ahead: int) -> None:
    """The NAS's clock is mended; what it sent before is stamped ahead, by less than its newest stamp."""
    net = network()
    net.register(ana=7, luis=8)
    begin = net.clock.now
    for _ in range(3):
        net.tell(INTERIM, "a", "ana", [X], ago=-ahead)
        net.clock.now += 11
    net.tell(START, "d", "ana", [Y], ago=-ahead)
    for _ in range(3):
        net.clock.now += 11
        net.tell(START, "b", "luis", [X])
    assert net.line(X) == 8
    net.tell(INTERIM, "a", "ana", [X], ago=net.clock.now - begin - ahead)
    assert net.line(X) != 7
    net.clock.now += 1
    net.tell(INTERIM, "b", "luis", [X])
    assert net.line(X) == 8


def test_what_is_late_and_stamped_ahead_takes_no_address() -> None:
    """Its NAS has said something newer since it was sent."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(INTERIM, "z", "ana", [Z], ago=-3600)
    net.clock.now += 5
    net.tell(START, "b", "luis", [X], ago=-3600)
    net.clock.now += 1
    net.tell(START, "a", "ana", [X], ago=-3600 + 6)
    assert net.line(X) != 7


# Clocks behind, never set, and delays


@pytest.mark.parametrize("behind", [10, 300, 3600, 6000])
def test_a_clock_that_is_behind_is_followed(behind: int) -> None:
    net = begun()
    net.tell(START, "a", "ana", [X], ago=behind)
    assert net.line(X) in (7, None) if behind <= 60 else net.line(X) is None
    net.clock.now += 10
    net.tell(INTERIM, "a", "ana", [X], ago=behind)
    assert net.line(X) == 7


def test_a_clock_that_is_behind_by_more_than_stale_after_counts_from_its_first_message() -> None:
    net = network()
    net.register(ana=7)
    net.tell(START, "a", "ana", [X], ago=8 * 3600)
    assert net.line(X) == 7


def test_a_clock_that_was_right_and_is_set_back_by_more_than_stale_after_tells_nothing_at_first() -> None:
    net = begun()
    net.tell(START, "z", "ana", [Z])
    net.tell(START, "a", "ana", [X], ago=8 * 3600)
    assert net.line(X) == 8
    assert net.table.clock_states().off == 0
    net.clock.now += 10
    net.tell(INTERIM, "a", "ana", [X], ago=8 * 3600)
    assert net.line(X) == 7
    assert net.table.clock_states().off == 1


@pytest.mark.parametrize("kind", [START, INTERIM, STOP, ON, OFF, DISCONNECT])
def test_a_clock_that_is_behind_by_more_than_a_day_says_nothing(kind: int) -> None:
    net = begun()
    nothing = kind in (ON, OFF)
    net.tell(kind, "" if nothing else "b", "" if nothing else "ana", [], ago=DAY + 60, nas="norte")
    assert net.line(X) == 8
    assert net.table.clock_states().off == 1


@pytest.mark.parametrize("delay", [1, 30, 3600, DAY])
def test_a_delay_tells_how_long_before_now_it_was(delay: int) -> None:
    """A stamp of the future, and a delay beside it."""
    net = network()
    net.register(ana=7, luis=8)
    net.tell(INTERIM, "b", "luis", [X])
    net.clock.now += 2
    net.tell(START, "a", "ana", [X], ago=-3600, waited=delay)
    assert net.line(X) == {1: 7, 30: 8, 3600: None, DAY: 8}[delay]


@pytest.mark.parametrize("delay", [DAY + 1, 2**32 - 1])
@pytest.mark.parametrize("ahead", [0, 3600, 365 * DAY])
@pytest.mark.parametrize("kind", [START, STOP, ON])
def test_a_delay_of_more_than_a_day_says_nothing(kind: int, ahead: int, delay: int) -> None:
    net = begun()
    net.tell(kind, "" if kind == ON else "b", "ana", [], ago=-ahead, waited=delay, nas="norte")
    net.tell(START, "a", "ana", [X], ago=-ahead, waited=delay)
    assert net.line(X) == 8


def test_messages_that_are_stamped_ahead_are_counted_by_kind() -> None:
    net = network()
    for kind in (START, INTERIM, STOP, DISCONNECT, ON, OFF):
        net.tell(kind, "" if kind in (ON, OFF) else "a", "ana", [], ago=-3600)
    net.tell(START, "c", "ana", [X], ago=-5)
    counted = net.table.counts().ahead
    assert counted == dict.fromkeys(("start", "stop", "interim", "on", "off", "disconnect"), 1) | {"coa": 0}

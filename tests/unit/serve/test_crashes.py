"""What becomes of a resolver that dies of a packet: who is blamed, when reduced mode begins, how it ends."""

from __future__ import annotations

import io
import json
import signal

import pytest

from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.serve.crashes import (
    DEATHS,
    QUIET_SECONDS,
    STUCK_SECONDS,
    WINDOW_SECONDS,
    CrashWatch,
    new_board,
)
from filterd.telemetry import log

KEY = bytes(range(16))
PACKET = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03bad\x00\x00\x01\x00\x01"


@pytest.fixture
def board() -> CrashBoard:
    return CrashBoard.make(KEY)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is logged."""
    stream = io.StringIO()
    monkeypatch.setattr(log, "_log", log.Log("supervisor", stream))
    return stream


def die(watch: CrashWatch, now: float, by: signal.Signals = signal.SIGSEGV) -> bool:
    watch.board.note(watch.board.mark(PACKET))
    return watch.ended(-by, now)


def test_a_death_by_a_fault_blames_what_was_under_work(board: CrashBoard, lines: io.StringIO) -> None:
    assert not die(CrashWatch(board), 1.0)
    assert (board.crashes, board.packets) == (1, 1)
    assert board.killed(board.mark(PACKET))
    assert board.under_work() == []
    line = json.loads(lines.getvalue())
    assert line["packets"] == [board.mark(PACKET).hex()]
    assert "bad" not in lines.getvalue()


@pytest.mark.parametrize("status", [0, 1, -signal.SIGKILL, -signal.SIGTERM])
def test_another_end_blames_nobody(board: CrashBoard, status: int) -> None:
    board.note(board.mark(PACKET))
    for now in range(10):
        assert not CrashWatch(board).ended(status, now)
    assert (board.crashes, board.packets, board.reduced) == (0, 0, False)
    assert board.under_work() == []


def test_a_death_at_no_packet_is_counted_alone(board: CrashBoard) -> None:
    CrashWatch(board).ended(-signal.SIGABRT, 1.0)
    assert (board.crashes, board.packets) == (1, 0)


def test_several_deaths_soon_after_one_another_begin_reduced_mode_once(
    board: CrashBoard, lines: io.StringIO
) -> None:
    watch = CrashWatch(board)
    assert [die(watch, float(at)) for at in range(DEATHS + 1)] == [False] * (DEATHS - 1) + [True, False]
    assert board.reduced
    assert lines.getvalue().count("reduced mode begins") == 1


def test_deaths_far_from_one_another_do_not(board: CrashBoard) -> None:
    watch = CrashWatch(board)
    assert not any(die(watch, at * WINDOW_SECONDS / (DEATHS - 1)) for at in range(20))
    assert not board.reduced


def test_reduced_mode_ends_after_a_quiet_while(board: CrashBoard) -> None:
    watch = CrashWatch(board)
    for at in range(DEATHS):
        die(watch, float(at))
    last = DEATHS - 1.0
    watch.check(last + QUIET_SECONDS - 1)
    assert board.reduced
    die(watch, last + 5)
    watch.check(last + QUIET_SECONDS)
    assert board.reduced, "it died again meanwhile"
    watch.check(last + 5 + QUIET_SECONDS)
    assert not board.reduced
    assert not board.killed(board.mark(PACKET))
    assert board.crashes == DEATHS + 1, "the counts stay"


def test_a_resolver_at_one_packet_for_long_is_stuck(board: CrashBoard) -> None:
    watch = CrashWatch(board)
    board.note(board.mark(PACKET))
    assert not watch.check(100.0)
    assert not watch.check(100.0 + STUCK_SECONDS - 1)
    assert watch.check(100.0 + STUCK_SECONDS)


def test_one_that_gets_the_same_packet_again_and_again_is_not(board: CrashBoard) -> None:
    watch = CrashWatch(board)
    for now in range(60):
        board.note(board.mark(PACKET))
        assert not watch.check(float(now))


def test_a_packet_is_known_again_under_another_id_and_a_question_in_other_letters(board: CrashBoard) -> None:
    assert board.mark(PACKET) == board.mark(b"\xff\xff" + PACKET[2:])
    assert board.mark(PACKET) != board.mark(PACKET + b"\0")
    assert CrashBoard.make(KEY[::-1]).mark(PACKET) != board.mark(PACKET)
    question = PACKET[12:]
    assert board.question_mark(question) == board.question_mark(question.replace(b"bad", b"BaD"))
    assert board.question_mark(question) != board.question_mark(question[:-4] + b"\0\x41\0\1")


def test_while_an_answer_is_read_its_question_is_noted(board: CrashBoard) -> None:
    question = PACKET[12:]
    with board.reading(question):
        assert [mark for _, mark in board.under_work()] == [board.question_mark(question)]
    assert board.under_work() == []
    with pytest.raises(ValueError, match="at most 260 bytes"):
        board.reading(bytes(261))


def test_the_oldest_of_too_many_makes_room(board: CrashBoard) -> None:
    marks = [board.mark(number.to_bytes(4, "big")) for number in range(60)]
    board.blame(marks)
    assert [board.killed(mark) for mark in marks] == [False] * 12 + [True] * 48
    assert board.packets == 60


def test_what_is_no_board_is_refused() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        CrashBoard(-1)
    with pytest.raises(ValueError, match="a key has 16 bytes"):
        CrashBoard.make(b"short")


def test_where_there_is_no_such_memory_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, lines: io.StringIO
) -> None:
    def none(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("os.memfd_create", none)
    assert new_board() is None
    assert "packets under work cannot be noted" in lines.getvalue()


def stuck(watch: CrashWatch, *standing: int) -> None:
    """A resolver that is to be ended: these threads stand at a packet, another is at one just now."""
    for place in standing:
        watch.board.note(watch.board.mark(bytes([place]) * 20), place)
    watch.check(1.0)
    watch.check(2.0)
    watch.board.note(watch.board.mark(PACKET), 9)
    watch.ending(2.0)


def test_one_ended_without_a_pulse_is_a_death_by_the_packet_that_a_thread_stood_at(board: CrashBoard) -> None:
    watch = CrashWatch(board)
    stuck(watch, 2)
    assert not watch.ended(-signal.SIGABRT, 3.0)
    assert (board.crashes, board.packets) == (1, 1)
    assert board.killed(board.mark(bytes([2]) * 20))
    assert not board.killed(board.mark(PACKET)), "it was at work on that for no time at all"
    assert not die(watch, 4.0)
    assert board.killed(board.mark(PACKET)), "another death blames all again"


@pytest.mark.parametrize("by", [signal.SIGABRT, signal.SIGKILL])
def test_one_ended_at_no_packet_counts_for_nothing(board: CrashBoard, by: signal.Signals) -> None:
    watch = CrashWatch(board)
    for now in range(2 * DEATHS):
        stuck(watch)
        assert not watch.ended(-by, float(now))
    assert (board.crashes, board.packets, board.reduced) == (0, 0, False)


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize(("later", "reduced"), [(WINDOW_SECONDS, False), (WINDOW_SECONDS - 0.5, True)])
def test_deaths_that_fall_into_one_window_begin_reduced_mode(
    board: CrashBoard, later: float, reduced: bool
) -> None:
    watch = CrashWatch(board)
    for _ in range(DEATHS - 1):
        assert not die(watch, 100.0)
    assert die(watch, 100.0 + later) is reduced
    assert board.reduced is reduced


@pytest.mark.usefixtures("lines")
def test_reduced_mode_ends_when_it_was_quiet_for_long_enough_after_the_last_death(board: CrashBoard) -> None:
    watch = CrashWatch(board)
    for now in range(DEATHS):
        die(watch, float(now))
    assert board.reduced
    watch.check(DEATHS - 1 + QUIET_SECONDS - 0.5)
    assert board.reduced
    watch.check(DEATHS - 1 + QUIET_SECONDS)
    assert not board.reduced


@pytest.mark.usefixtures("lines")
def test_a_packet_is_stuck_from_the_second_on_that_is_too_many(board: CrashBoard) -> None:
    watch = CrashWatch(board)
    board.note(board.mark(PACKET))
    assert not watch.check(10.0)
    assert not watch.check(10.0 + STUCK_SECONDS - 0.5)
    assert watch.check(10.0 + STUCK_SECONDS)

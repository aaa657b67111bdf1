"""The resolver's follower of sessions against a control that says anything, or nothing."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import pytest

from filterd.dataplane.nodestate import session_follower
from filterd.dataplane.nodestate.session_follower import (
    ResyncReason,
    SessionFollower,
    SessionPaths,
    SessionsInForce,
)
from filterd.disk.session_file import FileEntries
from filterd.wire.session_stream import FrameKind
from tests.worlds.session_control import Conversation, ScriptedControl, entry

PATIENCE = 20.0
FIRST, SECOND = "192.0.2.1/32", "192.0.2.2/32"


def until(comes: Callable[[], bool]) -> None:
    """Wait for what the follower's thread does."""
    end = time.monotonic() + PATIENCE
    while not comes():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.002)


@dataclass
class Scene:
    """A follower on its thread, what it published and what it noted."""

    directory: Path
    file: Callable[[], FileEntries | None] = lambda: None
    used: bool = False
    configured: bool = True
    shown: list[SessionsInForce] = field(default_factory=list)
    notes: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    ahead: float = 0.0
    """seconds that the clock has been put on"""
    follower: SessionFollower = field(init=False)

    def note(self, event: str, **fields: object) -> None:
        self.notes.append((event, fields))

    def enforced(self, seconds: float) -> None: ...

    def failed(self, error: Exception) -> None:
        self.faults.append(error)

    def start(self) -> SessionFollower:
        self.follower = SessionFollower(
            SessionPaths(self.socket, lambda: self.file()),
            self.shown.append,
            self,
            lambda: time.monotonic() + self.ahead,
            used=self.used,
            configured=self.configured,
        )
        self._thread = threading.Thread(target=self.follower.run, daemon=True)
        self._thread.start()
        return self.follower

    def stop(self) -> None:
        self.follower.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        assert self.faults == []

    @property
    def socket(self) -> Path:
        return self.directory / "sessions.sock"

    def line(self, address: str) -> int | None:
        """The line that an address leads to by what was published last."""
        ticks = int(time.monotonic() + self.ahead)
        return self.shown[-1].known.addresses.find(ip_address(address).packed, ticks)

    def events(self) -> list[str]:
        return [event for event, _ in self.notes]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_follower, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(session_follower, "LAST_PAUSE", 0.05)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def control(scene: Scene) -> Iterator[ScriptedControl]:
    with ScriptedControl(scene.socket) as made:
        yield made


def follow(scene: Scene, control: ScriptedControl, *entries: tuple[str, int]) -> Conversation:
    """A follower that has these from a complete control."""
    scene.start()
    conversation = control.accept()
    conversation.tell_all([entry(*each) for each in entries])
    until(lambda: scene.follower.loaded)
    return conversation


def test_the_full_state_is_published_once_it_is_complete(scene: Scene, control: ScriptedControl) -> None:
    follower = scene.start()
    assert not follower.ready
    conversation = control.accept()
    assert (conversation.hello.stream, conversation.hello.sequence) == (0, 0)
    conversation.send(FrameKind.BEGIN)
    conversation.send(FrameKind.FULL, [entry(FIRST, 7), entry("192.0.2.9:1024-2047", 8)])
    conversation.send(FrameKind.BEAT)
    assert scene.line("192.0.2.1") is None
    assert not scene.shown[-1].ready
    conversation.send(FrameKind.END, place=(5, 40))
    until(lambda: follower.ready)
    assert scene.line("192.0.2.1") == 7
    assert scene.shown[-1].ready
    ports = scene.shown[-1].known.ports
    assert ports.find(bytes([192, 0, 2, 9, 4, 1]) + bytes(10), int(time.monotonic())) == 8
    assert follower.missing() == []
    assert follower.resyncs == {ResyncReason.START: 1}


def test_changes_are_applied_as_they_come(scene: Scene, control: ScriptedControl) -> None:
    conversation = follow(scene, control, (FIRST, 7))
    conversation.send(FrameKind.CHANGE, [entry(FIRST, 0), entry(SECOND, 7)], place=(1, 3))
    until(lambda: scene.line("192.0.2.2") == 7)
    assert scene.line("192.0.2.1") is None


def test_an_entry_ends_by_its_own_deadline_without_control(scene: Scene, control: ScriptedControl) -> None:
    follow(scene, control, (FIRST, 7))
    control.close()
    assert scene.line("192.0.2.1") == 7
    scene.ahead = 3601
    assert scene.line("192.0.2.1") is None


def test_a_broken_connection_goes_on_from_the_place_that_was_reached(
    scene: Scene, control: ScriptedControl
) -> None:
    conversation = follow(scene, control, (FIRST, 7))
    conversation.send(FrameKind.CHANGE, [entry(SECOND, 8)], place=(1, 9))
    until(lambda: scene.line("192.0.2.2") == 8)
    conversation.close()
    again = control.accept()
    assert (again.hello.stream, again.hello.sequence) == (1, 9)
    again.send(FrameKind.CHANGE, [entry(SECOND, 9)], place=(1, 10))
    until(lambda: scene.line("192.0.2.2") == 9)
    assert scene.line("192.0.2.1") == 7
    assert scene.follower.resyncs == {ResyncReason.START: 1}


def test_another_control_begins_anew_and_what_it_lacks_is_gone(
    scene: Scene, control: ScriptedControl
) -> None:
    conversation = follow(scene, control, (FIRST, 7))
    conversation.close()
    again = control.accept()
    again.send(FrameKind.BEGIN, place=(2, 1))
    again.send(FrameKind.FULL, [entry(SECOND, 8)], place=(2, 1))
    assert scene.line("192.0.2.1") == 7, "the old state is in force until the new one is whole"
    again.send(FrameKind.END, place=(2, 1))
    until(lambda: scene.line("192.0.2.2") == 8)
    assert scene.line("192.0.2.1") is None
    assert scene.follower.resyncs == {ResyncReason.START: 1, ResyncReason.BEHIND: 1}


def test_a_full_state_that_is_cut_off_changes_nothing(scene: Scene, control: ScriptedControl) -> None:
    conversation = follow(scene, control, (FIRST, 7))
    conversation.close()
    cut = control.accept()
    cut.send(FrameKind.BEGIN, place=(2, 1))
    cut.send(FrameKind.FULL, [entry(FIRST, 8)], place=(2, 1))
    cut.close()
    again = control.accept()
    assert again.hello.stream == 1
    assert scene.line("192.0.2.1") == 7


def test_a_control_that_lost_its_state_takes_nothing_away(scene: Scene, control: ScriptedControl) -> None:
    conversation = follow(scene, control, (FIRST, 7), (SECOND, 8))
    conversation.close()
    again = control.accept()
    again.tell_all([entry(SECOND, 9)], place=(2, 1), complete=False)
    until(lambda: scene.line("192.0.2.2") == 9)
    assert scene.line("192.0.2.1") == 7
    assert scene.follower.ready


def test_nothing_counts_as_loaded_before_control_has_everything(
    scene: Scene, control: ScriptedControl
) -> None:
    follower = scene.start()
    conversation = control.accept()
    conversation.tell_all([entry(FIRST, 7)], complete=False)
    until(lambda: scene.line("192.0.2.1") == 7)
    until(lambda: "accounting.settle" in follower.missing()[0])
    assert not scene.shown[-1].ready
    conversation.send(FrameKind.BEAT)
    again = control.accept()
    assert again.hello.stream == 0, "all of it is asked for, in the place of the mixture"
    again.tell_all([entry(SECOND, 8)])
    until(lambda: follower.ready)
    assert scene.line("192.0.2.1") is None
    assert follower.resyncs == {ResyncReason.START: 1, ResyncReason.SETTLED: 1}


@pytest.mark.parametrize("junk", [b"junk" * 8, b"fSES\x02" + bytes(27), b"fSES\x01\x09" + bytes(26)])
def test_bytes_that_are_no_frame_have_everything_read_anew(
    scene: Scene, control: ScriptedControl, junk: bytes
) -> None:
    follow(scene, control, (FIRST, 7)).connection.sendall(junk)
    again = control.accept()
    assert again.hello.stream == 0
    assert scene.line("192.0.2.1") == 7
    again.connection.sendall(junk)
    control.accept().tell_all([entry(FIRST, 8)])
    until(lambda: scene.line("192.0.2.1") == 8)
    assert scene.follower.resyncs[ResyncReason.MALFORMED] == 1
    assert scene.events().count("control's stream of sessions is malformed") == 1, "said once"


def test_an_entry_that_is_none_is_refused_with_its_frame(scene: Scene, control: ScriptedControl) -> None:
    conversation = follow(scene, control, (FIRST, 7))
    wrong = bytearray(entry(SECOND, 9).to_bytes())
    wrong[28] = 129
    frame = b"fSES\x01\x05\x01\x00" + (1).to_bytes(4, "little") + bytes(4)
    place = (2).to_bytes(8, "little") + (1).to_bytes(8, "little")
    conversation.connection.sendall(frame + place + bytes(wrong))
    assert control.accept().hello.stream == 0
    assert scene.line("192.0.2.2") is None


@pytest.mark.parametrize("kind", [FrameKind.FULL, FrameKind.END, FrameKind.HELLO])
def test_a_frame_where_none_of_its_kind_can_come_is_malformed(
    scene: Scene, control: ScriptedControl, kind: FrameKind
) -> None:
    follow(scene, control, (FIRST, 7)).send(kind)
    assert control.accept().hello.stream == 0


def test_a_change_of_another_stream_or_of_before_is_malformed(scene: Scene, control: ScriptedControl) -> None:
    conversation = follow(scene, control, (FIRST, 7))
    conversation.send(FrameKind.CHANGE, [entry(FIRST, 8)], place=(2, 5))
    again = control.accept()
    assert again.hello.stream == 0
    assert scene.line("192.0.2.1") == 7


def test_without_control_the_file_is_read(scene: Scene) -> None:
    scene.file = lambda: FileEntries([entry(FIRST, 7).to_bytes() + entry(SECOND, 8).to_bytes()], "")
    scene.used = True
    follower = scene.start()
    until(lambda: follower.ready)
    assert scene.line("192.0.2.2") == 8
    with ScriptedControl(scene.socket) as control:
        control.accept().tell_all([entry(FIRST, 9)])
        until(lambda: scene.line("192.0.2.1") == 9)
    assert scene.line("192.0.2.2") is None


def test_a_file_that_lacks_sessions_does_not_count_as_loaded(scene: Scene) -> None:
    """Its lines are known; nobody can tell whose the other clients are, until control can."""
    scene.configured, scene.used = False, True
    scene.file = lambda: FileEntries([entry(FIRST, 7).to_bytes()], "3 records are damaged")
    follower = scene.start()
    assert follower.begun.wait(PATIENCE)
    assert scene.events() == ["the sessions file does not have every session"]
    assert (scene.line("192.0.2.1"), follower.used, follower.ready) == (7, True, False)
    assert (scene.shown[-1].used, scene.shown[-1].ready) == (True, False)
    with ScriptedControl(scene.socket) as control:
        control.accept().tell_all([entry(SECOND, 8)])
        until(lambda: follower.ready)
    assert (scene.line("192.0.2.1"), scene.line("192.0.2.2")) == (None, 8)


def test_a_control_that_accepts_and_says_nothing_is_not_waited_for(
    scene: Scene, control: ScriptedControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_follower, "SILENCE_SECONDS", 0.5)
    scene.file = lambda: FileEntries([entry(FIRST, 7).to_bytes()], "")
    scene.start()
    control.accept()
    until(lambda: scene.line("192.0.2.1") == 7)
    control.accept().tell_all([])


def test_without_control_and_file_sessions_are_not_loaded(scene: Scene) -> None:
    follower = scene.start()
    assert follower.begun.wait(PATIENCE)
    assert not follower.ready
    assert "control does not send them" in follower.missing()[0]
    assert scene.shown[-1].used


def test_where_sessions_are_not_in_use_nothing_is_missing(scene: Scene) -> None:
    scene.configured = False
    follower = scene.start()
    assert follower.begun.wait(PATIENCE)
    assert follower.ready
    assert not scene.shown[-1].used
    follower.use(configured=True)
    assert not follower.ready
    assert scene.shown[-1].used


def test_an_empty_file_alone_is_no_use_of_sessions(scene: Scene) -> None:
    scene.configured, scene.used, scene.file = False, True, lambda: FileEntries([], "")
    follower = scene.start()
    assert follower.begun.wait(PATIENCE)
    assert not follower.used


def test_the_first_session_ever_is_in_force_at_once(scene: Scene, control: ScriptedControl) -> None:
    scene.configured = False
    conversation = follow(scene, control)
    assert not scene.shown[-1].used
    conversation.send(FrameKind.CHANGE, [entry(FIRST, 7)], place=(1, 2))
    until(lambda: scene.shown[-1].used)
    assert scene.line("192.0.2.1") == 7
    assert scene.shown[-1].ready


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("it is no file of sessions")])
def test_a_damaged_file_is_said_and_nothing_counts_as_loaded(scene: Scene, error: Exception) -> None:
    def damaged() -> FileEntries:
        raise error

    scene.configured, scene.used, scene.file = False, True, damaged
    follower = scene.start()
    until(lambda: scene.events() == ["the sessions file cannot be read"])
    until(follower.begun.is_set)
    assert not follower.ready


def test_a_control_that_is_long_away_is_said_once_and_its_return(
    scene: Scene, control: ScriptedControl
) -> None:
    follow(scene, control, (FIRST, 7))
    control.close()
    assert scene.follower.remarks() == []
    scene.ahead = 31
    until(lambda: "control sends no sessions" in scene.events())
    assert scene.follower.remarks() != []
    assert scene.follower.lag() >= 31
    with ScriptedControl(scene.socket) as back:
        back.accept().send(FrameKind.BEAT)
        until(lambda: "control sends sessions again" in scene.events())
        assert scene.follower.remarks() == []
        assert scene.events().count("control sends no sessions") == 1


def test_sessions_past_their_end_are_not_counted_and_many_are_said(
    scene: Scene, control: ScriptedControl
) -> None:
    conversation = follow(scene, control)
    many = [entry(f"198.51.{high}.{low}/32", 7, 60) for high in range(2) for low in range(256)]
    conversation.send(FrameKind.CHANGE, [*many, entry(FIRST, 7)], place=(1, 600))
    scene.ahead = 6
    until(lambda: scene.follower.in_force == 513)
    scene.ahead = 100
    until(lambda: scene.follower.in_force == 1)
    assert scene.events().count("sessions ended unheard of") == 1
    assert "198.51" not in str(scene.notes)


def test_sessions_are_counted_while_changes_never_stop(scene: Scene, control: ScriptedControl) -> None:
    conversation = follow(scene, control, (FIRST, 7))
    scene.ahead = 6
    end = time.monotonic() + PATIENCE
    for number in range(2, 1_000_000):
        conversation.send(FrameKind.BEAT, place=(1, number))
        if scene.follower.in_force == 1:
            break
        assert time.monotonic() < end, "they are never counted"
        time.sleep(0.001)


def test_whatever_bytes_come_the_thread_goes_on(scene: Scene, control: ScriptedControl) -> None:
    """Invariant: what was loaded stays, and all of it is asked for again."""
    rng = random.Random(15)
    follow(scene, control, (FIRST, 7)).close()
    good = b"".join(each.to_bytes() for each in [entry(SECOND, 9)] * 3)
    for _ in range(12):
        conversation = control.accept()
        noise = bytearray(b"fSES\x01\x05\x01\x00\x03\x00\x00\x00" + bytes(20) + good)
        for _ in range(rng.randrange(1, 6)):
            noise[rng.randrange(len(noise))] = rng.randrange(256)
        conversation.connection.sendall(noise[: rng.randrange(len(noise))])
        conversation.close()
    control.accept().tell_all([entry(FIRST, 8)], place=(3, 1))
    until(lambda: scene.line("192.0.2.1") == 8)

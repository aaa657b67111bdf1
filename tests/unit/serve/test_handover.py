"""The exchange between a predecessor and its successor, each against the other and against a scripted end."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from filterd.dataplane.listeners.inherited import Name, SocketKind, name_of
from filterd.serve.handover.giving import ALONE_SECONDS, Giving, WaitEnding
from filterd.serve.handover.messages import (
    VERSION,
    HandoverError,
    Word,
    address_of,
    new_socket,
    receive,
    send,
)
from filterd.serve.handover.taking import Succession, SuccessionOutcome, dismiss, take_over
from filterd.telemetry import log

PATIENCE = 30.0


class Predecessor:
    """A resolver that leaves: real sockets, and a record of what was asked of it."""

    def __init__(self, threads: int = 2) -> None:
        self.udp = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(threads)]
        port = 0
        for each in self.udp:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            each.bind(("127.0.0.1", port))
            port = each.getsockname()[1]
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.done: list[object] = []

    async def let_go(self) -> None:
        self.done.append("let go")

    def facts(self) -> Mapping[str, object]:
        return {"in_force": True, "handovers": {"taken": 4}, "of_a_later_version": [1]}

    def sockets(self) -> Sequence[tuple[SocketKind, socket.socket]]:
        return [*((SocketKind.UDP, each) for each in self.udp), (SocketKind.TCP, self.tcp)]

    async def leave(self, taken: Sequence[tuple[SocketKind, Name]]) -> None:
        self.done.append(list(taken))

    @property
    def names(self) -> list[Name]:
        return [name_of(each.getsockname()) for each in (self.udp[0], self.tcp)]

    def close(self) -> None:
        for each in (*self.udp, self.tcp):
            each.close()


@pytest.fixture
def predecessor() -> Iterator[Predecessor]:
    made = Predecessor()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def said() -> io.StringIO:
    """The log."""
    stream = io.StringIO()
    log.configure("resolver", stream)
    return stream


def events(said: io.StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in said.getvalue().splitlines()]


async def giving(state_dir: Path, resolver: Predecessor) -> asyncio.Task[WaitEnding]:
    """One that waits for a successor already."""
    made = Giving(state_dir, resolver, asyncio.get_running_loop().time)
    made.open()
    return asyncio.create_task(made.run())


async def taking(state_dir: Path) -> Succession:
    return await asyncio.to_thread(take_over, state_dir)


async def ended(task: asyncio.Task[WaitEnding]) -> WaitEnding:
    return await asyncio.wait_for(task, PATIENCE)


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Callable[[Callable[[socket.socket], None]], None]]:
    """Makes a predecessor of what it does with its connection."""
    server = new_socket()
    server.bind(str(address_of(tmp_path)))
    server.listen()
    threads: list[threading.Thread] = []

    def play(script: Callable[[socket.socket], None]) -> None:
        def serve() -> None:
            link, _ = server.accept()
            with link:
                script(link)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()

    yield play
    for each in threads:
        each.join(PATIENCE)
    server.close()


# --- both ends ---


async def test_the_sockets_and_the_counts_go_to_the_successor(
    tmp_path: Path, predecessor: Predecessor
) -> None:
    waiting = await giving(tmp_path, predecessor)
    assert address_of(tmp_path).stat().st_mode & 0o777 == 0o600
    succession = await taking(tmp_path)
    assert predecessor.done == ["let go"]
    udp, tcp = predecessor.names
    assert len(succession.inherited) == 3
    taken = succession.inherited.take(SocketKind.UDP, udp)
    assert [each.getsockname() for each in taken] == [each.getsockname() for each in predecessor.udp]
    assert not any(each.getblocking() for each in taken)
    await succession.until_ready(lambda: True)
    await succession.finish()
    assert await ended(waiting) is WaitEnding.TAKEN
    assert predecessor.done == ["let go", [(SocketKind.UDP, udp)]]
    assert succession.inherited.take(SocketKind.TCP, tcp) == [], "it was closed: nobody took it"
    assert succession.handovers == {"taken": 5}
    assert not address_of(tmp_path).exists()
    for each in taken:
        each.close()


async def test_more_sockets_than_one_message_holds(tmp_path: Path) -> None:
    many = Predecessor(threads=300)
    waiting = await giving(tmp_path, many)
    succession = await taking(tmp_path)
    assert len(succession.inherited) == 301
    await succession.finish()
    assert await ended(waiting) is WaitEnding.TAKEN
    many.close()


async def test_the_next_successor_gets_what_one_that_ended_did_not_take(
    tmp_path: Path, predecessor: Predecessor, said: io.StringIO
) -> None:
    waiting = await giving(tmp_path, predecessor)
    first = await taking(tmp_path)
    first.inherited.close()
    first.settle(SuccessionOutcome.BROKEN)
    second = await taking(tmp_path)
    assert len(second.inherited) == 3
    await second.finish()
    assert await ended(waiting) is WaitEnding.TAKEN
    assert "the successor ended before it was ready" in events(said)


async def test_a_predecessor_is_dismissed(tmp_path: Path, predecessor: Predecessor) -> None:
    waiting = await giving(tmp_path, predecessor)
    await asyncio.to_thread(dismiss, tmp_path)
    assert await ended(waiting) is WaitEnding.DISMISSED
    dismiss(tmp_path)  # nobody is there


async def test_nobody_is_waited_for_in_vain(
    tmp_path: Path, predecessor: Predecessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of successors that fail counts too."""
    monkeypatch.setattr("filterd.serve.handover.giving.ALONE_SECONDS", 0.05)
    assert await ended(await giving(tmp_path, predecessor)) is WaitEnding.NOBODY
    assert predecessor.done == []
    assert not address_of(tmp_path).exists()


async def test_the_wait_says_how_long_it_lasts(tmp_path: Path, predecessor: Predecessor) -> None:
    now = [100.0]
    made = Giving(tmp_path, predecessor, lambda: now[0])
    assert made.seconds_left is None
    made.open()
    task = asyncio.create_task(made.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    now[0] += 12.0
    assert made.seconds_left == ALONE_SECONDS - 12.0
    successor = await taking(tmp_path)
    assert made.seconds_left is None, "there is a successor"
    await successor.finish()
    assert await ended(task) is WaitEnding.TAKEN


async def test_what_is_no_message_ends_no_wait(tmp_path: Path, predecessor: Predecessor) -> None:
    waiting = await giving(tmp_path, predecessor)
    for text in (b"nonsense", b"[]", b'{"word": "unheard of"}', b'{"word": "take"', b"{}"):
        with new_socket() as link:
            link.settimeout(PATIENCE)
            link.connect(str(address_of(tmp_path)))
            link.send(text)
            assert await asyncio.to_thread(link.recv, 4096) == b""
    await (await taking(tmp_path)).finish()
    assert await ended(waiting) is WaitEnding.TAKEN


# --- a predecessor that does otherwise ---


async def test_without_a_predecessor_nothing_happens(tmp_path: Path, said: io.StringIO) -> None:
    with new_socket() as left_behind:
        left_behind.bind(str(address_of(tmp_path)))
    for directory in (tmp_path, tmp_path / "none"):
        succession = take_over(directory)
        await succession.until_ready(lambda: False)
        await succession.finish()
        assert (len(succession.inherited), succession.outcome, succession.handovers) == (0, None, {})
    assert said.getvalue() == ""


def test_one_of_another_version_is_told_to_end(
    tmp_path: Path, scripted: Callable[[Callable[[socket.socket], None]], None], said: io.StringIO
) -> None:
    last: list[Word] = []

    def script(link: socket.socket) -> None:
        receive(link)
        send(link, Word.HERE, {"version": VERSION + 1})
        last.append(receive(link).word)

    scripted(script)
    assert take_over(tmp_path).handovers == {"refused": 1}
    assert events(said) == ["the predecessor passes nothing on"]
    assert last in ([], [Word.END])


@pytest.mark.parametrize("reason", ["version", "another successor"])
def test_one_that_refuses_is_left_alone(
    tmp_path: Path, scripted: Callable[[Callable[[socket.socket], None]], None], reason: str
) -> None:
    def script(link: socket.socket) -> None:
        receive(link)
        send(link, Word.REFUSED, {"version": VERSION, "reason": reason})

    scripted(script)
    succession = take_over(tmp_path)
    assert succession.outcome is SuccessionOutcome.REFUSED
    lock = tmp_path / "resolver.lock"
    lock.write_text(f"{os.getpid()} 1\n")
    assert not succession.make_way(lock)


async def test_what_one_that_died_had_passed_on_is_served(
    tmp_path: Path,
    scripted: Callable[[Callable[[socket.socket], None]], None],
    predecessor: Predecessor,
    said: io.StringIO,
) -> None:
    def script(link: socket.socket) -> None:
        receive(link)
        send(link, Word.HERE, {"version": VERSION, "in_force": True})
        send(link, Word.SOCKETS, {"kind": "of a later version"}, [predecessor.tcp.fileno()])
        send(link, Word.SOCKETS, {"kind": "udp"}, [each.fileno() for each in predecessor.udp])

    scripted(script)
    succession = await taking(tmp_path)
    assert len(succession.inherited) == 2
    await succession.until_ready(lambda: False)
    await succession.finish()
    assert succession.outcome is SuccessionOutcome.BROKEN
    assert events(said) == [
        "the predecessor ended or was stopped while it handed over; what it had not answered is lost",
    ]


def test_one_that_says_nothing_is_stuck(
    tmp_path: Path,
    scripted: Callable[[Callable[[socket.socket], None]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not ended here: this process is no resolver."""
    monkeypatch.setattr("filterd.serve.handover.taking.ANSWER_SECONDS", 0.1)
    silent = threading.Event()

    def script(link: socket.socket) -> None:
        silent.wait(PATIENCE)

    scripted(script)
    assert take_over(tmp_path).outcome is SuccessionOutcome.STUCK
    silent.set()


async def test_a_predecessor_with_nothing_in_force_is_not_waited_for(
    tmp_path: Path, predecessor: Predecessor, monkeypatch: pytest.MonkeyPatch, said: io.StringIO
) -> None:
    waiting = await giving(tmp_path, predecessor)
    succession = await taking(tmp_path)
    looks = iter([False, False, True])
    await succession.until_ready(lambda: next(looks))
    assert list(looks) == []
    monkeypatch.setattr("filterd.serve.handover.taking.READY_SECONDS", 0.05)
    await succession.until_ready(lambda: False)
    assert events(said) == ["takes over from its predecessor, though it is less ready"]
    monkeypatch.setattr(predecessor, "facts", dict)
    await succession.finish()
    assert await ended(waiting) is WaitEnding.TAKEN
    waiting = await giving(tmp_path, predecessor)
    bare = await taking(tmp_path)
    await bare.until_ready(lambda: False)
    await bare.finish()
    assert await ended(waiting) is WaitEnding.TAKEN


def test_a_message_that_is_cut_leaves_no_descriptor_open(predecessor: Predecessor) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        before = set(Path("/proc/self/fd").iterdir())
        socket.send_fds(
            theirs, [b'{"word": "sockets", "fill": "' + b"x" * 70_000], [predecessor.tcp.fileno()]
        )
        with pytest.raises(HandoverError, match="a message was cut"):
            receive(ours)
        socket.send_fds(theirs, [b"nonsense"], [predecessor.tcp.fileno()])
        with pytest.raises(HandoverError, match="not readable"):
            receive(ours)
        assert set(Path("/proc/self/fd").iterdir()) == before

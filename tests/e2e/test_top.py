"""``filterd top`` over a running installation: its figures are what was asked, and its terminal is left as it
was."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import pytest

from filterd.config.load import load
from filterd.operations.top.observer import Observer
from tests.e2e.conftest import World
from tests.e2e.deployment import FILTERD, Deployment, soon
from tests.e2e.names import BANNED, CHILD, STRANGER

pytestmark = [pytest.mark.ring("night"), pytest.mark.system("nsd")]

ASKED = 40


async def test_the_figures_are_what_was_asked(world: World) -> None:
    filterd = world.filterd
    assert soon(lambda: "filterd_subscribers{" in filterd.http(filterd.control, "/metrics")[1], seconds=60)
    observer = Observer(load(filterd.config), wall=time.time, monotonic=time.monotonic)
    assert (await observer.look()).resolver is None
    for number in range(ASKED):
        filterd.ask(f"top-{number}.example", source=STRANGER)
        filterd.ask(f"top-{number}.example", source=STRANGER)
        filterd.ask(BANNED, source=STRANGER)
    for _ in range(10):
        filterd.ask(world.adult, source=CHILD)
        filterd.ask("over-tcp.example", source=STRANGER, tcp=True)
    look = await observer.look()
    found, seconds = look.resolver, look.seconds
    assert found is not None
    assert {word: round(rate * seconds) for word, rate in found.queries.items()} == {"udp": 130, "tcp": 10}
    verdicts: Counter[str] = Counter()
    for each in found.verdicts:
        verdicts[each.verdict] += round(each.rate * seconds)
    assert verdicts == {"pass": 2 * ASKED + 10, "block": ASKED + 10}
    (upstream,) = found.upstreams
    assert upstream.upstream == f"127.0.0.1:{filterd.upstream}"
    assert round(upstream.answered * seconds) >= ASKED + 1
    assert round(found.cache["hit"] * seconds) >= ASKED
    assert found.node.lines == 3
    assert all(found.node.ready.values())
    assert look.control is not None
    assert look.control.subscribers["opted_in"] == 2


def test_counters_that_begin_anew_with_a_new_process(tmp_path: Path, world: World) -> None:
    filterd = Deployment(tmp_path / "killed", world.filterd.upstream)
    filterd.cli("store", "migrate")
    filterd.cli("feed", "update")
    filterd.cli("snapshot", "build")
    with filterd.serving("--role", "resolver") as process:
        observer = Observer(load(filterd.config), wall=time.time, monotonic=time.monotonic)
        for _ in range(30):
            filterd.ask("a.example")
        asyncio.run(observer.look())
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        (child,) = children.read_text().split()
        os.kill(int(child), signal.SIGKILL)
        assert soon(lambda: children.read_text().split() not in ([], [child]))
        filterd.wait_ready(process)
        for _ in range(5):
            filterd.ask("b.example")
        look = asyncio.run(observer.look())
    assert look.resolver is not None
    assert look.resolver.restarted
    assert round(look.resolver.queries["udp"] * look.seconds) == 5, "not what the one before had counted"
    assert "the resolver began anew: its counters too" in [each.message for each in look.attention]
    assert look.control_unreached is not None


def test_once_in_a_pipe_shows_no_name_line_or_client(world: World) -> None:
    world.filterd.ask("marker-of-top.example", source=CHILD)
    for words in (("top", "--once", "--interval", "0.3"), ("top", "--once", "--interval", "0.3", "--json")):
        done = world.filterd.run(*words)
        assert done.returncode == 0, done.stderr
        assert f"127.0.0.1:{world.filterd.upstream}" in done.stdout
        for secret in ("marker-of-top", CHILD, STRANGER, "child", "banned"):
            assert secret not in done.stdout.replace("children", "")


def test_a_line_of_json_for_each_interval(world: World) -> None:
    with running(world.filterd, "top", "--json", "--interval", "0.3", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
    assert all(each["resolver"]["node"]["ready"]["mandatory"] for each in lines)
    assert all(each["node"] == "resolver-1" for each in lines)


@contextlib.contextmanager
def running(
    filterd: Deployment,
    *words: str,
    stdin: int | None = None,
    stdout: int,
    stderr: int | None = None,
    term: str = "xterm",
) -> Iterator[subprocess.Popen[str]]:
    """One command that goes on until it is ended."""
    environment = {**os.environ, "FILTERD_CONFIG": str(filterd.config), "TERM": term}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        [*FILTERD, *words], env=environment, text=True, stdin=stdin, stdout=stdout, stderr=stderr
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


class Terminal:
    """A pseudo-terminal with ``filterd top`` on it."""

    def __init__(self) -> None:
        self.outer, self.inner = pty.openpty()
        self.shown = ""
        self.resize(24, 80)

    def resize(self, rows: int, columns: int) -> None:
        """Change its size; the kernel tells the foreground process only where it is the controlling one."""
        fcntl.ioctl(self.outer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def modes(self) -> list[object]:
        """Its modes, without those that the kernel sets by itself."""
        return termios.tcgetattr(self.inner)[:4]

    def shows(self, *words: str) -> bool:
        """Return whether all words came since the last reset."""
        while select.select([self.outer], [], [], 0)[0]:
            self.shown += os.read(self.outer, 65536).decode(errors="replace")
        return all(word in self.shown for word in words)

    def close(self) -> None:
        """Give both ends back."""
        os.close(self.outer)
        os.close(self.inner)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """A terminal of 24 rows and 80 columns."""
    made = Terminal()
    yield made
    made.close()


class Streams(TypedDict):
    """The streams of a process."""

    stdin: int
    stdout: int
    stderr: int


def on(terminal: Terminal) -> Streams:
    """The streams of a process on the terminal."""
    return {"stdin": terminal.inner, "stdout": terminal.inner, "stderr": terminal.inner}


@pytest.mark.parametrize("key", [b"q", b"\x1b", signal.SIGINT, signal.SIGTERM])
def test_it_lives_on_a_terminal_and_leaves_it_as_it_was(
    world: World, terminal: Terminal, key: bytes | signal.Signals
) -> None:
    before = terminal.modes()
    with running(world.filterd, "top", "--interval", "0.3", **on(terminal)) as process:
        assert soon(lambda: terminal.shows("queries", "verdict", "upstream", "snapshot", "q leaves"))
        assert terminal.modes() != before, "keys come one by one"
        os.write(terminal.outer, b"\x1b[A")
        assert not soon(lambda: process.poll() is not None, seconds=0.5), "an arrow is no escape"
        if isinstance(key, bytes):
            os.write(terminal.outer, key)
        else:
            process.send_signal(key)
        assert process.wait(timeout=20) == 0
    assert terminal.shows("\x1b[?1049h", "\x1b[?1049l"), "the screen of before is back"
    assert terminal.modes() == before
    assert "Traceback" not in terminal.shown


def test_a_terminal_without_a_cursor_gets_pages(world: World, terminal: Terminal) -> None:
    with running(world.filterd, "top", "--interval", "0.3", term="dumb", **on(terminal)):
        assert soon(lambda: terminal.shows("verdict") and terminal.shown.count("queries") >= 2)
    assert "\x1b[" not in terminal.shown


def test_it_is_drawn_anew_at_another_size(world: World, terminal: Terminal) -> None:
    with running(world.filterd, "top", "--interval", "600", **on(terminal)) as process:
        assert soon(lambda: terminal.shows("verdict"))
        terminal.shown = ""
        terminal.resize(60, 30)
        process.send_signal(signal.SIGWINCH)
        assert soon(lambda: terminal.shows("…")), "lines are cut at 30 columns, long before the next reading"


def test_without_a_resolver_it_keeps_trying(tmp_path: Path, world: World, terminal: Terminal) -> None:
    """It says what to do, and shows figures as soon as there is one; a restart is told."""
    filterd = Deployment(tmp_path / "late", world.filterd.upstream)
    filterd.cli("store", "migrate")
    with running(filterd, "top", "--interval", "0.3", **on(terminal)):
        assert soon(
            lambda: terminal.shows("resolver does not answer at", "systemctl status filterd-resolver")
        )
        with filterd.serving():
            for _ in range(30):
                filterd.ask("a.example")
            assert soon(lambda: terminal.shows("queries", "upstream"))
        terminal.shown = ""
        assert soon(lambda: terminal.shows("resolver does not answer at"))

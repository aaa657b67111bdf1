"""``filterd cache flush`` where a resolver answers, where none does, and where it says no."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from filterd.dataplane.listeners.commands import SOCKET, CommandSocket
from tests.unit.cli.conftest import Run


@dataclass
class Cache:
    told: list[tuple[bytes, bool]] = field(default_factory=list)

    def flush(self, name: bytes, *, subtree: bool) -> int:
        self.told.append((name, subtree))
        return len(self.told)


class Silent:
    """A node that no test asks here."""

    def describe(self) -> dict[str, object]:
        raise NotImplementedError

    def accept_history(self) -> bool:
        raise NotImplementedError


@pytest.fixture
def resolver(installation: Path) -> Iterator[Cache]:
    """The command socket of a resolver, on a loop of its own."""
    state = installation.parent / "state"
    state.mkdir(exist_ok=True)
    cache, node, started, ended = Cache(), Silent(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        commands = CommandSocket(state / SOCKET, cache, node)
        await commands.start()
        started.set()
        await ended.wait()
        await commands.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(10)
    yield cache
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_a_name_a_tree_and_everything(run: Run, resolver: Cache) -> None:
    assert "forgot 1 answer\n" in run("cache", "flush", "WWW.Example.org").stderr
    assert "forgot 2 answers\n" in run("cache", "flush", "peñón.example", "--subtree").stderr
    result = run("cache", "flush", "--json")
    assert json.loads(result.stdout) == {"name": None, "subtree": True, "removed": 3}
    assert resolver.told == [
        (b"\3www\7example\3org\0", False),
        (b"\x0cxn--pen-8mak\7example\0", True),
        (b"\0", True),
    ]


def test_without_a_resolver_it_says_how_to_start_one(run: Run, installation: Path) -> None:
    result = run("cache", "flush", "example.org")
    assert result.exit_code == 1
    assert "no resolver serves" in result.stderr
    assert "filterd serve" in result.stderr


def test_a_tree_needs_a_name_and_a_name_must_be_one(run: Run, resolver: Cache) -> None:
    assert run("cache", "flush", "--subtree").exit_code == 2
    assert run("cache", "flush", "a..b").exit_code == 1
    assert resolver.told == []

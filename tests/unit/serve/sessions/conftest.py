"""A table of sessions in memory, with a clock that the tests set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from filterd.accounting.claimable import ClaimNetworks
from filterd.accounting.sessions import Sessions
from filterd.serve.sessions.commands import SessionCommands, Terms
from filterd.serve.sessions.follower import subscriber_fingerprint
from tests.worlds.installation import NOW

KEY = bytes(range(16))


class Told:
    """A table and the commands that fill it."""

    def __init__(self, path: Path) -> None:
        self.now = NOW
        self.table = Sessions(None, KEY, 10_000, 7200, self.clock)
        self.networks = ClaimNetworks()
        terms = Terms(KEY, self.clock, lambda: 7200, lambda: self.networks)
        self.commands = SessionCommands(path, self.table, terms, lambda: {"complete": True})

    def clock(self) -> float:
        return self.now

    def register(self, subscriber: str, line: int) -> None:
        self.table.register(subscriber_fingerprint(KEY, subscriber), line)


@pytest.fixture
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    made = Told(tmp_path_factory.mktemp("state") / "sessions-command.sock")
    yield made
    made.table.close()

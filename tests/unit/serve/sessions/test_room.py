"""A full table of sessions is told once at its beginning and once at its end, and readiness names it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from filterd.serve.sessions.room import QUIET_SECONDS, TableRoom
from filterd.telemetry import log

MOST = 10


class Watched:
    def __init__(self, stream: io.StringIO) -> None:
        self.now = 1000.0
        self.stream = stream
        self.room = TableRoom(lambda: self.now, Path("/state/sessions/live"))

    def look(self, live: int, refused: int, after: float = 1.0) -> str:
        self.now += after
        self.room.look(live, MOST, refused)
        return self.room.remark

    def told(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def watched() -> Watched:
    stream = io.StringIO()
    log.configure("control", stream)
    return Watched(stream)


def test_a_full_table_is_said_at_its_beginning_and_at_its_end(watched: Watched) -> None:
    assert watched.look(MOST - 1, 0) == ""
    assert "accounting.sessions" in watched.look(MOST, 0)
    for refused in range(1, 100):  # refusals come and go with interim packets
        assert watched.look(MOST - refused % 2, refused, 50) != ""
    assert watched.look(MOST - 1, 99, QUIET_SECONDS - 1) != ""
    assert watched.look(MOST - 1, 99) == ""
    begun, ended = watched.told()
    assert (begun["event"], begun["level"], begun["count"]) == ("new sessions are refused", "error", MOST)
    assert "accounting.sessions" in str(begun["remedy"])
    assert (ended["event"], ended["count"]) == ("new sessions are taken again", 99)


def test_a_full_disk_is_told_as_one(watched: Watched) -> None:
    assert "the disk of /state/sessions has no room" in watched.look(1, 3)
    assert watched.look(1, 3, QUIET_SECONDS) == ""
    begun, ended = watched.told()
    assert "df /state/sessions" in str(begun["remedy"])
    assert ended["count"] == 3


def test_a_table_that_stays_full_stays_said_also_where_nobody_new_comes(watched: Watched) -> None:
    watched.look(MOST, 1)
    for _ in range(10):
        assert watched.look(MOST, 1, QUIET_SECONDS) != ""
    assert len(watched.told()) == 1

"""Four processes write 10,000 times while a reader polls: one chain, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from filterd.audit.chain import prove
from filterd.model.changelog import CHANGES_SQL, HEAD_SQL, PARENTAL
from filterd.store import change_log
from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside

pytestmark = pytest.mark.ring("night")

PROCESSES = 4
WRITES = 2_500
WAL_BOUND = 16 * 1024 * 1024
ROOT = Path(__file__).parents[2]


class Poller(threading.Thread):
    """Follows the change log as a node does, and watches the size of the write-ahead log."""

    def __init__(self, database: Path) -> None:
        super().__init__()
        self._database = database
        self._stopped = threading.Event()
        self.seen: list[int] = []
        self.largest_wal = 0
        self.trouble: Exception | None = None

    def run(self) -> None:
        """Poll until stopped, and once more after that."""
        try:
            self._follow()
        except Exception as error:
            self.trouble = error

    def _follow(self) -> None:
        with closing(
            sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, isolation_level=None, timeout=5)
        ) as connection:
            while not self._stopped.wait(0.02):
                self._poll(connection)
            self._poll(connection)

    def stop(self) -> None:
        """Let :meth:`run` return."""
        self._stopped.set()
        self.join()

    def _poll(self, connection: sqlite3.Connection) -> None:
        cursor = self.seen[-1] if self.seen else 0
        connection.execute("BEGIN")
        head, *_ = connection.execute(HEAD_SQL).fetchone()
        rows = connection.execute(CHANGES_SQL, (PARENTAL, cursor, head, 100_000)).fetchall()
        connection.execute("COMMIT")
        self.seen += [row[0] for row in rows]
        wal = self._database.with_name(self._database.name + "-wal")
        self.largest_wal = max(self.largest_wal, wal.stat().st_size if wal.exists() else 0)


async def run_writer(url: str, actor: str) -> list[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.concurrency.writer", url, actor, str(WRITES)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return [int(line) for line in output.split()]


async def test_four_processes_make_one_chain(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/filterd.db"
    await Store.migrate(url, ledger_beside(url))
    poller = Poller(tmp_path / "filterd.db")
    poller.start()
    try:
        actors = [f"writer-{number}" for number in range(PROCESSES)]
        acknowledged = await asyncio.gather(*(run_writer(url, actor) for actor in actors))
    finally:
        poller.stop()

    if poller.trouble is not None:
        raise poller.trouble
    store = await Store.open(url, ledger_beside(url))
    async with store.read() as connection:
        end = await change_log.chain_end(connection)
    proof = await prove(change_log.all_entries(store.read, end[0]), end)
    subjects = [entry.entry.subject async for entry in change_log.all_entries(store.read, end[0])]
    await store.close()

    assert proof.holds
    assert proof.entries == PROCESSES * WRITES
    written = {
        f"{actor}:{number}" for actor, numbers in zip(actors, acknowledged, strict=True) for number in numbers
    }
    assert written == set(subjects)
    assert len(subjects) == PROCESSES * WRITES
    assert poller.seen == list(range(1, PROCESSES * WRITES + 1))
    assert poller.largest_wal <= WAL_BOUND

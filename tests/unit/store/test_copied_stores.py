"""The stores that tests copy: each is what a migration makes, with a history of its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from filterd.store.store import Store
from tests.worlds.ledger import ledger_beside
from tests.worlds.migrated import migrated


def contents(url: str) -> list[str]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


async def test_a_copy_differs_from_a_migrated_store_in_its_history_alone(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}/filterd.db" for name in ("migrated", "first", "second")]
    (tmp_path / "migrated").mkdir()
    await Store.migrate(urls[0], ledger_beside(urls[0]))
    begins = []
    for url in urls[1:]:
        Path(url.removeprefix("sqlite:///")).parent.mkdir()
        await migrated(url, ledger_beside(url))
    for url in urls:
        store = await Store.open(url, ledger_beside(url))
        await store.require_newest()
        head = await store.head()
        await store.close()
        noted = store.ledger.noted()
        assert noted is not None
        assert (noted.newest, noted.turn, store.ledger.origin()) == (head, 0, "")
        begins.append(head.hash)
    assert len(set(begins)) == 3
    dumps = [
        [line.replace(begin, "") for line in contents(url)] for url, begin in zip(urls, begins, strict=True)
    ]
    assert dumps[0] == dumps[1] == dumps[2]

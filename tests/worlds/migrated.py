"""An empty store for a test: the first of a process is migrated, those that follow are copies of its file.

A migration runs every version of the schema, which takes longer than most tests. Each copy has a history of
its own, as each store that is migrated has: the hash that it begins with is drawn anew.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from filterd.store.engine import database_path
from filterd.store.ledger import Ledger, StoreHead
from filterd.store.store import Store


@dataclass(frozen=True)
class _Empty:
    file: bytes
    head: StoreHead


_made: list[_Empty] = []
"""the store that this process has migrated"""


async def migrated(url: str, ledger: Path) -> None:
    """Make an empty store at the URL and its ledger, as ``Store.migrate`` does where there is neither."""
    path = database_path(url)
    if not _made:
        await Store.migrate(url, ledger)
        noted = Ledger(ledger).noted()
        assert noted is not None
        _made.append(_Empty(path.read_bytes(), noted.newest))
        return
    _copy(_made[0], path, ledger)


def _copy(empty: _Empty, path: Path, ledger: Path) -> None:
    before = empty.head.hash.encode()
    begin = secrets.token_hex(len(before) // 2)
    assert empty.file.count(before) == 2, "a history begins with the hash of the head and of the floor"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(empty.file.replace(before, begin.encode()))
    Ledger(ledger).settle(replace(empty.head, hash=begin))

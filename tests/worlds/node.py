"""The surroundings of a node: a store whose change log a test writes, and a folder of snapshots."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from filterd.model.change_chain import change_hash
from filterd.model.changelog import Change, OrderChange, encode, line_of
from filterd.model.mandatory import FIRST_ORDER_ID, Mandate
from filterd.model.order import Demand, Order, OrderState
from filterd.model.order_rows import ROW_DIGEST, row_digest
from filterd.model.rule import Action, Scope
from filterd.model.sealed_entries import SealedEntries
from filterd.policy import snapshot_layout, unread_categories
from filterd.policy.build import Builder
from filterd.policy.classes import Classes
from filterd.policy.fingerprint import fingerprint_name
from filterd.policy.published import mandate_to_meta
from filterd.store.feed_tables import metadata

KEY = bytes(range(16))
SALT = "5a" * 16


def make_store(path: Path) -> Path:
    """A file with the store's tables and nothing in them."""
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    return path


class ScriptedStore:
    """A store of the real schema whose change log a test writes: a new one, or one that goes on."""

    def __init__(self, path: Path) -> None:
        """Begins a history of its own where the file has none."""
        self.path = path
        # The garbage collector may close it from another thread.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        head = self._connection.execute("SELECT revision, change_hash FROM head").fetchone()
        if head is None:
            head = 0, sha256(str(self.path).encode()).hexdigest()
            self._connection.execute("INSERT INTO head VALUES (1, 0, 0, '', 1, 1, ?, 0)", (head[1],))
            self._connection.execute("INSERT INTO log_floor VALUES (1, 0, ?)", (head[1],))
        self.revision: int = head[0]
        self.hash: str = head[1]
        (self.origin,) = self._connection.execute("SELECT hash FROM log_floor").fetchone()

    def write(self, *changes: Change, at: float = 0.0, statements: Iterable[tuple[Any, ...]] = ()) -> int:
        """Append changes and carry out statements, in one transaction; the newest revision."""
        self._connection.execute("BEGIN IMMEDIATE")
        for change in changes:
            self.revision += 1
            stream, kind, payload = encode(change)
            self.hash = change_hash(self.hash, self.revision, stream, kind, at, payload, SALT)
            row = (self.revision, stream, kind, at, payload, SALT, self.hash, line_of(change))
            self._connection.execute("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        for statement, *values in statements:
            self._connection.execute(statement, values)
        self._connection.execute("UPDATE head SET revision = ?, change_hash = ?", (self.revision, self.hash))
        self._connection.execute("COMMIT")
        return self.revision

    def sql(self, statement: str, *values: object) -> None:
        """Run one statement of a test's own."""
        self._connection.execute(statement, values)

    def prune(self) -> None:
        """Raise the floor to the newest revision."""
        self.sql("DELETE FROM change")
        self.sql("UPDATE log_floor SET revision = ?, hash = ?", self.revision, self.hash)

    def copy(self, name: str) -> ScriptedStore:
        """A copy of it as it is now, beside it: the same history until either is written."""
        path = self.path.with_name(name)
        path.unlink(missing_ok=True)
        self._connection.execute("VACUUM INTO ?", (str(path),))
        return ScriptedStore(path)

    def take_place_of(self, other: ScriptedStore) -> None:
        """Close both, and put this one's file in the place of the other's."""
        for each in (self, other):
            each.sql("PRAGMA wal_checkpoint(TRUNCATE)")
            each.close()
        self.path.rename(other.path)

    def hold(self, change: OrderChange) -> None:
        """Add the rows of an order, and the audit entry that says so: what a full resync reads."""
        state = OrderState.PENDING if change.pending else OrderState.ACCEPTED
        told = change.fingerprints
        sealed = None if told is None else SealedEntries("00", "", len(told.names), told)
        order = Order(
            number=change.id - FIRST_ORDER_ID,
            reference=change.reference,
            state=OrderState.WITHDRAWN if change.withdrawn else state,
            demand=Demand("", "", "", "", change.names, change.addresses, sealed=sealed),
            reason="",
            added_by="ana",
            added_at=0.0,
            accepted_at=0.0 if change.pending else 1.0,
            seal=SALT,
        )
        self.sql(
            "INSERT INTO orders VALUES (?, ?, ?, '', '', '', '', '', '', 0, 0, 0, 0, 0, 0, 0, 'ana',"
            " 0, ?, '', 0, '', ?, '', '', 0, 0, 0)",
            order.number,
            order.reference,
            order.state.value,
            order.accepted_at,
            order.seal,
        )
        for name, scope in change.names:
            self.sql("INSERT INTO order_name VALUES (?, ?, ?)", order.number, name, int(scope))
        for prefix in change.addresses:
            self.sql("INSERT INTO order_address VALUES (?, ?)", order.number, prefix)
        if sealed is not None:
            row = (sealed.key_id, sealed.text, sealed.count, json.dumps(sealed.fingerprints.fields()))
            self.sql("INSERT INTO sealed_order VALUES (?, ?, ?, ?, ?)", order.number, *row)
        self.sql(
            "INSERT INTO audit VALUES (?, 0, 0, 'ana', 'order.add', ?, '', NULL, ?, ?, ?, '')",
            order.number,
            f"order:{order.reference}",
            json.dumps({ROW_DIGEST: row_digest(order)}),
            f"before {order.number}",
            f"of {order.number}",
        )

    def lose(self, change: OrderChange) -> None:
        """Be a store that never had this order."""
        number = change.id - FIRST_ORDER_ID
        self.sql("DELETE FROM order_name WHERE order_number = ?", number)
        self.sql("DELETE FROM order_address WHERE order_number = ?", number)
        self.sql("DELETE FROM sealed_order WHERE order_number = ?", number)
        self.sql("DELETE FROM orders WHERE number = ?", number)
        self.sql("DELETE FROM audit WHERE subject = ?", f"order:{change.reference}")

    def close(self) -> None:
        """Close the writer."""
        self._connection.close()

    def __del__(self) -> None:
        self._connection.close()  # Python 3.13 warns of one that is left open


def profile(*categories: str, **rules: object) -> dict[str, Any]:
    """A profile as a snapshot's meta has it."""
    empty = {"services": [], "safe_search": [], "bypass": [], "blocking_mode": "nxdomain", "schedule": []}
    return {"categories": list(categories), **empty, **rules}


def put_snapshot(
    state_dir: Path,
    revision: int,
    classes: Classes,
    profiles: Mapping[str, Any],
    rules: Iterable[tuple[str, int]] = (),
    *,
    spoil: Callable[[bytes], bytes] = bytes,
    key: bytes = KEY,
    built_at: int = 1_800_000_000,
    history: str = "",
    mandates: Iterable[Mandate] = (),
    unread: Iterable[str] = (),
) -> str:
    """Publish a snapshot with ``rules`` (name, target), its bytes passed through ``spoil``; the file's
    name."""
    builder = Builder(key)
    for name, target in rules:
        builder.add_fingerprint(fingerprint_name(key, name), target, Scope.SUBTREE, Action.BLOCK)
    meta = {
        "lists": classes.to_meta(),
        "address_prefixes": {"4": [], "6": []},
        "profiles": dict(profiles),
        unread_categories.META: {"categories": list(unread), "waiting": {}},
        snapshot_layout.HISTORY: history,
        "mandates": [mandate_to_meta(each) for each in mandates],
    }
    data = spoil(b"".join(builder.finish(meta, revision, built_at, revision.to_bytes(32, "big"))))
    snapshot_files = state_dir / "snapshots"
    snapshot_files.mkdir(exist_ok=True)
    name = snapshot_layout.file_name(revision, f"{revision:012x}")
    (snapshot_files / name).write_bytes(data)
    (snapshot_files / ".draft").write_bytes(snapshot_layout.pointer_to(name))
    (snapshot_files / ".draft").rename(snapshot_files / snapshot_layout.CURRENT)
    return name

"""Which node follows the store, and the orders that nodes alone keep in force: shown, accepted, ended."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filterd.dataplane.listeners.commands import SOCKET, CommandSocket
from filterd.model.changelog import MANDATORY, OrderChange, decode
from filterd.model.full_state import mandatory_state
from filterd.model.mandatory import order_id
from filterd.model.records import OTHER_HISTORY, NodeReport
from filterd.operations import audit, nodes, resync
from filterd.operations.context import Context, OperationError
from filterd.operations.orders import ending, taking
from filterd.operations.resync import Kept, NodeHistory
from filterd.store import change_log
from filterd.store.ledger import WITHDRAWAL
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.installation import Installation, as_person

BELOW = "the floor is above it"


@dataclass
class Local:
    """The node on this machine."""

    other_history: bool = True
    follows_after: int = 2
    """descriptions until an accepted history is followed"""
    accepted: bool = False
    kept: list[dict[str, object]] = field(default_factory=lambda: [{"reference": "O-12", "since": 1000.5}])

    def describe(self) -> dict[str, object]:
        if self.accepted:
            self.follows_after -= 1
            self.other_history = self.follows_after > 0
        place: dict[str, object] = {"mandatory_revision": 7, "other_history": self.other_history}
        return {"name": "resolver-1", "kept": self.kept, **place}

    def accept_history(self) -> bool:
        self.accepted = True
        return self.other_history


class NoCache:
    def flush(self, name: bytes, *, subtree: bool) -> int:
        raise NotImplementedError


@asynccontextmanager
async def running(installation: Installation, local: Any) -> AsyncIterator[None]:
    """The resolver on this machine runs."""
    path = installation.settings.state_dir / SOCKET
    path.parent.mkdir(parents=True, exist_ok=True)
    served = CommandSocket(path, NoCache(), local)
    await served.start()
    try:
        yield
    finally:
        await served.close()


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open("ana", approvals=1) as context:
        await taking.add(context, REQUEST)
        yield context


async def heard(context: Context, name: str, revision: int, digest: str, **more: Any) -> None:
    report = NodeReport(name, context.clock(), revision, 0, "", not more.get("missing"), {}, digest, **more)
    await nodes.record(context, report)


async def test_each_node_is_shown_with_the_history_that_it_follows(
    context: Context, installation: Installation
) -> None:
    head = await context.store.head()
    await heard(context, "a", head.revision, head.hash, kept_orders=("O-12", "O-13"))
    await heard(context, "b", head.revision, "ab" * 32)
    await heard(context, "c", head.revision + 9, "ab" * 32)
    await heard(context, "d", head.revision, head.hash, missing=(OTHER_HISTORY,))
    await heard(context, "e", head.revision, "")
    found = {each.name: each.history for each in await resync.histories(context)}
    assert found == {"a": "this", "b": "another", "c": "another", "d": "another", "e": "unknown"}
    first = (await resync.histories(context))[0]
    assert first == NodeHistory(
        "a", "this", head.revision, context.clock(), False, (Kept("O-12", 0.0), Kept("O-13", 0.0))
    )
    installation.now += nodes.SILENT_AFTER + 1
    assert (await resync.histories(context))[0].silent
    await taking.add(context, REQUEST)
    async with context.store.report() as connection:
        await change_log.empty(connection, (await context.store.head()).cursor)
    assert (await resync.histories(context))[0].history == "unknown", BELOW


async def test_the_node_on_this_machine_is_asked_itself(context: Context, installation: Installation) -> None:
    await heard(context, "resolver-1", 1, "ab" * 32)
    async with running(installation, Local()):
        (found,) = await resync.histories(context)
    assert found == NodeHistory("resolver-1", "another", 7, 0.0, False, (Kept("O-12", 1000.5),))


async def test_a_history_is_accepted_and_waited_for(context: Context, installation: Installation) -> None:
    with pytest.raises(OperationError, match="no resolver serves") as caught:
        await resync.accept(context)
    assert "filterd serve" in caught.value.remedy
    async with running(installation, Local()):
        found = await resync.accept(context)
    assert (found.history, found.kept) == ("this", (Kept("O-12", 1000.5),))
    async with running(installation, Local(other_history=False)):
        with pytest.raises(OperationError, match="follows the store already; nothing to accept") as caught:
            await resync.accept(context)
    assert "version" not in caught.value.remedy


async def test_one_that_does_not_follow_in_time_is_said(
    context: Context, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resync, "POLL_SECONDS", 0.0)
    async with running(installation, Local(follows_after=9999)):
        with pytest.raises(OperationError, match="does not follow the store yet") as caught:
            await resync.accept(context)
    assert "node resync" in caught.value.remedy


async def test_a_store_behind_the_ledger_is_not_accepted(
    context: Context, installation: Installation, tmp_path: Path
) -> None:
    """No command writes in it: the node would follow a store that nobody may change."""
    copy = tmp_path / "copy"
    with closing(sqlite3.connect(installation.database)) as raw:
        raw.execute("VACUUM INTO ?", (str(copy),))
    await taking.add(context, REQUEST)
    await context.store.close()
    copy.replace(installation.database)
    for suffix in ("-wal", "-shm"):
        installation.database.with_name(installation.database.name + suffix).unlink(missing_ok=True)
    local = Local()
    async with running(installation, local), installation.open("ana", approvals=1) as older:
        with pytest.raises(OperationError, match="acknowledged") as caught:
            await resync.accept(older)
    assert "filterd restore --in-place --reason" in caught.value.remedy
    assert not local.accepted


async def test_the_end_of_a_kept_order_is_confirmed_for_every_node(
    context: Context, installation: Installation
) -> None:
    head = await context.store.head()
    await heard(context, "a", head.revision, head.hash, kept_orders=("O-12",))
    assert await resync.end(context, " o-12 ", reason="lifted in March")
    change = OrderChange(order_id(12), "O-12", withdrawn=True)
    with closing(sqlite3.connect(installation.database)) as raw:
        rows = raw.execute("SELECT kind, payload FROM change WHERE stream = ?", (MANDATORY,)).fetchall()
        assert decode(*rows[-1]) == change
        assert mandatory_state(raw.execute)[0] == change
        assert raw.execute("SELECT reference, ended_at FROM lost_order").fetchall() == [
            ("O-12", context.clock())
        ]
    (entry,) = [each.entry for each in await audit.tail(context, 9, "order:O-12")]
    assert (entry.action, entry.reason, entry.actor) == ("order.end_lost", "lifted in March", "ana")
    ended = context.store.ledger.endings()
    assert [(each.kind, each.number) for each in ended] == [(WITHDRAWAL, 12)]
    assert not await resync.end(context, "O-12", reason="again")
    assert (await context.store.head()).next_order == 13, "its number is not given out again"


async def test_a_kept_order_ends_only_when_the_one_that_replaces_it_is_in_force(
    installation: Installation,
) -> None:
    """With two approvals the new one is pending at first: ending the old one would lift its names."""
    async with installation.open("ana", approvals=2) as context:
        head = await context.store.head()
        await heard(context, "a", head.revision, head.hash, kept_orders=("O-12",))
        successor = (await taking.add(context, REQUEST)).reference
        before = await context.store.head()
        with pytest.raises(OperationError, match=f"{successor} is not in force: .* pending") as told:
            await resync.end(context, "O-12", reason="taken in again", replaced_by=successor)
        assert "filterd order approve" in told.value.remedy
        with pytest.raises(OperationError, match="unknown order 'O-99'"):
            await resync.end(context, "O-12", reason="taken in again", replaced_by="O-99")
        assert await context.store.head() == before
        await taking.approve(as_person(context, "bob"), successor)
        assert await resync.end(context, "O-12", reason="taken in again", replaced_by=successor.lower())
        (entry,) = [each.entry for each in await audit.tail(context, 9, "order:O-12")]
        assert entry.after == {"replaced_by": successor}
        await ending.withdraw(context, successor, reason="lifted")
        await heard(context, "a", head.revision, head.hash, kept_orders=("O-14",))
        with pytest.raises(OperationError, match="is not in force: its state is withdrawn"):
            await resync.end(context, "O-14", reason="taken in again", replaced_by=successor)


@pytest.mark.parametrize(
    ("reference", "message", "remedy"),
    [
        ("O-1", "the store has order O-1, which is accepted", "filterd order withdraw O-1"),
        ("O-99", "no node keeps order O-99 in force", "filterd node resync"),
        ("O-0", "not the reference of an order: 'O-0'", "write it like O-12"),
        ("12", "not the reference of an order: '12'", "write it like O-12"),
    ],
)
async def test_the_end_of_any_other_order_is_refused(
    context: Context, reference: str, message: str, remedy: str
) -> None:
    await heard(context, "a", 1, "ab" * 32, kept_orders=("O-1", "O-12"))
    before = await context.store.head()
    with pytest.raises(OperationError, match=message) as caught:
        await resync.end(context, reference, reason="because")
    assert remedy in caught.value.remedy
    with pytest.raises(OperationError, match="reason is empty"):
        await resync.end(context, "O-12", reason=" ")
    assert await context.store.head() == before


async def test_a_withdrawal_repeated_for_an_order_that_was_never_restored_ends_it_on_nodes(
    context: Context,
) -> None:
    """It was added and withdrawn after the backup; a node that was away since has it in force."""
    assert await ending.end_again(context, 12, reason="repeated after a restore")
    assert not await ending.end_again(context, 12, reason="repeated after a restore")
    assert await ending.end_again(context, 1, reason="repeated after a restore")


async def test_a_kept_order_that_the_store_has_withdrawn_ends_on_the_nodes(
    context: Context, installation: Installation
) -> None:
    """It was pending in a restored store, and accepted in the history that was lost."""
    async with installation.open("ana", approvals=2) as two:
        await taking.add(two, REQUEST)
    head = await context.store.head()
    await heard(context, "a", head.revision, head.hash, kept_orders=("O-2",))
    with pytest.raises(OperationError, match="which is pending") as caught:
        await resync.end(context, "O-2", reason="lifted")
    assert "filterd order withdraw O-2" in caught.value.remedy
    await ending.withdraw(context, "O-2", reason="lifted")
    with closing(sqlite3.connect(installation.database)) as raw:
        rows = "SELECT kind, payload FROM change WHERE stream = ? ORDER BY revision"
        told = decode(*raw.execute(rows, (MANDATORY,)).fetchall()[-1])
        assert isinstance(told, OrderChange)
        assert (told.id, told.names) == (order_id(2), ())
        assert told.withdrawn
        assert told in mandatory_state(raw.execute)
        assert await resync.end(context, "O-2", reason="a node still keeps it")
        assert decode(*raw.execute(rows, (MANDATORY,)).fetchall()[-1]) == told
    assert [each.entry.action for each in await audit.tail(context, 1, "order:O-2")] == ["order.end_lost"]

"""Confidential names stand in no file, whatever was done with them; a lost or altered key lifts nothing."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.disk import key_ring
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.model.audit_chain import GENESIS, AuditEntry, entry_hash
from filterd.model.changelog import CHANGES_SQL, MANDATORY, OrderChange, decode
from filterd.model.full_state import mandatory_state
from filterd.model.rule import Scope
from filterd.operations import audit, confidential, inquiry, key_rotation, restore, snapshots
from filterd.operations.backup import backup
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import rule_files, updating
from filterd.operations.migrate import migrate
from filterd.operations.orders import ending, intake, showing, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.policy.overlay import ForeignKeyError, order_rules
from filterd.store import orders as order_rows
from filterd.wire.names import name_from_text
from tests.worlds.installation import Installation

HIDDEN = ("unspeakable.hidden.example", "seconditem.hidden.example")
"""of an order; that of the confidential list is :data:`LISTED`"""
LISTED = "worst.example"
SECRET = OrderRequest(
    authority="FGR",
    official="A. Official",
    document="77-2026",
    ground="CPF 202",
    entries=tuple((name, Scope.SUBTREE) for name in HIDDEN),
    reason="served today",
    confidential=True,
)


def forms(name: str) -> Iterator[bytes]:
    """The forms in which a name might stand in a file."""
    wire = name_from_text(name)
    labels = name.split(".")
    yield from (name.encode(), name[::-1].encode(), ".".join(reversed(labels)).encode())
    yield from (
        wire,
        wire[::-1],
        name.encode("utf-16-le"),
        name.encode("utf-16-be"),
        name.encode().hex().encode(),
    )


def holding(directory: Path, *names: str) -> set[str]:
    """The files below in which a name stands in any form, but for the lists that the operator put there."""
    wanted = [form for name in names for form in forms(name)]
    return {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and "policies" not in path.relative_to(directory).parts
        if any(form in path.read_bytes() for form in wanted)
    }


async def as_before(context: Context, patch: pytest.MonkeyPatch) -> None:
    """A confidential order in the form in which version 0.2.0 stored and sent it."""
    with patch.context() as old:
        old.setattr(confidential, "with_sealed", lambda order, _seals: order)
        old.setattr(order_rows, "_require_sealed", lambda _demand: None)
        complete = intake.complete
        old.setattr(taking, "complete", lambda *given: replace(complete(*given), law=""))
        await taking.add(context, SECRET)


NEWER_COLUMNS = (
    ("change", "line"),
    ("head", "endings_missing_to"),
    ("line_state", "adjustments"),
    ("own_name", "ends_at"),
    ("request", "role"),
    ("request", "text_digest"),
    ("request", "authorisation"),
    ("request", "shared"),
    ("request", "recorded_by"),
    ("request", "recorded_at"),
    ("request", "source"),
    ("line_state", "meaning"),
    *(("orders", name) for name in ("law", "proportionality", "protection_overridden")),
    ("orders", "enforce_by"),
    ("orders", "report_by"),
    ("audit", "salt"),
)
CONSENT_TABLES = ("pending_opt_in", "shared_evidence", "authorisation", "consent_text")
OLD_HAS_NOT = (
    *("ending", "changed_line"),
    *("sealed_order", "binding_pace", "token", "answered_request", "arco_request", "view_code"),
    *("review", "review_request"),
    *("notice_delivery", "notice", "webhook_stop", "profile_meaning"),
    *("sign_in_link_line", "sign_in_link", "portal_session_line", "portal_session", "line_pin", "pin_tries"),
    *("page_record", "page_content", "order_step"),
    *("order_node", "order_effect"),
    *("register_item", "register_run", "register_adoption", "register_pull"),
    "register_date",
    *("installation", "signing_key", "checkpoint", "anchor", "countersigner", "anchor_state", "statement"),
    *("preservation_hold_line", "preservation_hold"),
    *("order_alarm", "order_alarm_delivery"),
    "passkey",
    *("duty_contact", "duty_shift", "duty_request", "duty_request_step", "duty_handover"),
    *("duty_handover_seen", "review_effect"),
    *("publication", "list_comparison"),
    *CONSENT_TABLES,
    "take_up_day",
)


def make_old(installation: Installation) -> None:
    """Give the store the schema of version 0.2.0."""
    with closing(sqlite3.connect(installation.database)) as raw, raw:
        for table in OLD_HAS_NOT:
            raw.execute(f"DROP TABLE {table}")
        raw.execute("DROP INDEX ix_own_name_ends_at")
        raw.execute("DROP INDEX ix_change_stream_revision_line")
        raw.execute("CREATE INDEX ix_change_stream_revision ON change (stream, revision)")
        raw.execute("DROP INDEX ix_request_reference")
        for table, column in NEWER_COLUMNS:
            raw.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        _chain_without_salt(raw)
        raw.execute("UPDATE alembic_version SET version_num = '0014'")


def _chain_without_salt(raw: sqlite3.Connection) -> None:
    """Chain the audit entries anew, as a version did whose entries had no salt."""
    previous = GENESIS
    columns = "sequence, revision, at, actor, action, subject, reason, before, after"
    for sequence, *values in raw.execute(f"SELECT {columns} FROM audit ORDER BY sequence").fetchall():  # noqa: S608 - made of constants alone
        told = [None if each is None else json.loads(each) for each in values[-2:]]
        this = entry_hash(previous, AuditEntry(*values[:-2], *told))
        changed = (previous, this, sequence)
        raw.execute("UPDATE audit SET previous_hash = ?, hash = ? WHERE sequence = ?", changed)
        previous = this
    raw.execute("UPDATE head SET audit_hash = ?", (previous,))


def list_digests(context: Context) -> dict[str, str]:
    """The digest of each list in the snapshot in force."""
    return {each["id"]: each["digest"] for each in snapshots.show(context).lists}


@pytest.mark.ring("merge")
async def test_an_upgrade_seals_what_was_in_clear_and_keeps_it_in_force(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        await as_before(context, monkeypatch)
        await snapshots.build(context)
        before = list_digests(context)
    make_old(installation)
    base = installation.database.parent
    assert "filterd.db" in holding(base, *HIDDEN), "otherwise nothing is shown here"
    await migrate(installation.settings, installation.clock)
    assert holding(base, *HIDDEN) == set()
    async with installation.open(approvals=1) as context:
        assert (await audit.verify(context)).holds
        assert await audit.compare(context) == ()
        (order,) = await showing.list_orders(context)
        assert (order.entries, order.damage) == (2, "")
        await snapshots.build(context)
        assert list_digests(context) == before
        found = await inquiry.ask(context, f"www.{HIDDEN[0]}")
        assert (found.verdict, found.reason) == ("block", "mandatory")
    key = FINGERPRINT_KEY.load(installation.settings.state_dir)
    with closing(sqlite3.connect(installation.database)) as raw:
        told = [decode(row[2], row[4]) for row in raw.execute(CHANGES_SQL, (MANDATORY, 0, 999, 999))]
        assert told == mandatory_state(raw.execute), "a node that follows has what one that reads anew has"
    (change,) = told
    assert isinstance(change, OrderChange)
    assert len(order_rules(change, 1, key).names) == 2


async def test_no_file_holds_a_confidential_name(
    installation: Installation, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with installation.open(approvals=2) as context:
        await updating.update(context)
        await taking.add(context, SECRET)
        await taking.approve(replace(context, actor="bob"), "O-1")
        await snapshots.build(context)
        shown = [await showing.show(context, "O-1"), *await showing.list_orders(context)]
        await inquiry.ask(context, HIDDEN[0])
        await key_rotation.rotate(context, reason="yearly")
        await backup(context, tmp_path / "copy")
        trail = await audit.tail(context, 100)
        await ending.withdraw(context, "O-1", reason="lifted")
    base = installation.database.parent
    assert holding(base, *HIDDEN, LISTED) == set()
    assert holding(tmp_path / "copy", *HIDDEN, LISTED) == set()
    said = repr(shown) + repr(trail) + "".join(capfd.readouterr())
    assert not any(name in said for name in (*HIDDEN, LISTED))
    copied = {path.name for path in (tmp_path / "copy").rglob("*")}
    assert key_ring.NAME not in copied
    keys = key_ring.path_of(installation.settings.state_dir).read_bytes().split()
    assert not any(keys[1] in path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file())


@pytest.mark.ring("merge")
async def test_a_lost_key_lifts_nothing_and_says_what_to_do(installation: Installation) -> None:
    path = key_ring.path_of(installation.settings.state_dir)
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        await taking.add(context, SECRET)
        await snapshots.build(context)
        before = snapshots.show(context)
        kept = path.read_bytes()
        path.unlink()
        with pytest.raises(OperationError, match="confidential order O-1 cannot be opened") as refused:
            await snapshots.build(context)
        assert "put back keys/confidential.key" in refused.value.remedy
        assert not any(name in str(refused.value) for name in HIDDEN)
        assert snapshots.show(context) == before
        assert (await inquiry.ask(context, HIDDEN[0])).verdict == "block"
        assert (await showing.show(context, "O-1")).entries == 2
        (lost,) = [each for each in await key_rotation.status(context) if not each.present]
        assert lost.orders == 1
        with pytest.raises(OperationError, match="cannot be opened"):
            await key_rotation.rotate(context, reason="yearly")
        path.write_bytes(kept)
        await snapshots.build(context)
        ended = await ending.withdraw(context, "O-1", reason="an unblock waits for no key")
        assert ended.withdrawn_by == "ana"


@pytest.mark.ring("merge")
async def test_an_altered_file_of_a_list_is_refused_and_the_one_in_force_stays(
    installation: Installation,
) -> None:
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        await snapshots.build(context)
        before = snapshots.show(context)
        path = rule_files.rule_file(context.settings.state_dir, "worst-of", 1)
        whole = path.read_bytes()
        for altered in (whole[:-1], whole + b"x", whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], b""):
            path.write_bytes(altered)
            with pytest.raises(OperationError, match="snapshot was not built"):
                await snapshots.build(context)
            assert [each.subject for each in await audit.compare(context)] == ["feed:worst-of"]
            assert snapshots.show(context) == before
        await updating.update(context, ["worst-of"])
        assert await audit.compare(context) == ()
        await snapshots.build(context)


@pytest.mark.ring("merge")
async def test_a_rotated_key_seals_everything_and_the_earlier_one_can_go(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        await taking.add(context, SECRET)
        await snapshots.build(context)
        before = list_digests(context)
        (first,) = await key_rotation.status(context)
        assert (first.seals, first.orders, first.files) == (True, 1, 1)
        with pytest.raises(OperationError, match="is in use"):
            await key_rotation.drop(context, first.id, reason="x")
        done = await key_rotation.rotate(context, reason="yearly")
        assert (done.before, done.orders, done.files) == (first.id, 1, 1)
        await key_rotation.drop(context, first.id, reason="no backup needs it")
        (second,) = await key_rotation.status(context)
        assert (second.id, second.orders, second.files) == (done.key, 1, 1)
        assert await audit.compare(context) == ()
        await snapshots.build(context)
        assert list_digests(context) == before
        actions = [each.entry.action for each in await audit.tail(context)]
        assert {"order.seal", "key.rotate", "key.drop"} <= set(actions)


async def test_another_fingerprint_key_is_refused_until_control_has_made_the_fingerprints_anew(
    installation: Installation,
) -> None:
    def rules(key: bytes) -> int:
        with closing(sqlite3.connect(installation.database)) as raw:
            return sum(len(order_rules(each, 1, key).names) for each in mandatory_state(raw.execute))

    state_dir = installation.settings.state_dir
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        await taking.add(context, SECRET)
        assert rules(FINGERPRINT_KEY.load(state_dir)) == 2
        other = await asyncio.to_thread(FINGERPRINT_KEY.renew, state_dir)
        with pytest.raises(ForeignKeyError, match="O-1"):
            rules(other)
        await snapshots.build(context)
        assert rules(other) == 2
        newest = (await audit.tail(context, 1, "order:O-1"))[0].entry
        assert newest.action == "order.seal"
        count = await audit.count(context)
        await confidential.settle(context, ())
        assert await audit.count(context) == count, "nothing is done twice"


async def test_where_all_keys_are_lost_a_withdrawn_order_keeps_nothing_from_being_compiled(
    installation: Installation,
) -> None:
    """With another fingerprint key too, a build asked for the lost key of an order that was withdrawn, as the
    message had said, and everybody got SERVFAIL for good."""
    state_dir = installation.settings.state_dir
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        await taking.add(context, SECRET)
        key_ring.path_of(state_dir).unlink()
        await asyncio.to_thread(FINGERPRINT_KEY.renew, state_dir)
        with pytest.raises(OperationError, match="confidential order O-1 cannot be opened"):
            await snapshots.build(context)
        again = await taking.add(context, SECRET)
        await ending.withdraw(context, "O-1", reason="its key is lost; O-2 takes its place")
        await updating.update(context)
        await snapshots.build(context)
        assert (await inquiry.ask(context, HIDDEN[0])).verdict == "block"
        assert again.reference == "O-2"
        with closing(sqlite3.connect(installation.database)) as raw:
            key = FINGERPRINT_KEY.load(state_dir)
            assert sum(len(order_rules(each, 1, key).names) for each in mandatory_state(raw.execute)) == 2
        assert (await key_rotation.rotate(context, reason="yearly")).orders == 1, "O-1 keeps its seal"


async def test_an_order_does_not_take_the_entries_of_another(installation: Installation) -> None:
    """Also by one who can give the trail the digest of what they made."""
    async with installation.open(approvals=1) as context:
        for number in (0, 1):
            await taking.add(context, replace(SECRET, entries=SECRET.entries[number:]))
        async with context.store.read() as connection:
            first, second = (await order_rows.all_orders(connection)).orders
    swapped = replace(first, demand=replace(first.demand, sealed=second.demand.sealed))
    with pytest.raises(OperationError, match="O-1 cannot be opened: it was altered"):
        confidential.opened(installation.settings, swapped)
    assert confidential.opened(installation.settings, first).demand.names == tuple(sorted(SECRET.entries))


async def test_an_upgrade_that_ended_before_the_store_was_written_anew_does_that_the_next_time(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open(approvals=1) as context:
        await as_before(context, monkeypatch)
    make_old(installation)
    with monkeypatch.context() as killed:

        async def nothing(_engine: object) -> None: ...

        killed.setattr("filterd.store.store.clean", nothing)
        await migrate(installation.settings, installation.clock)

    def noted() -> int:
        with closing(sqlite3.connect(installation.database)) as raw:
            (found,) = raw.execute("PRAGMA user_version").fetchone()
            return int(found)

    assert noted() == 1
    await migrate(installation.settings, installation.clock)
    assert noted() == 0
    assert holding(installation.database.parent, *HIDDEN) == set()


@pytest.mark.ring("merge")
async def test_a_backup_of_before_is_sealed_when_it_is_restored(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with installation.open(approvals=1) as context:
        await updating.update(context)
        await as_before(context, monkeypatch)
        await backup(context, tmp_path / "copy")
    assert holding(tmp_path / "copy", HIDDEN[0]) == {"filterd.db"}
    await restore.restore(
        installation.settings, tmp_path / "copy", "test", "ana", installation.clock, lambda *_: None
    )
    assert holding(installation.database.parent, *HIDDEN) == {"copy/filterd.db"}, "the backup alone"
    async with installation.open(approvals=1) as context:
        await snapshots.build(context)
        assert (await inquiry.ask(context, HIDDEN[0])).verdict == "block"

"""What control counts, hears and takes over, without its process."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from filterd.config.accounting_settings import LeaseFormat, LeasesSettings, LeaseValue
from filterd.config.settings import ListenSettings, Settings
from filterd.config.value_types import Endpoint, StoreUrl
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.model.mandatory import label_of
from filterd.model.order import OrderState
from filterd.model.records import NodeReport
from filterd.operations import integrity, nodes, resync, snapshots, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.migrate import Migration, upgrade
from filterd.operations.orders import ending, taking
from filterd.operations.policies import policies
from filterd.serve import control as control_role
from filterd.serve.control import Control
from filterd.serve.maintenance import ROWS_SECONDS
from filterd.store.errors import StoreBusyError, StoreDamagedError, StoreError, StoreRolledBackError
from filterd.telemetry import log
from filterd.telemetry.feed_metrics import FeedMetrics
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.installation import NOW, POLICIES, Installation, install

REPORT = NodeReport("resolver-1", NOW, 3, 4, "ab", True, {})


@dataclass
class Controlled:
    """One control that does not run, over an open store, and its log."""

    control: Control
    context: Context
    installation: Installation
    stream: io.StringIO

    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
async def controlled(tmp_path: Path) -> AsyncIterator[Controlled]:
    made = await install(tmp_path)
    listen = ListenSettings(Endpoint(ip_address("127.0.0.1"), 0))
    made.settings = replace(made.settings, control=listen)
    stream = io.StringIO()
    log.configure("control", stream)
    async with made.open("control") as context:
        control = Control(context)
        yield Controlled(control, context, made, stream)
        control._http.stop()


async def test_metrics_of_control_come_from_the_store(controlled: Controlled) -> None:
    context = controlled.context
    await updating.update(context, ("adult-starter", "worst-of"))
    await taking.add(context, REQUEST)
    await subscribers.add(context, "one", zone="UTC", prefixes=())
    found = await controlled.control._count()
    assert found.feeds == {
        "adult-starter": FeedMetrics(names=3, last_success=NOW, quarantined=False),
        "gambling-starter": FeedMetrics(0, last_success=0.0, quarantined=False, contributes=False),
        label_of("worst-of", confidential=True): FeedMetrics(names=1, last_success=NOW, quarantined=False),
    }
    assert all(not each.holds for each in found.feeds.values())
    assert found.orders == dict.fromkeys(map(str, OrderState), 0) | {"pending": 1}
    assert found.subscribers == await subscribers.count(context)
    assert sum(found.subscribers.values()) == 1
    assert found.audit_entries == 6


async def test_a_feed_without_its_entry_is_a_figure_even_where_no_policies_can_be_read(
    controlled: Controlled,
) -> None:
    await updating.update(controlled.context, ())
    secret = label_of("worst-of", confidential=True)
    for text, orphaned in (("[]", True), ("", True), (POLICIES["feeds.yaml"], False)):
        controlled.installation.write_policy("feeds.yaml", text)
        found = await controlled.control._count()
        assert found.feeds.keys() == {"adult-starter", "gambling-starter", secret}
        assert {each.orphaned for each in found.feeds.values()} == {orphaned}, text
        assert found.feeds["adult-starter"].names == 3


async def test_what_is_compiled_is_of_the_files_as_they_are(controlled: Controlled) -> None:
    """Policies that were kept for half a second were remembered as those of the changed files, and the change
    was never compiled."""
    async with AsyncExitStack() as stack:
        context = await control_role._opened(controlled.installation.settings, stack)
        before = policies(context)
        assert policies(context) is before
        controlled.installation.write_policy("profiles/later.yaml", POLICIES["profiles/teen.yaml"])
        assert "later" in {each.id for each in policies(context).profiles}


async def test_control_is_ready_once_there_is_a_snapshot(controlled: Controlled) -> None:
    await controlled.control._look_whether_newest()
    assert controlled.control._missing() == ["no policy snapshot"]
    await updating.update(controlled.context, ())
    await snapshots.build(controlled.context)
    assert controlled.control._missing() == []
    for file in (controlled.installation.settings.state_dir / "snapshots").glob("*.snapshot"):
        file.unlink()
    assert controlled.control._missing() == ["no policy snapshot"]


async def test_a_snapshot_that_no_node_can_read_makes_control_unready(controlled: Controlled) -> None:
    """Control said that it was ready while every node answered SERVFAIL."""
    await controlled.control._look_whether_newest()
    await updating.update(controlled.context, ())
    await snapshots.build(controlled.context)
    assert controlled.control._missing() == []
    key = FINGERPRINT_KEY.path(controlled.installation.settings.state_dir)
    key.unlink()
    (missing,) = controlled.control._missing()
    assert missing.startswith("nodes cannot read the policy snapshot")
    FINGERPRINT_KEY.load(controlled.installation.settings.state_dir)
    assert controlled.control._missing() == [missing], "with another key"
    await snapshots.build(controlled.context)
    assert controlled.control._missing() == []


async def test_control_waits_for_a_store_that_is_locked_at_its_start(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended with "control cannot go on"."""
    locked, ran = [True, True], []

    async def upgraded(settings: Settings) -> Migration:
        if locked:
            locked.pop()
            message = "the store is locked by another process"
            raise OperationError(message) from StoreBusyError(message)
        return await upgrade(settings)

    async def run(control: Control) -> None:
        control._http.stop()
        ran.append(control)

    monkeypatch.setattr(control_role, "upgrade", upgraded)
    monkeypatch.setattr(control_role, "STORE_SECONDS", 0.0)
    monkeypatch.setattr(Control, "run", run)
    assert await control_role._serve(controlled.installation.settings) == 0
    assert len(ran) == 1
    told = [line["reason"] for line in controlled.lines() if line["event"] == "control waits for the store"]
    assert told == ["the store is locked by another process"], "once"


async def test_a_report_is_kept_in_a_store_that_takes_no_decisions(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log said that it was not kept, and the kept orders that its node lost were not named."""

    async def refused(*_: object) -> None:
        raise StoreRolledBackError("the store ends at revision 5, and 9 was acknowledged")

    monkeypatch.setattr(controlled.control._orders, "hear", refused)
    await controlled.control._hear(replace(REPORT, kept_orders=("O-7",)))
    await controlled.control._hear(REPORT)
    (kept,) = await nodes.list_nodes(controlled.context)
    assert kept.report == REPORT
    assert [line["event"] for line in controlled.lines()] == [
        "what a node reports of orders was not put on record",
        "a node lost orders that it kept in force",
    ]


async def test_a_store_behind_the_ledger_is_said_from_the_start_whatever_the_figures_do(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/readyz said 200 until the first figures had been read."""
    control, ledger = controlled.control, controlled.context.store.ledger
    await updating.update(controlled.context, ())
    await snapshots.build(controlled.context)
    unknown = "whether the store is the newest one is not known: it was not compared with the ledger yet"
    assert control._missing() == [unknown]
    noted = ledger.noted()
    assert noted is not None
    ledger.settle(replace(noted.committed, revision=noted.committed.revision + 5))
    counting = asyncio.Event()
    monkeypatch.setattr(control, "_count", counting.wait)
    tasks = [asyncio.create_task(each) for each in (control._refresh_metrics(), control._watch_store())]
    try:
        async with asyncio.timeout(5):
            while control._missing() == [unknown]:
                await asyncio.sleep(0.01)
    finally:
        for task in tasks:
            task.cancel()
    (reason,) = control._missing()
    assert reason.endswith("was acknowledged: filterd restore (DIRECTORY | --in-place) --reason ...")
    (line,) = [each for each in controlled.lines() if each["event"] == "the store is not the newest one"]
    assert "filterd restore" in line["remedy"]


@pytest.mark.ring("merge")
async def test_damaged_rows_are_said_once_counted_and_make_control_not_ready(controlled: Controlled) -> None:
    maintenance, context = controlled.control._maintenance, controlled.context
    await taking.add(context, REQUEST)
    await maintenance.turn()
    with closing(sqlite3.connect(controlled.installation.database, isolation_level=None)) as raw:
        raw.execute("UPDATE orders SET state = 'withdrawn'")
    await controlled.control._look_whether_newest()
    await maintenance.turn()
    assert controlled.control._missing() == [], "looked at every few seconds"
    for _ in range(3):
        controlled.installation.now += ROWS_SECONDS
        await maintenance.turn()
    lines = [line for line in controlled.lines() if line["event"] == "store check failed"]
    assert [(line["reason"], line["remedy"]) for line in lines] == [
        ("the store is not what was decided: order:O-1", integrity.REMEDY)
    ]
    (missing,) = controlled.control._missing()
    assert missing == "damaged rows of orders and lists in the store: 1; see filterd audit verify"
    assert "filterd_store_rows_damaged 1.0" in controlled.control._registry.exposition().decode()
    await ending.withdraw(context, "O-1", reason="taken in anew", damaged=True)
    controlled.installation.now += ROWS_SECONDS
    await maintenance.turn()
    assert controlled.control._missing() == []
    assert "filterd_store_rows_damaged 0.0" in controlled.control._registry.exposition().decode()


async def test_a_report_is_kept_and_one_that_cannot_be_is_said(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    await controlled.control._hear(REPORT)
    (kept,) = await nodes.list_nodes(controlled.context)
    assert kept.report == REPORT
    assert controlled.lines() == []

    async def full(context: Context, report: NodeReport) -> None:
        msg = "no space"
        raise StoreError(msg)

    monkeypatch.setattr(nodes, "record", full)
    await controlled.control._hear(REPORT)
    (line,) = controlled.lines()
    assert (line["node"], line["reason"]) == ("resolver-1", "no space")


async def test_a_reload_reaches_maintenance_and_says_what_waits(controlled: Controlled) -> None:
    settings = controlled.installation.settings
    same = replace(settings, policies=settings.policies.parent / "others")
    controlled.control.reload(same)
    assert controlled.control._maintenance.context.settings is same
    other = replace(
        settings,
        store=replace(settings.store, url=StoreUrl("sqlite:////elsewhere.db")),
        state_dir=settings.state_dir / "deeper",
        control=ListenSettings(Endpoint(ip_address("127.0.0.1"), 1)),
    )
    controlled.control.reload(other)
    assert [line["remedy"] for line in controlled.lines()] == ["", "restart for store, state_dir, control"]


async def test_settings_that_wait_for_a_restart_are_remarked_until_they_are_taken_back(
    controlled: Controlled,
) -> None:
    """Seen: a new lease file was in the configuration, and a line of the log alone said that it waits."""
    settings = controlled.installation.settings
    lease = LeasesSettings(LeaseFormat.KEA, Path("/var/lib/kea/leases"), LeaseValue.HW_ADDRESS, ())
    waits = "settings wait for a restart of control: accounting.leases"
    controlled.control.reload(replace(settings, accounting=replace(settings.accounting, leases=(lease,))))
    assert waits in controlled.control._remarks()
    controlled.control.reload(settings)
    assert waits not in controlled.control._remarks()


async def test_kept_orders_that_a_node_lost_make_control_not_ready(controlled: Controlled) -> None:
    """Of an order that was ended, or that the store knows again, nothing is said."""
    control, context = controlled.control, controlled.context
    await taking.add(context, REQUEST)
    await control._hear(replace(REPORT, kept_orders=("O-1", "O-7", "O-8", "O-9")))
    await ending.end_lost(context, 7, reason="lifted by the court")
    await control._hear(replace(REPORT, kept_orders=("O-8",)))
    (line,) = [each for each in controlled.lines() if "lost orders" in each["event"]]
    assert (line["level"], line["node"], line["reason"]) == ("error", "resolver-1", "O-9")
    assert any("kept orders O-9" in each for each in control._missing())
    await control._hear(replace(REPORT, kept_orders=("O-8", "O-9")))
    assert not any("O-9" in each for each in control._missing())


async def test_lost_orders_are_said_until_they_are_ended_through_a_start_of_control(
    controlled: Controlled,
) -> None:
    """They were known to one process: a kill of it made control ready, and nothing said that their names are
    answered."""
    control, context = controlled.control, controlled.context
    await control._hear(replace(REPORT, kept_orders=("O-108", "O-109")))
    await control._hear(REPORT)
    control._lost_orders = []  # as in a process that starts
    await control._look_for_lost_orders()
    (said,) = control._lost_orders
    assert "lost the kept orders O-108, O-109: take each in anew" in said
    assert await resync.end(context, "O-108", reason="lifted by the court")
    assert await resync.end(context, "O-109", reason="a mistake")
    await control._hear(REPORT)
    assert control._lost_orders == []


async def test_a_damaged_note_of_lost_orders_is_said(controlled: Controlled) -> None:
    control, context = controlled.control, controlled.context
    await control._hear(replace(REPORT, kept_orders=("O-9",)))
    await control._hear(REPORT)
    path = nodes.losses_file(context)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        await control._look_for_lost_orders()
        (said,) = control._lost_orders
        assert "are not known" in said
        assert str(path) in said
    path.write_bytes(whole[:-1])
    later = replace(REPORT, seen_at=REPORT.seen_at + 5)
    await control._hear(later)
    assert (await nodes.show(context, REPORT.name)).report == later, "a damaged file keeps no report out"
    path.write_bytes(whole)
    await control._look_for_lost_orders()
    assert "O-9" in control._lost_orders[0]


@pytest.mark.ring("merge")
async def test_a_store_that_cannot_be_read_is_no_fault_of_the_policies(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise StoreDamagedError("the store is damaged")

    monkeypatch.setattr("filterd.operations.feeds.adoption.policies_in_force", broken)
    maintenance = controlled.control._maintenance
    await maintenance.turn()
    assert (maintenance.compile_failures, maintenance.remarks()) == (0, [])
    assert any("the store cannot be read" in each for each in controlled.control._missing())
    monkeypatch.undo()
    await maintenance.turn()
    assert not any("cannot be read" in each for each in controlled.control._missing())

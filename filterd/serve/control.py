"""The control role: thin wiring of the use cases. DNS never waits for it.

The supervisor starts ``python -m filterd.serve.control`` and writes the settings to its standard input. The
role migrates the store that is there, keeps feeds and snapshot current, takes the nodes' reports, and serves
metrics. It makes no store.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from filterd.config.settings import Settings
from filterd.disk.checked_file import DamagedFileError
from filterd.disk.keys import drop_key_drafts
from filterd.model.mandatory import label_of
from filterd.model.records import NodeReport
from filterd.operations import audit, nodes, restore, snapshots, subscribers
from filterd.operations.context import Context, OperationError, open_context
from filterd.operations.feeds import listing
from filterd.operations.feeds.rule_files import drop_version_drafts
from filterd.operations.migrate import upgrade
from filterd.operations.notices import keeping
from filterd.operations.orders import reviewing, showing
from filterd.operations.policies import KeptPolicies
from filterd.operations.privacy import made_backups
from filterd.policy import snapshot_layout
from filterd.serve import hangup
from filterd.serve.alarm_watch import AlarmWatch
from filterd.serve.binding_watch import BindingWatch
from filterd.serve.consent_count import ConsentCount
from filterd.serve.duty_watch import DutyWatch
from filterd.serve.holders import remedy_of
from filterd.serve.http_service import HttpService
from filterd.serve.list_watch import ListWatch
from filterd.serve.local_sockets import tell_socket
from filterd.serve.maintenance import Maintenance
from filterd.serve.node_reports import SOCKET, NodeReportListener
from filterd.serve.notice_sender import NoticeSender
from filterd.serve.order_ends import OrderEnds
from filterd.serve.order_watch import OrderWatch
from filterd.serve.own_name_ends import OwnNameEnds
from filterd.serve.page_watch import PageWatch
from filterd.serve.process import (
    ANEW,
    CANNOT_START,
    close_memory,
    close_state,
    end_at_once,
    lock_state_dir,
    private_in,
    run_role,
)
from filterd.serve.register_watch import RegisterWatch
from filterd.serve.retention_schedule import RetentionSchedule
from filterd.serve.sessions.service import SessionService
from filterd.serve.settings_input import SettingsWatcher, first_settings
from filterd.serve.take_up_schedule import TakeUpSchedule
from filterd.serve.trail_schedule import TrailSchedule
from filterd.store.errors import StoreBusyError, StoreError, StoreRolledBackError
from filterd.telemetry import log
from filterd.telemetry.feed_metrics import FeedMetrics
from filterd.telemetry.http import HttpReply, health_routes
from filterd.telemetry.metrics import ControlMetrics, control_registry
from filterd.telemetry.notice_metrics import NoticeMetrics

METRICS_SECONDS = 5.0
STORE_SECONDS = 0.5
"""between two looks at whether the file of the store is still ours, and the newest one"""
LOST_REMEDY = (
    "take each in anew (filterd order add), then say so: filterd node resync --end O-N --replaced-by O-M"
    " --reason ..."
)
ACTOR = "control"
"""the actor in the audit trail for what control does by itself"""


class Control:
    """One control process, over an open store."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._maintenance = Maintenance(context)
        self._metrics = ControlMetrics()
        self._lists = ListWatch()
        self._consent = ConsentCount()
        self._bindings = BindingWatch()
        self._name_ends = OwnNameEnds(context)
        self._order_ends = OrderEnds(context)
        self._retention = RetentionSchedule(context)
        self._notices = NoticeSender(context)
        self._pages = PageWatch(context)
        self._orders = OrderWatch()
        self._trail = TrailSchedule(context)
        self._take_up = TakeUpSchedule(context)
        self._alarms = AlarmWatch(context)
        self._registers = RegisterWatch(context)
        self._duty = DutyWatch(context)
        self._ended = asyncio.Event()
        self._behind = ""
        """why nothing can be written in the store; empty while it is the newest one"""
        self._uncompared = "it was not compared with the ledger yet"
        """why it is not known whether the store is the newest one; empty once it was compared"""
        self._unheard = ""
        """why what a node reported of orders was not put on record, as last logged"""
        self._lost_orders: list[str] = []
        """what is to be said of kept orders that nodes lost; nobody ended them, and their names pass"""
        self._waiting: list[str] = []
        """the keys whose new values hold from the next start on"""
        settings = context.settings
        self._sessions = SessionService(context, settings)
        self._link = NodeReportListener(settings.state_dir / SOCKET, self._hear, context.clock, tell_socket)
        self._registry = control_registry(self._now)
        routes = health_routes(
            lambda: HttpReply(self._registry.exposition(), content_type=self._registry.content_type),
            self._missing,
            self._remarks,
        )
        self._http = HttpService("control", settings.control.listen, routes)

    def _now(self) -> ControlMetrics:
        """The values of a scrape."""
        return replace(
            self._metrics,
            compile_failures=self._maintenance.compile_failures,
            rows_damaged=len(self._maintenance.damaged),
            sessions=self._sessions.metrics(),
            privacy=self._retention.metrics,
            reviews=self._retention.reviews,
            notices=replace(self._metrics.notices, outcomes=self._notices.counts),
            publication=self._pages.metrics,
            trail=self._trail.metrics,
            deadlines=self._alarms.metrics,
            reports=self._take_up.metrics,
            registers=self._registers.metrics,
            duty=self._duty.metrics,
            ready=not self._missing(),
            clock=self._context.clock(),
        )

    async def run(self) -> None:
        """Serve until SIGTERM, SIGINT or the end of standard input."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(log.loop_fault)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended.set)
        SettingsWatcher(self.reload, self._refuse_reload, self._ended.set).start()
        await self._look_for_lost_orders()
        await self._link.start()
        await self._sessions.start()
        self._http.start()
        steps = (
            self._maintenance.run(),
            self._name_ends.run(),
            self._order_ends.run(),
            self._retention.run(),
            self._notices.run(),
            self._pages.run(),
            self._trail.run(),
            self._alarms.run(),
            self._take_up.run(),
            self._registers.run(),
            self._duty.run(),
            self._refresh_metrics(),
            self._watch_store(),
            self._sessions.run(),
        )
        tasks = [loop.create_task(step) for step in steps]
        ended = loop.create_task(self._ended.wait())
        await asyncio.wait([*tasks, ended], return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, ended):
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await self._link.close()
        await self._sessions.close()
        self._http.stop()
        for result in results:
            if isinstance(result, Exception):
                raise result

    def reload(self, settings: Settings) -> None:
        """Apply the settings that can change while serving."""
        waiting = [name for name in ("store", "state_dir", "control") if self._differs(settings, name)]
        waiting += self._sessions.reload(settings)
        self._waiting = waiting
        self._maintenance.change_settings(settings)
        self._retention.context = self._maintenance.context
        self._notices.change_settings(settings)
        self._pages.change_settings(settings)
        self._trail.change_settings(settings)
        self._alarms.change_settings(settings)
        self._take_up.change_settings(settings)
        self._registers.change_settings(settings)
        self._duty.change_settings(settings)
        log.get().info("new settings in force", remedy=f"restart for {', '.join(waiting)}" if waiting else "")

    def _differs(self, settings: Settings, name: str) -> bool:
        return bool(getattr(settings, name) != getattr(self._context.settings, name))

    def _refuse_reload(self) -> None:
        log.get().error("new settings are not readable, the old ones stay in force")

    async def _hear(self, report: NodeReport) -> None:
        """Store a node's report; one that cannot be stored comes again with the heartbeat."""
        try:
            gone = await nodes.record(self._context, report)
        except (StoreError, OperationError, OSError, DamagedFileError) as error:
            log.get().warning("a node's report was not kept", node=report.name, reason=str(error))
            return
        await self._hear_orders(report)
        if gone:
            remedy = LOST_REMEDY
            event = "a node lost orders that it kept in force"
            log.get().error(event, node=report.name, reason=", ".join(gone), remedy=remedy)
        await self._look_for_lost_orders()

    async def _look_for_lost_orders(self) -> None:
        """Read the note of the kept orders that nodes lost, which outlives this process."""
        try:
            lost = await nodes.lost_orders(self._context)
        except (StoreError, OSError, DamagedFileError) as error:
            self._lost_orders = [
                f"the kept orders that nodes lost are not known: {error}; compare your papers with"
                f" filterd order list, then remove a damaged {nodes.losses_file(self._context)}"
            ]
            return
        self._lost_orders = [
            f"node {name} lost the kept orders {', '.join(references)}: {LOST_REMEDY}"
            for name, references in sorted(lost.items())
        ]

    async def _hear_orders(self, report: NodeReport) -> None:
        """Put on record what a report tells of orders; the next one tells it again."""
        reason = ""
        try:
            await self._orders.hear(self._context, report)
            await self._trail.hear(report)
        except (StoreError, OperationError) as error:
            reason = str(error)
            if reason != self._unheard:
                event = "what a node reports of orders was not put on record"
                remedy = "none: the next report tells it again, once the store can be written"
                log.get().warning(event, node=report.name, reason=reason, remedy=remedy)
        self._unheard = reason

    def _remarks(self) -> list[str]:
        """The remarks of the readiness page."""
        remarks = [*self._maintenance.remarks(), *self._sessions.remarks()]
        if self._waiting:
            remarks.append(f"settings wait for a restart of control: {', '.join(self._waiting)}")
        return remarks

    def _missing(self) -> list[str]:
        directory = self._context.settings.state_dir / snapshot_layout.DIRECTORY
        path = snapshots.current_file(directory)
        lacking = [] if path is not None and path.exists() else [_no_snapshot(self._maintenance.untried)]
        if path is not None and path.exists() and not snapshots.nodes_can_read(directory.parent, path):
            lacking.append(
                "nodes cannot read the policy snapshot: the fingerprint key is gone, or is another one;"
                " put it back from a copy, or make both anew: filterd snapshot build"
            )
        if path is not None and self._maintenance.snapshot_behind:
            lacking.append("the policy snapshot is older than the newest in the store: another is compiled")
        if self._uncompared:
            lacking.append(f"whether the store is the newest one is not known: {self._uncompared}")
        if self._behind:
            lacking.append(f"{self._behind}: filterd restore (DIRECTORY | --in-place) --reason ...")
        if self._maintenance.damaged:
            count = len(self._maintenance.damaged)
            lacking.append(
                f"damaged rows of orders and lists in the store: {count}; see filterd audit verify"
            )
        lacking += self._lost_orders
        if self._maintenance.store_trouble:
            lacking.append(self._maintenance.store_trouble)
        return lacking

    async def _watch_store(self) -> None:
        """Start anew where another file has taken the store's place: ours says nothing any more. Compare the
        one that stands there with the ledger, whether or not figures of it can be had."""
        while True:
            await self._look_whether_newest()
            await asyncio.sleep(STORE_SECONDS)
            if self._context.store.replaced or await asyncio.to_thread(self._context.store.lost_side_file):
                break
        remedy = "none: it is started again; where the store is gone or older, its log then says what to do"
        log.get().error("the file of the store was replaced, control starts anew", remedy=remedy)
        end_at_once(ANEW)

    async def _refresh_metrics(self) -> None:
        reported = ""
        while True:
            try:
                self._metrics, reported = await self._count(), ""
            except (StoreError, OperationError) as error:
                if reported != str(error):
                    reported = str(error)
                    log.get().warning("figures are not current", reason=reported)
            await asyncio.sleep(METRICS_SECONDS)

    async def _look_whether_newest(self) -> None:
        """Say it, once, where the store is behind the ledger: it can be read, and looks healthy."""
        behind = ""
        try:
            await self._context.store.require_newest()
        except StoreRolledBackError as error:
            behind = str(error)
            if behind != self._behind:
                log.get().error("the store is not the newest one", reason=behind, remedy=error.remedy)
        except StoreError as error:
            if self._uncompared:
                self._uncompared = str(error)
            return  # what was found before still holds
        self._behind, self._uncompared = behind, ""

    async def _count(self) -> ControlMetrics:
        context = self._maintenance.context
        await self._bindings.look(context)
        status = await listing.figures(context)
        told = await keeping.figures(context.store)
        return ControlMetrics(
            feeds={
                label_of(each.feed.id, confidential=each.feed.confidential): FeedMetrics(
                    names=each.version.names if each.version is not None else 0,
                    last_success=each.check.succeeded_at if each.check is not None else 0.0,
                    quarantined=each.quarantined,
                    orphaned=each.orphaned is not None,
                    contributes=not each.barren,
                    stale=each.stale,
                    holds=each.holds,
                    held=each.held,
                )
                for each in status
            },
            orders=await showing.count(context),
            emergencies=await reviewing.waiting(context),
            subscribers=await subscribers.count(context),
            consent=await self._consent.look(context),
            audit_entries=await audit.count(context),
            nodes_drifted=await self._lists.look(context),
            arrivals=await self._orders.figures(context),
            notices=NoticeMetrics(waiting=told.states["waiting"], oldest_waiting=told.oldest_waiting),
        )


def _no_snapshot(untried: Sequence[str]) -> str:
    waits = f": it waits until these lists were tried: {', '.join(untried)}" if untried else ""
    return f"no policy snapshot{waits}"


def _drop_drafts(settings: Settings) -> None:
    """Remove what killed processes were writing, where nobody writes just now."""
    snapshots.drop_snapshot_drafts(settings.state_dir)
    drop_version_drafts(settings.state_dir)
    drop_key_drafts(settings.state_dir)
    try:
        kept = made_backups.drop_drafts(settings.state_dir)
        restore.drop_copies(settings)
    except OSError as error:
        kept = [f"{error.filename or settings.state_dir}: {error.strerror or 'in use'}"]
    for each in kept:
        remedy = "it holds subscribers: delete it as its owner, then: filterd retention run"
        log.get().warning("an unfinished copy of the store was not deleted", reason=each, remedy=remedy)


async def _opened(settings: Settings, stack: AsyncExitStack) -> Context:
    """The store, migrated and open. While another process holds its lock, control waits."""
    said = False
    while True:
        try:
            migration = await upgrade(settings)
            if migration.changed:
                log.get().info("store migrated", revision=migration.after)
            context = await stack.enter_async_context(open_context(settings, actor=ACTOR, clock=time.time))
            # A compile must not take policies from before a change: each call looks at the files.
            return replace(context, kept_policies=KeptPolicies(look_seconds=0.0))
        except OperationError as error:
            if not isinstance(error.__cause__, StoreBusyError):
                raise
            if not said:
                remedy = (
                    "none: it is tried again; if it stays so, find the process that holds the file (lsof)"
                )
                log.get().warning("control waits for the store", reason=str(error), remedy=remedy)
            said = True
        await asyncio.sleep(STORE_SECONDS)


async def _serve(settings: Settings) -> int:
    try:
        with lock_state_dir(settings.state_dir, "control"):
            _drop_drafts(settings)  # before anything is written: a full disk may need their room
            close_state(*private_in(settings.state_dir), settings.store.ledger)
            async with AsyncExitStack() as stack:
                await Control(await _opened(settings, stack)).run()
    except (OperationError, OSError) as error:
        remedy = error.remedy if isinstance(error, OperationError) else remedy_of(error, "control")
        log.get().error("control cannot go on", reason=str(error), remedy=remedy)
        return CANNOT_START
    return 0


def main() -> int:
    """Serve; return the exit code."""
    log.configure("control")
    log.catch_faults()
    hangup.ignore()
    close_memory()
    try:
        settings = first_settings()
    except (ValueError, TypeError) as error:
        log.get().error("no settings", reason=str(error))
        return CANNOT_START
    return run_role(_serve(settings))


if __name__ == "__main__":
    sys.exit(main())

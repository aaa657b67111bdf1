"""The resolver role: the only place where the data plane is put together.

The supervisor starts ``python -m filterd.serve.resolver [board=N] [pulse=N]`` and writes the settings to its
standard input; the numbers are descriptors of the crash board and of the pipe for the pulse. Nothing of the
control plane is imported. A start goes through the settings, the node's own disk, the listeners, and only
then the thread that follows the store: the first answer depends on no other process. Where a predecessor
hands over, its sockets are taken instead of new ones (``handover.taking``); told to hand over, this process
answers until its own successor does (``handover.giving``).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from filterd.config.settings import Settings
from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.listeners.fast_threads import FastPath
from filterd.dataplane.listeners.inherited import SocketKind, name_of
from filterd.dataplane.listeners.selfcheck import SelfCheck
from filterd.dataplane.listeners.socket_binding import socket_address
from filterd.dataplane.nodestate.node import Node
from filterd.dataplane.nodestate.node_types import Published
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.slow.slowpath import SlowPath
from filterd.dataplane.tables.ratelimit import RateLimiter, RateRules
from filterd.dataplane.upstream.peer import unwatched
from filterd.model.records import NodeReport
from filterd.serve import hangup
from filterd.serve.answer_rules import cookie_secrets, rules_of, secrets_at_start
from filterd.serve.forwarding import Forwarding
from filterd.serve.handover.leaving import Answering, HandingOver
from filterd.serve.handover.taking import take_over
from filterd.serve.holders import remedy_of
from filterd.serve.http_service import HttpService
from filterd.serve.listening import Listening
from filterd.serve.node_report import report_of
from filterd.serve.node_reports import SOCKET, ControlLink, report_for_ever
from filterd.serve.node_sessions import NodeSessions, bound_tables, unread_lines
from filterd.serve.order_probe import SelfProbes, probes_of
from filterd.serve.process import (
    ANEW,
    CANNOT_START,
    close_memory,
    command_socket,
    raise_file_limit,
    run_role,
    take_commands,
    take_state_dir,
)
from filterd.serve.pulse import Pulse, announced
from filterd.serve.settings_input import SettingsWatcher, first_settings
from filterd.serve.wiring import (
    LoggingObserver,
    SystemClock,
    caught_up,
    in_force,
    key_replaced,
    node_paths,
    prefixes,
    reserved_ports,
    switches_of,
    waiting_for_restart,
    warn_of_dangers,
)
from filterd.telemetry import log
from filterd.telemetry.http import HttpReply, health_routes

if TYPE_CHECKING:
    from filterd.telemetry.metrics import MetricsRegistry

SWITCH_SECONDS = 0.001
"""how long the node's thread may hold the interpreter while queries wait; Python's default is 5 ms"""
BEGIN_SECONDS = 0.25
"""how long a start waits for the orders of the store; from then on clients get SERVFAIL until they apply"""
LOOK_SECONDS = 0.5
"""between two looks at the node's thread"""


class Resolver:
    """One resolver process. Made on the event loop's thread; :meth:`run` serves until it is told to end."""

    def __init__(self, settings: Settings, board: CrashBoard | None = None, pulse: int | None = None) -> None:
        """Reads the node's disk and binds every socket. ``board`` records the packets under work; ``pulse``
        is the pipe for the pulse. Raises ``OSError`` and ValueError if it cannot start."""
        self._settings = settings
        self._board = board
        self._succession = take_over(settings.state_dir)
        self._lock = take_state_dir(settings.state_dir, self._succession.make_way)
        self._observer = LoggingObserver()
        self._answer_counts = AnswerCounts()
        self._clock = SystemClock()
        self._control = ControlLink(self._clock.ticks, time.time)
        self._ended = asyncio.Event()
        self._exit_code = 0
        self._secrets = secrets_at_start(settings)
        self._cache = ResponseCache(settings.cache.size, os.urandom(16), settings.cache.serve_stale)
        self._limiter = RateLimiter(os.urandom(16))
        self._plane = self._make_plane()
        self._sessions = NodeSessions(settings, self._plane, self._observer, self._clock)
        self._paths = node_paths(settings)
        self._node = self._make_node()
        routes = self._make_routes()
        reading = unwatched if board is None else board.reading
        self._forwarding = Forwarding(settings.dns.upstreams, reading, routes)
        self._path = SlowPath(self._plane, self._forwarding, self._clock, self._answer_counts)
        self._fast = FastPath(self._plane, routes, self._path, settings.dns.threads)
        self._listening = self._make_listening()
        self._check = SelfCheck(
            self._listening.addresses, self._fast, self._listening.service, self._observer, os.urandom(16)
        )
        self._pulse = Pulse(self._check, self._clock.ticks, pulse)
        self._commands = command_socket(settings, self._cache, self)
        self._http = self._make_http()
        self._handing_over = HandingOver(
            settings.state_dir,
            Answering(self._listening, self._fast, self._path, self._http, self._pulse),
            self._let_go,
            self._facts,
            self._clock.ticks,
        )
        self._follower = threading.Thread(target=self._node.run, name="node", daemon=True)
        self._tasks: list[asyncio.Task[None]] = []
        self._follows = True

    @cached_property
    def _probe(self) -> SelfProbes:
        interval = self._settings.canary.interval
        return probes_of(self._node, self._listening, self._forwarding, self._clock.ticks, interval)

    def _make_plane(self) -> Plane:
        """The stages of a query with their settings."""
        dns = self._settings.dns
        plane = Plane(
            prefixes(dns.allow_from),
            self._cache,
            rules_of(self._settings, self._secrets.value),
            prefixes(dns.ecs_from),
            prefixes(dns.proxy_from),
        )
        plane.limit(self._limiter, RateRules(os.urandom(16), dns.rate_limit))
        if self._board is not None:
            plane.use_board(self._board)
        return plane

    def _make_routes(self) -> Routes:
        """The sockets to upstreams; they avoid the ports of servers."""
        dns = self._settings.dns
        return Routes(dns.threads, (*reserved_ports(), *(each.port for each in dns.listen)))

    def _make_node(self) -> Node:
        """The node with what its disk holds."""
        switches = switches_of(self._settings)
        node = Node(self._paths, switches, self._publish, self._observer, time.time, self._clock.ticks)
        node.load()
        return node

    async def run(self) -> int:
        """Serve until SIGTERM, SIGINT, the end of standard input, or until the resolver has to start anew;
        return the exit code."""
        self._follower.start()
        self._sessions.start()
        await asyncio.to_thread(self._node.following.begun.wait, BEGIN_SECONDS)
        await self._sessions.loaded()
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._look_after_node()))
        await self._succession.until_ready(lambda: caught_up(self._node) and self._sessions.caught_up)
        self._fast.start()
        self._listening.start()
        loop.set_exception_handler(log.loop_fault)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended.set)
        self._forwarding.start()
        await self._succession.finish()
        await take_commands(self._commands)
        hand_over = partial(self._handing_over.begin, self._ended.set)
        SettingsWatcher(self.reload, self._refuse_reload, self._input_ended, hand_over).start()
        await asyncio.to_thread(lambda: self._metrics)
        self._http.start()
        self._pulse.start()
        self._tasks += (
            loop.create_task(report_for_ever(self._settings.state_dir / SOCKET, self._report, self._control)),
            loop.create_task(self._watch_key()),
            loop.create_task(self._probe.run()),
        )
        for remark in self._remarks():
            log.get().error("the resolver begins with a remark", reason=remark)
        log.get().info("resolver serves", listen=[str(each) for each in self._settings.dns.listen])
        warn_of_dangers(self._settings)
        await self._ended.wait()
        await self._handing_over.close()
        await self._stop_following()
        await self._close()
        self._lock.close()
        return self._exit_code

    def _input_ended(self) -> None:
        """The supervisor is gone; a resolver that hands over stays."""
        if not self._handing_over.begun:
            self._ended.set()

    def _facts(self) -> dict[str, object]:
        """The facts for a successor."""
        return {"in_force": in_force(self._node), "handovers": dict(self._succession.handovers)}

    async def _let_go(self) -> None:
        """Free the state directory for a successor, once; clients are answered all the same."""
        await self._stop_following()
        self._lock.close()

    async def _stop_following(self) -> None:
        """End everything that needs the state directory but the lock."""
        if not self._follows:
            return
        self._follows = False
        self._pulse.close()
        for task in self._tasks:
            task.cancel()
        await self._commands.close()
        self._node.stop()
        await asyncio.to_thread(self._follower.join)

    async def _watch_key(self) -> None:
        """End the resolver, to be started again, once the key is another one than at the start."""
        await key_replaced(self._node, self._paths)
        self._exit_code = ANEW
        self._ended.set()

    async def _look_after_node(self) -> None:
        while True:
            self._node.look_after()
            await asyncio.sleep(LOOK_SECONDS)

    def reload(self, settings: Settings) -> None:
        """Apply the settings that can change while serving; log those that wait for a restart."""
        waiting = waiting_for_restart(self._settings, settings)
        self._renew_secrets(settings)
        self._plane.change_settings(
            prefixes(settings.dns.allow_from),
            rules_of(settings, self._secrets.value),
            prefixes(settings.dns.ecs_from),
            prefixes(settings.dns.proxy_from),
        )
        self._sessions.change(settings)
        self._listening.change(settings)
        self._probe.lists.interval = settings.canary.interval
        self._plane.limit(self._limiter, RateRules(os.urandom(16), settings.dns.rate_limit))
        self._forwarding.change(settings.dns.upstreams)
        self._node.change_settings(switches_of(settings))
        log.get().info("new settings in force", remedy=f"restart for {', '.join(waiting)}" if waiting else "")
        warn_of_dangers(settings)

    def _renew_secrets(self, settings: Settings) -> None:
        try:
            found = cookie_secrets(settings)
        except (OSError, ValueError) as error:
            log.get().error("the cookie secrets are not readable, the old ones stay", reason=str(error))
            return
        self._secrets = found if found.kept else replace(self._secrets, kept=False)

    def _refuse_reload(self) -> None:
        log.get().error("new settings are not readable, the old ones stay in force")

    def _publish(self, published: Published) -> None:
        if published.state is not None:
            self._clock.earliest = published.earliest
        self._plane.publish(
            published.state,
            published.lines,
            bound_tables(published.bindings),
            published.identity_ready,
            self._clock.earliest,
            unread_lines(published.unread),
        )

    @cached_property
    def _metrics(self) -> MetricsRegistry:
        # Made once clients are answered: the library takes a tenth of the time to the first answer to import.
        from filterd.serve.metric_sources import MetricSources, read_metrics
        from filterd.telemetry.metrics import resolver_registry

        sources = MetricSources(
            self._plane,
            self._answer_counts,
            self._node,
            self._board,
            self._forwarding,
            self._listening,
            self._fast,
            self._check,
            self._observer.enforcement,
            self._control,
            self._succession.handovers,
            self._probe.lists,
            self._sessions.follower,
        )
        return resolver_registry(
            lambda: replace(read_metrics(sources), ready=not self._missing(), clock=time.time())
        )

    def _make_listening(self) -> Listening:
        inherited, ticks = self._succession.inherited, self._clock.ticks
        return Listening(self._settings, self._path, self._fast, ticks, self._observer, inherited)

    def _make_http(self) -> HttpService:
        routes = health_routes(
            lambda: HttpReply(self._metrics.exposition(), content_type=self._metrics.content_type),
            self._missing,
            self._remarks,
            self._pulse.troubles,
        )
        listen = self._settings.metrics.listen
        name = name_of(socket_address(listen.address, listen.port))
        bound = next(iter(self._succession.inherited.take(SocketKind.HTTP, name)), None)
        return HttpService("resolver", listen, routes, bound)

    def _missing(self) -> list[str]:
        return [*self._missing_state(), *self._pulse.troubles()]

    def _missing_state(self) -> list[str]:
        return [*self._node.missing(), *self._sessions.follower.missing()]

    def _remarks(self) -> list[str]:
        found = [*self._handing_over.remarks(), *self._node.remarks(), *self._sessions.follower.remarks()]
        if self._board is not None and self._board.reduced:
            found.append("in reduced mode: plain queries alone, since packets killed the resolver")
        if not self._secrets.kept:
            found.append("with a cookie secret that lasts as long as the process: see its log")
        if self._control.lost:
            found.append("without control, so lists and snapshots stay as they are: see its log")
        return found

    def describe(self) -> dict[str, object]:
        """The node's state for the operator's commands."""
        return {
            **asdict(self._report()),
            "other_history": self._node.following.other_history,
            "kept": [asdict(order) for order in self._node.kept_orders()],
        }

    def accept_history(self) -> bool:
        """Begin to follow the history that the store has now; False: the node follows that already."""
        return self._node.accept_history()

    def _report(self) -> NodeReport:
        name, missing, lacking = self._settings.node.name, self._missing_state(), self._http.lacking()
        return report_of(self._node, name, self._clock.began, (missing, lacking), self._probe)

    async def _close(self) -> None:
        self._listening.close()
        self._fast.close()
        await self._path.close()
        await self._forwarding.close()
        self._http.stop()
        await asyncio.to_thread(self._sessions.stop)


async def _serve(settings: Settings, board: CrashBoard | None, pulse: int | None) -> int:
    try:
        with announced(pulse):
            resolver = Resolver(settings, board, pulse)
    except (OSError, ValueError) as error:
        remedy = remedy_of(error, "resolver", tuple(each.port for each in settings.dns.listen))
        log.get().error("the resolver cannot start", reason=str(error), remedy=remedy)
        return CANNOT_START
    return await resolver.run()


def main() -> int:
    """Serve; return the exit code."""
    log.configure("resolver")
    log.catch_faults()
    hangup.ignore()
    close_memory()
    raise_file_limit()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        links = {name: int(number) for name, _, number in (word.partition("=") for word in sys.argv[1:])}
        board = CrashBoard(links["board"]) if "board" in links else None
        settings = first_settings()
    except (OSError, ValueError, TypeError) as error:
        log.get().error("no settings", reason=str(error))
        return CANNOT_START
    return run_role(_serve(settings, board, links.get("pulse")))


if __name__ == "__main__":
    sys.exit(main())

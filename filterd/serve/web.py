"""The web role: the API and the pages, each on a listener of its own, in one process. Neither DNS nor control
needs it.

The supervisor starts ``python -m filterd.serve.web`` and writes the settings to its standard input. It opens
the store as a command does, makes none, and migrates none: it waits until control has.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import replace

from filterd.config.settings import Settings
from filterd.config.web_settings import WebSettings
from filterd.operations.context import Context, OperationError, open_context
from filterd.operations.kept_meanings import KeptMeanings
from filterd.operations.kept_snapshot import KeptSnapshot
from filterd.operations.policies import KeptPolicies, policies
from filterd.serve import hangup
from filterd.serve.holders import remedy_of
from filterd.serve.http_service import HttpService
from filterd.serve.process import (
    ANEW,
    CANNOT_START,
    close_memory,
    end_at_once,
    lock_state_dir,
    raise_file_limit,
    run_role,
    stand_behind_dns,
)
from filterd.serve.settings_input import SettingsWatcher, first_settings
from filterd.store.engine import PROMPT
from filterd.telemetry import log
from filterd.telemetry.api_metrics import ApiMetrics
from filterd.telemetry.http import HttpReply, Route, health_routes
from filterd.telemetry.metrics import web_registry
from filterd.telemetry.page_metrics import PageMetrics
from filterd.web.api.application import make_api
from filterd.web.api.callers import ApiState
from filterd.web.listening.connections import listen, server
from filterd.web.sites import Site, page_sites

RETRY_SECONDS = 1.0
SWITCH_SECONDS = 0.0005
"""how long the event loop holds the interpreter while threads of the store wait for it; Python's default is
5 ms, which each step of a page's reads waited for beside many calls"""
STORE_SECONDS = 0.5
"""between two looks at whether the file of the store is still ours"""
ACTOR = "web"
"""the actor where no token acts: nothing is written under it"""
GARBAGE = (20_000, 20, 20)
"""new objects until a collection, and collections of younger ones until one of older ones"""
OTHER_FILES = 4_224
"""open files beside the connections of clients: the store, and 4,096 clients in a TLS handshake"""


class Web:
    """One web process, over an open store."""

    def __init__(self, context: Context, web: WebSettings, ended: asyncio.Event) -> None:
        """Raises OSError or ssl.SSLError where the certificate cannot be used."""
        self._context = context
        self._web = web
        self._ended = ended
        kept = replace(
            context, kept_policies=KeptPolicies(), kept_snapshot=KeptSnapshot(), kept_meanings=KeptMeanings()
        )
        self._sites, self._pages = page_sites(kept, web)
        self._api: ApiState | None = None
        if web.api is not None:
            app, self._api = make_api(kept, web.api.requests, web)
            self._api.whole_reads = self._pages.whole_reads
            self._sites.insert(0, Site("api", web.api.listen, web.api.connections, app))
        wanted = sum(site.connections for site in self._sites)
        share = min(1.0, max(raise_file_limit(wanted + OTHER_FILES) - OTHER_FILES, 1) / wanted)
        certificate = None if web.tls is None else (web.tls.certificate, web.tls.key)
        self._servers = [
            server(site.app, max(int(site.connections * share), 1), certificate) for site in self._sites
        ]
        self._registry = web_registry(self._metrics)
        self._health = None if web.health is None else HttpService("web", web.health, self._watched())

    def _watched(self) -> dict[str, Route]:
        """The pages for those who watch this process, on a listener of their own."""
        registry = self._registry
        return health_routes(
            lambda: HttpReply(registry.exposition(), content_type=registry.content_type),
            lambda: [] if self._started() else ["the listeners are not open yet"],
        )

    def _started(self) -> bool:
        return all(each.started for each in self._servers)

    def _metrics(self) -> ApiMetrics:
        if self._api is None:
            return ApiMetrics(pages=self._page_metrics(), ready=self._started(), clock=time.time())
        counts = self._api.counts
        return ApiMetrics(
            requests=counts.copied(),
            seconds=counts.seconds,
            in_flight=counts.in_flight,
            connections=self._servers[0].connections,
            imports=self._api.imports,
            pages=self._page_metrics(),
            ready=self._started(),
            clock=time.time(),
        )

    def _page_metrics(self) -> PageMetrics:
        served = zip(self._sites, self._servers, strict=True)
        counted = [(site.name, site.counts, server) for site, server in served if site.counts is not None]
        return PageMetrics(
            {
                (name, status): number
                for name, counts, _ in counted
                for status, number in counts.copied().items()
            },
            {name: server.connections for name, _, server in counted},
            dict(self._pages.refused),
        )

    async def run(self) -> None:
        """Serve until the end is asked for. Raises OSError where the address cannot be bound."""
        with suppress(OperationError):  # which the calls that need them tell
            await asyncio.to_thread(policies, self._pages.context)
        _keep_what_is_loaded()
        sockets = [listen(str(site.listen.address), site.listen.port) for site in self._sites]
        if self._health is not None:
            self._health.start()
        loop = asyncio.get_running_loop()
        serving = [
            loop.create_task(each.serve(sockets=[bound]))
            for each, bound in zip(self._servers, sockets, strict=True)
        ]
        watching = loop.create_task(self._watch_store())
        for site in self._sites:
            event = "the API is served" if site.name == "api" else "pages are served"
            log.get().info(
                event, listen=str(site.listen), **({} if site.name == "api" else {"pages": site.name})
            )
        ended = loop.create_task(self._ended.wait())
        await asyncio.wait([*serving, watching, ended], return_when=asyncio.FIRST_COMPLETED)
        for each in self._servers:
            each.should_exit = True
        for task in (watching, ended):
            task.cancel()
        await asyncio.gather(*serving)
        if self._health is not None:
            await asyncio.to_thread(self._health.stop)

    def reload(self, settings: Settings) -> None:
        """Apply the settings that can change while serving: those of the use cases."""
        waiting = [name for name in ("store", "state_dir", "web") if self._differs(settings, name)]
        kept = replace(
            settings, store=self._context.settings.store, state_dir=self._context.settings.state_dir
        )
        self._pages.context = replace(self._pages.context, settings=kept)
        if self._api is not None:
            self._api.context = replace(self._api.context, settings=kept)
        log.get().info("new settings in force", remedy=f"restart for {', '.join(waiting)}" if waiting else "")

    def _differs(self, settings: Settings, name: str) -> bool:
        return bool(getattr(settings, name) != getattr(self._context.settings, name))

    async def _watch_store(self) -> None:
        """Start anew where another file has taken the store's place: ours says nothing any more."""
        while True:
            await asyncio.sleep(STORE_SECONDS)
            if self._context.store.replaced or await asyncio.to_thread(self._context.store.lost_side_file):
                break
        remedy = "none: it is started again; where the store is gone or older, control's log says what to do"
        log.get().error("the file of the store was replaced, the web process starts anew", remedy=remedy)
        end_at_once(ANEW)


class Waiting:
    """The process before the store is there: settings that change meanwhile are for what comes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ended = asyncio.Event()
        self.web: Web | None = None

    def reload(self, settings: Settings) -> None:
        """Take new settings."""
        if self.web is None:
            self.settings = settings
        else:
            self.web.reload(settings)

    async def serve(self) -> None:
        """Wait for the store, then serve until the end is asked for."""
        told = ""
        while not self.ended.is_set():
            try:
                async with open_context(self.settings, actor=ACTOR, clock=time.time, waits=PROMPT) as context:
                    await self._serve(context)
                return
            except OperationError as error:
                if str(error) != told:
                    told = str(error)
                    event = "the API waits for the store, which is tried again"
                    log.get().warning(event, reason=told, remedy=error.remedy)
            await _rest(self.ended)

    async def _serve(self, context: Context) -> None:
        web = context.settings.web
        if web is None:
            log.get().info("no listener of the web process is configured")
            await self.ended.wait()
            return
        context.store.gather_writes()
        self.web = Web(context, web, self.ended)
        try:
            await self.web.run()
        finally:
            self.web = None


def _keep_what_is_loaded() -> None:
    """Let the garbage collector pass over what stays as long as the process: modules, the API's description
    and the policies. A collection of all of it takes tenths of a second, in which nobody is answered."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


async def _rest(ended: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(ended.wait(), RETRY_SECONDS)
    except TimeoutError:
        return


async def _serve(settings: Settings) -> int:
    waiting = Waiting(settings)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log.loop_fault)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, waiting.ended.set)
    SettingsWatcher(waiting.reload, _refuse_reload, waiting.ended.set).start()
    try:
        with lock_state_dir(settings.state_dir, "web"):
            await waiting.serve()
    except ssl.SSLError:
        remedy = "put a PEM file with the chain in web.tls.certificate, and its own key in web.tls.key"
        event = "the web process cannot go on"
        log.get().error(event, reason="certificate and key cannot be used", remedy=remedy)
        return CANNOT_START
    except OSError as error:
        ports = () if settings.web is None else tuple(at.port for _, at in settings.web.listeners())
        remedy = remedy_of(error, "web", ports)
        log.get().error("the web process cannot go on", reason=str(error), remedy=remedy)
        return CANNOT_START
    return 0


def _refuse_reload() -> None:
    log.get().error("new settings are not readable, the old ones stay in force")


def main() -> int:
    """Serve; return the exit code."""
    log.configure("web")
    log.catch_faults()
    hangup.ignore()
    close_memory()
    stand_behind_dns()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        settings = first_settings()
    except (ValueError, TypeError) as error:
        log.get().error("no settings", reason=str(error))
        return CANNOT_START
    return run_role(_serve(settings))


if __name__ == "__main__":
    sys.exit(main())

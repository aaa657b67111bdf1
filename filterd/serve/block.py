"""The block role: the block page on the sinkholes' addresses, in a process of its own.

The supervisor starts ``python -m filterd.serve.block`` and writes the settings to its standard input. It
opens neither the store nor the state directory and reads no policies: the pages are rendered at the start and
at a reload, and a request costs a lookup. A flood of requests takes what time DNS leaves.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import ssl
import sys
import time
from dataclasses import replace

from filterd.config.block_settings import BlockServerSettings
from filterd.config.settings import Settings
from filterd.config.value_types import Endpoint
from filterd.serve import hangup
from filterd.serve.holders import remedy_of
from filterd.serve.http_service import HttpService
from filterd.serve.process import CANNOT_START, close_memory, raise_file_limit, run_role, stand_behind_dns
from filterd.serve.settings_input import SettingsWatcher, first_settings
from filterd.telemetry import log
from filterd.telemetry.block_metrics import BlockMetrics
from filterd.telemetry.http import HttpReply, Route, health_routes
from filterd.telemetry.metrics import block_registry
from filterd.web.block.application import BlockApp
from filterd.web.block.kinds import PageKind, pages_by_address
from filterd.web.block.rendering import Pages, render
from filterd.web.listening.connections import ApiServer, listen, server
from filterd.web.pages.translations import Translations

OTHER_FILES = 4_224
"""open files beside the connections of clients: 4,096 of them in a TLS handshake"""
LEAST_CONNECTIONS = 8


class BlockService:
    """One process of the block page."""

    def __init__(self, settings: Settings, block: BlockServerSettings) -> None:
        """Raises OSError, ValueError or ssl.SSLError where texts or certificate cannot be used."""
        self._settings = settings
        self._block = block
        self._app = BlockApp(*_served(settings, block), Translations())
        files = raise_file_limit(2 * block.connections + OTHER_FILES)
        most = max(min(block.connections, (files - OTHER_FILES) // 2), LEAST_CONNECTIONS)
        self._servers = [(server(self._app, most), block.listen)] if block.listen else []
        if block.tls is not None and block.https:
            certificate = (block.tls.certificate, block.tls.key)
            self._servers.append((server(self._app, most, certificate, own_host=False), block.https))
        self._registry = block_registry(self._metrics)
        self._health = None if block.health is None else HttpService("block", block.health, self._routes())

    def _routes(self) -> dict[str, Route]:
        """The pages for those who watch this process, on a listener of their own."""
        registry = self._registry
        return health_routes(
            lambda: HttpReply(registry.exposition(), content_type=registry.content_type),
            lambda: [] if self._is_ready else ["the listeners are not open yet"],
        )

    @property
    def _is_ready(self) -> bool:
        return all(each.started for each, _ in self._servers)

    def _metrics(self) -> BlockMetrics:
        return BlockMetrics(
            requests=dict(self._app.counts),
            connections=sum(each.connections for each, _ in self._servers),
            ready=self._is_ready,
            clock=time.time(),
        )

    async def run(self, ended: asyncio.Event) -> None:
        """Serve until the end is asked for. Raises OSError where an address cannot be bound."""
        bound = [
            (each, [listen(str(at.address), at.port) for at in places]) for each, places in self._servers
        ]
        if self._health is not None:
            self._health.start()
        loop = asyncio.get_running_loop()
        serving = [loop.create_task(each.serve(sockets=sockets)) for each, sockets in bound]
        log.get().info("the block page is served", listen=[str(at) for _, at in self._places()])
        waiting = loop.create_task(ended.wait())
        await asyncio.wait([*serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for each, _ in bound:
            each.should_exit = True
        await asyncio.gather(*serving)
        if self._health is not None:
            await asyncio.to_thread(self._health.stop)

    def _places(self) -> list[tuple[ApiServer, Endpoint]]:
        return [(each, at) for each, places in self._servers for at in places]

    def reload(self, settings: Settings) -> None:
        """Render the pages anew. Listeners and certificate take a restart."""
        block = settings.web_block or self._block
        try:
            self._app.serve(*_served(settings, block))
        except (OSError, ValueError, KeyError) as error:
            remedy = "install filterd again: its texts are damaged"
            log.get().error("the block page stays as it was", reason=str(error), remedy=remedy)
            return
        changed = replace(block, portal_url="", public_url="") != replace(
            self._block, portal_url="", public_url=""
        )
        log.get().info("new settings in force", remedy="restart for web.block" if changed else "")


def _served(settings: Settings, block: BlockServerSettings) -> tuple[Pages, dict[str, PageKind]]:
    """The pages, and which address has which."""
    pages = render(block.portal_url, block.public_url, settings.jurisdiction)
    return pages, pages_by_address(settings.block_page)


class BlockRole:
    """The role from its first settings to its end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ended = asyncio.Event()
        self.service: BlockService | None = None

    def reload(self, settings: Settings) -> None:
        """Take new settings."""
        self.settings = settings
        if self.service is not None:
            self.service.reload(settings)

    async def serve(self) -> None:
        """Serve until the end is asked for."""
        block = self.settings.web_block
        if block is None:
            log.get().info("the block page is not configured: web.block has no listener")
            await self.ended.wait()
            return
        self.service = BlockService(self.settings, block)
        await self.service.run(self.ended)


async def _serve(settings: Settings) -> int:
    role = BlockRole(settings)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log.loop_fault)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, role.ended.set)
    SettingsWatcher(role.reload, _refuse_reload, role.ended.set).start()
    event = "the block page cannot go on"
    try:
        await role.serve()
    except ssl.SSLError:
        remedy = (
            "put a PEM file with the chain in web.block.tls.certificate, and its own key in web.block.tls.key"
        )
        log.get().error(event, reason="certificate and key cannot be used", remedy=remedy)
        return CANNOT_START
    except OSError as error:
        ports = () if settings.web_block is None else settings.web_block.ports
        log.get().error(event, reason=str(error), remedy=remedy_of(error, "block", ports) or _remedy(error))
        return CANNOT_START
    return 0


def _remedy(error: OSError) -> str:
    """The step against what keeps an address from being bound."""
    code = getattr(error.__cause__, "errno", error.errno)
    if code == errno.EADDRNOTAVAIL:
        return "put the address on an interface of this machine (ip address add), or take it out of web.block"
    if code in (errno.EACCES, errno.EPERM):
        return "ports below 1024 take CAP_NET_BIND_SERVICE, which filterd-block.service has"
    return ""


def _refuse_reload() -> None:
    log.get().error("new settings are not readable, the old ones stay in force")


def main() -> int:
    """Serve; return the exit code."""
    log.configure("block")
    log.catch_faults()
    hangup.ignore()
    close_memory()
    stand_behind_dns()
    try:
        settings = first_settings()
    except (ValueError, TypeError) as error:
        log.get().error("no settings", reason=str(error))
        return CANNOT_START
    return run_role(_serve(settings))


if __name__ == "__main__":
    sys.exit(main())

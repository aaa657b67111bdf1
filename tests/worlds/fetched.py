"""A small installation whose feeds come from a server that misbehaves."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from filterd.fetch.request import Limits
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.feeds.obtaining import Fetching
from filterd.operations.feeds.taking import FeedUpdate
from tests.worlds.certificates import Authority
from tests.worlds.installation import Installation, install
from tests.worlds.list_server import ZONE, ListServer

ABOUT = (
    "{title: {es: Lejana, en: Far}, publisher: Far Lists, licence: CC BY-NC 4.0, address_from: a page,"
    " address_on: '2026-11-26'}"
)
"""what a ready feed says of its publisher"""
LIMITS = Limits(size=1 << 20, connect=5.0, stall=0.4, total=3.0, patience=0.4, attempts=2)


async def _nowhere_to_wait(seconds: float) -> None:
    """Waits between attempts take no time here."""


async def _loopback(host: str) -> tuple[str, ...]:
    """Every host of the zone is on loopback; another name has no address."""
    return ("127.0.0.1",) if host.endswith(f".{ZONE}") else ()


def fetching(limits: Limits = LIMITS, seed: int = 1) -> Fetching:
    """All fetches of a process; chance by seed."""
    chance = random.Random(seed).random
    return Fetching(chance=chance, sleep=_nowhere_to_wait, limits=limits, lookup=_loopback)


@dataclass
class Fetched:
    """The server, and the installation that fetches from it."""

    server: ListServer
    installation: Installation
    entries: dict[str, str] = field(default_factory=dict)
    """by feed: its use and what else stands in its entry"""

    def name(self, feed: str, names: bytes, keys: str = "category: adult", mirrors: str = "") -> None:
        """Add a feed whose host serves these names."""
        self.server.lists[feed] = names
        more = f", mirrors: [{mirrors}]" if mirrors else ""
        self.entries[feed] = (
            f"{{id: {feed}, source: '{self.server.url(feed)}', format: domains, {keys}{more}}}"
        )
        self.write()

    def offer(self, feed: str, names: bytes, keys: str = "category: adult") -> None:
        """Write ``feeds.d/own.yaml`` with one ready feed, whose host serves these names."""
        self.server.lists[feed] = names
        entry = f"{{id: {feed}, source: '{self.server.url(feed)}', format: domains, {keys}, about: {ABOUT}}}"
        self.installation.write_policy("feeds.d/own.yaml", f"- {entry}\n")

    def write(self) -> None:
        """Write ``feeds.yaml``."""
        text = "".join(f"- {entry}\n" for entry in self.entries.values())
        self.installation.write_policy("feeds.yaml", text or "[]\n")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Context]:
        """A context that trusts the server's authority."""
        async with self.installation.open() as context:
            feeds = replace(context.settings.feeds, ca=self.installation.base / "ca.pem")
            yield replace(context, settings=replace(context.settings, feeds=feeds))

    async def update(self, *feeds: str) -> tuple[FeedUpdate, ...]:
        """Fetch and take these feeds, as a process of its own would."""
        async with self.open() as context:
            return await updating.update(context, feeds, fetching=fetching())


@asynccontextmanager
async def fetched(base: Path) -> AsyncIterator[Fetched]:
    """The server on loopback, and an installation without feeds."""
    authority = Authority()
    (base / "ca.pem").write_bytes(authority.pem)
    installation = await install(base)
    async with ListServer(authority, base / "server").serving() as server:
        world = Fetched(server, installation)
        world.write()
        yield world

"""A server that misbehaves, and clients of it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from filterd.fetch.client import Client
from filterd.fetch.request import Access, Limits, ListReply, Validators
from filterd.fetch.secrets import Secrets
from filterd.policy.feed_documents import Login
from tests.worlds.certificates import Authority
from tests.worlds.list_server import ListServer

NAMES = b"".join(b"name-%d.example\n" % number for number in range(300))


@dataclass
class Lab:
    """A server, the file of its authority, and what a client waited for."""

    server: ListServer
    folder: Path
    waits: list[float] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """hosts whose address was looked up"""
    got: bytes = b""
    size: int = 1 << 20
    attempts: int = 2

    addresses: Callable[[str], tuple[str, ...]] = lambda _host: ("127.0.0.1",)

    async def lookup(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        return self.addresses(host)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def client(
        self, login: Login | None = None, pins: tuple[str, ...] = (), proxy: str | None = None
    ) -> Client:
        access = Access(Secrets(self.folder, {}), login, pins, self.folder / "ca.pem", proxy)
        limits = Limits(size=self.size, stall=0.4, total=1.5, patience=0.5, attempts=self.attempts)
        return Client(access, limits, self.lookup, lambda: 0.5, self.sleep)

    async def get(
        self, host: str = "adult", validators: Validators | None = None, **how: object
    ) -> ListReply:
        sink = io.BytesIO()
        path = str(how.pop("path", "/names.txt"))
        client = self.client(**how)  # type: ignore[arg-type]  # those of client()
        try:
            return await client.get(self.server.url(host, path), sink, validators)
        finally:
            self.got = sink.getvalue()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """The server on loopback, with a list at ``adult``."""
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    server = ListServer(authority, tmp_path / "server", lists={"adult": NAMES})
    async with server.serving():
        yield Lab(server, tmp_path)

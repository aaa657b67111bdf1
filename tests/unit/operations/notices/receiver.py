"""A receiver of webhooks on loopback, which verifies each request by itself and answers as it is told."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

KEYS = (b"k" * 32, b"old-" * 8)


def secret(key: bytes) -> str:
    """A secret as its file has it."""
    return f"whsec_{base64.b64encode(key).decode()}"


@dataclass
class Received:
    """One request."""

    id: str
    body: dict[str, Any]
    raw: bytes
    keys: tuple[int, ...]
    """the places in KEYS of those that signed it"""


@dataclass
class WebhookReceiver:
    """The requests so far, and how the next one is answered."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    """of the next answers; then 200"""
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[Received] = field(default_factory=list)
    elsewhere: int = 0
    """requests at an address to which a redirect leads"""

    async def take(self, request: web.Request) -> web.Response:
        """Answer one request."""
        raw = await request.read()
        signed_by = _signed_by(request, raw)
        self.seen.append(Received(request.headers["webhook-id"], json.loads(raw), raw, signed_by))
        if self.delay:
            await asyncio.sleep(self.delay)
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers=self.headers, body=b"x" * 100_000)

    async def take_elsewhere(self, _: web.Request) -> web.Response:
        """Count what a redirect brought."""
        self.elsewhere += 1
        return web.Response()


def _signed_by(request: web.Request, raw: bytes) -> tuple[int, ...]:
    """Verify as the specification of Standard Webhooks says, without the product's code."""
    to_sign = b".".join(
        (request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode(), raw)
    )
    given = [each.split(",", 1) for each in request.headers["webhook-signature"].split(" ")]
    assert {version for version, _ in given} == {"v1"}
    found = []
    for place, key in enumerate(KEYS):
        expected = base64.b64encode(hmac.new(key, to_sign, "sha256").digest()).decode()
        if any(hmac.compare_digest(expected, each) for _, each in given):
            found.append(place)
    return tuple(found)


@asynccontextmanager
async def receiving() -> AsyncIterator[WebhookReceiver]:
    """A receiver that listens on a port of the kernel's choice."""
    found = WebhookReceiver()
    app = web.Application()
    app.router.add_post("/notices", found.take)
    app.router.add_route("*", "/elsewhere", found.take_elsewhere)
    runner = web.AppRunner(app, shutdown_timeout=0.1)  # an answer that is kept back is not waited for
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    found.url = f"http://127.0.0.1:{port}/notices"
    try:
        yield found
    finally:
        await runner.cleanup()


def write_secret(path: Path, *keys: bytes) -> Path:
    """A file with these secrets."""
    path.write_text("".join(f"{secret(key)}\n" for key in keys))
    return path

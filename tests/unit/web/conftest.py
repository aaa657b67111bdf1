"""An API over a small installation, without a socket, and tokens for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from filterd.model.token import TokenRole
from filterd.operations import tokens
from filterd.operations.context import Context
from filterd.operations.tokens import NewToken, TokenRequest
from filterd.web.api.application import make_api
from filterd.web.api.callers import ApiState
from tests.worlds.installation import Installation, install, with_portal

BASE = "http://api.test"
PERSON = "daemon"
"""an account that every system has, beside that of the test"""


@dataclass
class Api:
    """The application, its state, and clients that have tokens."""

    app: ASGIApp
    state: ApiState
    context: Context
    installation: Installation

    async def token(self, role: TokenRole, name: str = PERSON, **more: Any) -> NewToken:
        """A new token."""
        return await tokens.add(self.context, TokenRequest(name, role, **more))

    async def client(self, role: TokenRole, name: str = PERSON, **more: Any) -> httpx.AsyncClient:
        """A client with a new token."""
        return self.with_secret((await self.token(role, name, **more)).secret)

    def with_secret(self, secret: str, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client with this token."""
        return self.bare({"Authorization": f"Bearer {secret}"}, address)

    def bare(self, headers: dict[str, str] | None = None, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client without a token."""
        transport = httpx.ASGITransport(self.app, client=(address, 40_000))
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)


Client = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store, with a portal."""
    made = await install(tmp_path)
    made.settings = with_portal(made.settings)
    return made


@pytest.fixture
async def api(installation: Installation) -> AsyncIterator[Api]:
    """The API of the installation; ``ana`` makes its tokens."""
    async with installation.open(approvals=2) as context:
        app, state = make_api(context, requests=10_000)
        yield Api(app, state, context, installation)

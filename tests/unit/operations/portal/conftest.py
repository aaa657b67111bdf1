"""A small installation with a portal, lines in it, and its state of signing in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from filterd.model.audit_chain import AuditEntry
from filterd.operations import audit, subscribers
from filterd.operations.context import Context
from filterd.operations.portal import links
from filterd.operations.portal.sessions import SignedIn
from filterd.operations.portal.state import PortalState
from tests.worlds.installation import Installation, install, with_portal

HOME = "203.0.113.7"
"""an address of somebody who is on no line"""


@dataclass
class Portal:
    """The use cases of signing in, with the lines ``home`` (10.0.0.1) and ``other`` (10.0.0.2)."""

    context: Context
    state: PortalState
    installation: Installation

    async def signed_in(self, subscriber: str = "home", **more: object) -> SignedIn:
        """Somebody who has signed in with a link."""
        issued = await links.issue(self.context, subscriber, **more)  # type: ignore[arg-type]
        return await self.consume(issued.url)

    async def consume(self, secret: str, address: str = HOME, previous: str = "") -> SignedIn:
        """Sign in with the secret of a link's URL, or a code."""
        secret = secret.partition("?k=")[2] or secret
        return await links.consume(self.state, self.context, secret, address=address, previous=previous)

    async def trail(self) -> list[AuditEntry]:
        """The entries of the audit trail, oldest first."""
        return [each.entry for each in await audit.tail(self.context)]

    def after(self, seconds: float) -> None:
        """Let time pass."""
        self.installation.now += seconds


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store, with a portal."""
    made = await install(tmp_path)
    made.settings = with_portal(made.settings)
    return made


@pytest.fixture
async def portal(installation: Installation) -> AsyncIterator[Portal]:
    """The portal of the installation."""
    async with installation.open() as context:
        await subscribers.add(context, "home", prefixes=("10.0.0.1/32",))
        await subscribers.add(context, "other", prefixes=("10.0.0.2/32",))
        yield Portal(context, PortalState.make(context.settings), installation)

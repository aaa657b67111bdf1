"""Control's maintenance over an installation of its own."""

from __future__ import annotations

import io
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from filterd.config.load import from_value
from filterd.operations.context import open_context
from filterd.operations.migrate import migrate
from filterd.serve.maintenance import Maintenance
from filterd.telemetry import log
from tests.worlds.small_policies import copy_policies


@dataclass
class Kept:
    """Maintenance, the policies that it reads, the snapshots that it builds, and its log."""

    maintenance: Maintenance
    policies: Path
    snapshots: Path
    stream: io.StringIO
    ahead: float = 0.0
    """seconds by which its clock is ahead of the right one"""

    def now(self) -> float:
        """Unix seconds of its clock."""
        return time.time() + self.ahead

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.stream.getvalue().splitlines()]

    def begin_again(self) -> None:
        """As another process of control would."""
        self.maintenance = Maintenance(self.maintenance.context)


@asynccontextmanager
async def keeping(tmp_path: Path) -> AsyncIterator[Kept]:
    """Over a copy of the shipped policies."""
    policies = copy_policies(tmp_path / "policies")
    settings = from_value(
        {
            "dns": {"upstreams": ["192.0.2.53:53"]},
            "store": {"url": f"sqlite:///{tmp_path}/filterd.db"},
            "state_dir": str(tmp_path / "state"),
            "policies": str(policies),
        },
        base=tmp_path,
    )
    stream = io.StringIO()
    log.configure("control", stream)
    await migrate(settings)
    async with open_context(settings, actor="control", clock=lambda: kept.now()) as context:
        kept = Kept(Maintenance(context), policies, settings.state_dir / "snapshots", stream)
        yield kept

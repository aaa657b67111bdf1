"""Control's maintenance over an installation of its own."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from filterd.config.load import from_value
from filterd.operations.context import open_context
from filterd.operations.migrate import migrate
from filterd.serve.maintenance import Maintenance
from filterd.telemetry import log

SHIPPED = Path(__file__).parents[2] / "policies"


@dataclass
class Kept:
    """Maintenance, the policies that it reads, the snapshots that it builds, and its log."""

    maintenance: Maintenance
    policies: Path
    snapshots: Path
    stream: io.StringIO

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.stream.getvalue().splitlines()]


@asynccontextmanager
async def keeping(tmp_path: Path) -> AsyncIterator[Kept]:
    """Over a copy of the shipped policies."""
    policies = tmp_path / "policies"
    shutil.copytree(SHIPPED, policies)
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
    async with open_context(settings, actor="control") as context:
        yield Kept(Maintenance(context), policies, settings.state_dir / "snapshots", stream)

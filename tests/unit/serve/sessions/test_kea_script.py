"""Kea's script and control's command socket: a lease becomes a session, its release ends it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from filterd.serve.sessions.commands import SessionCommands, Terms
from tests.unit.accounting.leases.samples import address
from tests.unit.serve.sessions.conftest import KEY, Told
from tests.worlds.installation import NOW

SCRIPT = Path(__file__).parents[4] / "packaging" / "kea" / "filterd-kea-lease"
MAC = "96:18:5e:a8:82:ea"
LEASE = {
    "LEASES4_SIZE": "1",
    "LEASES4_AT0_ADDRESS": "192.0.2.10",
    "LEASES4_AT0_CLTT": f"{NOW:.0f}",
    "LEASES4_AT0_HWADDR": MAC,
    "LEASES4_AT0_VALID_LIFETIME": "600",
}


async def call(script: Path, point: str, environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(script, point, env=environment)
    assert await process.wait() == 0


async def test_what_kea_tells_is_in_the_table(told: Told, tmp_path: Path) -> None:
    settings, script = tmp_path / "kea.json", tmp_path / "filterd-kea-lease"
    settings.write_text(json.dumps({"socket": str(tmp_path / "s")}))
    script.write_text(SCRIPT.read_text().replace("/etc/filterd/kea.json", str(settings)))
    script.chmod(0o755)
    told.register(MAC, 7)
    terms = Terms(KEY, told.clock, lambda: 7200)
    commands = SessionCommands(tmp_path / "s", told.table, terms, dict)
    await commands.start()
    try:
        await call(script, "leases4_committed", LEASE)
        found = told.table.find(address("192.0.2.10"))
        assert found is not None
        assert (found.line, found.source.word, found.until) == (7, "lease", NOW // 1 + 600)
        told.now += 10
        await call(script, "lease4_release", {"LEASE4_ADDRESS": "192.0.2.10"})
        assert told.table.find(address("192.0.2.10")) is None
    finally:
        await commands.close()

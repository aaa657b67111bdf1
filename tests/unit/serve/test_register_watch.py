"""Control pulls what is due, delivers, and tells once what needs a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filterd.operations.registers import showing
from filterd.serve.register_watch import RegisterWatch
from filterd.telemetry import log
from tests.unit.operations.registers.conftest import adopted, with_list, with_registers
from tests.unit.operations.registers.test_lists import blocked, register_xml
from tests.worlds.installation import install


async def told(watch: RegisterWatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The events that a pull and two looks log."""
    log.configure("control")
    capsys.readouterr()
    await watch.pull_due()
    await watch.look()
    await watch.settled()
    await watch.look()
    await watch.settled()
    return [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]


async def test_it_pulls_and_tells_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    installation = await install(tmp_path)
    source = tmp_path / "register.xml"
    capacity = {"names": 2}
    entry = {"id": "pl", "kind": "poland", "list": "pl-list", "source": str(source), "capacity": capacity}
    with_registers(installation, entry)
    with_list(installation)
    async with installation.open("control") as context:
        watch = RegisterWatch(context)
        await adopted(context, "pl")
        assert await told(watch, capsys) == ["a register was not pulled"]
        assert watch.metrics.failing == {"pl": True}
        source.write_bytes(register_xml(["a.example", "b.example"]))
        installation.now += 600
        assert await told(watch, capsys) == ["the room of an authority fills"]
        assert await blocked(context) == {"a.example", "b.example"}
        assert watch.metrics.used == {("mf", "names"): 2}
        assert watch.metrics.pulled_at == {"pl": installation.now}
        assert (await showing.show(context, "pl")).problem == ""
        await watch.close()

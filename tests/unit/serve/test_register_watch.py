"""Control pulls what is due, delivers, and tells once what needs a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filterd.operations.registers import showing, taking
from filterd.serve.register_watch import RegisterWatch
from filterd.telemetry import log
from tests.unit.operations.registers.conftest import adopted, node_has_all, with_list, with_registers
from tests.unit.operations.registers.test_lists import blocked, register_xml
from tests.unit.operations.registers.test_taking import document
from tests.worlds.installation import install


async def told(watch: RegisterWatch, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """The events that a pull and two looks log, each with its register or authority."""
    log.configure("control")
    capsys.readouterr()
    await watch.pull_due()
    await watch.look()
    await watch.settled()
    await watch.look()
    await watch.settled()
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [(each["event"], each.get("register") or each["authority"]) for each in found]


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
        assert await told(watch, capsys) == [("a register was not pulled", "pl")]
        assert watch.metrics.failing == {"pl": True}
        source.write_bytes(register_xml(["a.example", "b.example"]))
        installation.now += 600
        assert await told(watch, capsys) == [("the room of an authority fills", "mf")]
        assert await blocked(context) == {"a.example", "b.example"}
        assert watch.metrics.used == {("mf", "names"): 2}
        assert watch.metrics.pulled_at == {"pl": installation.now}
        assert (await showing.show(context, "pl")).problem == ""
        await watch.close()


async def test_answers_that_wait_for_a_node_go_between_two_looks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installation = await install(tmp_path)
    answers = {"id": "sat", "url": "http://127.0.0.1:41100/", "secret_file": str(tmp_path / "none")}
    with_registers(installation, {"id": "own", "kind": "csv", "answers": answers, "answer_within": "3m"})
    async with installation.open("control") as context:
        watch = RegisterWatch(context)
        await adopted(context, "own")
        await node_has_all(context)
        for number in (1, 2):
            await taking.take(context, "own", document(f"D-{number}", f"block,n{number}.example"))
            await watch.look()
            await watch.settled()
            assert watch.holding
            if number == 1:
                await node_has_all(context)
            else:
                installation.now += 120
            log.configure("control")
            capsys.readouterr()
            await watch.deliver()
            await watch.settled()
            assert not watch.holding
            (run,) = await showing.list_runs(context, "own", limit=1)
            assert run.attempts == 1, "it was tried, and the receiver is away"
            events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
            told = [(e["event"], e["register"], e["run"], e["node"], e["count"]) for e in events]
            ahead = ("answers went before every node has what they say", "own", 2, "resolver-1", 1)
            assert told == ([] if number == 1 else [ahead])
        await watch.close()

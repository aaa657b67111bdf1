"""Findings on registers: each state that needs a person has one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from filterd.model.register import RegisterPull
from filterd.operations.doctor import registers
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding
from filterd.operations.registers import showing, taking
from filterd.store import registers as rows
from tests.unit.operations.registers.conftest import adopted, with_list, with_registers
from tests.unit.operations.registers.test_lists import pull
from tests.unit.operations.registers.test_taking import document
from tests.worlds.findings import ids, values
from tests.worlds.installation import NOW, Installation


def look(case: Case, installation: Installation, now: float = NOW) -> list[Finding]:
    """The findings at a time, on a thread beside the loop of the test."""
    settings = replace(case.settings, registers=installation.settings.registers)
    later = replace(case, settings=settings, machine=replace(case.machine, clock=lambda: now))
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: list(registers.check(later))).result()


@pytest.mark.ring("merge")
async def test_each_state_that_needs_a_person(built: Case, installation: Installation) -> None:
    assert look(built, installation) == []
    receiver = {"id": "mf", "url": "http://127.0.0.1:21100/a", "secret_file": "none"}
    with_registers(
        installation,
        {"id": "pl", "kind": "poland", "list": "pl-list", "guard": {"max_removals": 0}},
        {"id": "own", "kind": "csv", "answers": receiver},
    )
    with_list(installation)
    assert ids(look(built, installation)) == ["registers.unadopted"] * 2
    async with installation.open() as context:
        await adopted(context, "pl")
        await adopted(context, "own")
        await pull(context, "a.example", "b.example")
        await pull(context, "a.example")
        await taking.take(context, "own", document("D-1", "block,one.example"))
        assert ids(look(built, installation)) == ["registers.held"]
        (run,) = await showing.list_runs(context, "own")
        async with context.store.report() as connection:
            await rows.put(connection, replace(run, trouble="503: busy"))
            await rows.put_pull(connection, RegisterPull("pl", NOW, 0.0, "the server was silent"))
    found = look(built, installation, NOW + 181)
    wanted = ["registers.pull", "registers.held", "registers.late", "registers.untaken"]
    assert ids(found) == wanted
    assert values(found, "registers.pull") == {"register": "pl", "reason": "the server was silent"}
    assert values(found, "registers.untaken") == {"register": "own", "count": 1, "reason": "503: busy"}


async def test_a_room_that_fills(built: Case, installation: Installation) -> None:
    with_registers(installation, {"id": "own", "kind": "csv", "capacity": {"names": 5}})
    async with installation.open() as context:
        await adopted(context, "own")
        await taking.take(context, "own", document("D-1", *(f"block,n{n}.example" for n in range(3))))
        assert look(built, installation) == []
        await taking.take(context, "own", document("D-2", "block,four.example"))
    found = look(built, installation)
    assert values(found, "registers.full") == {"authority": "mf", "kind": "names", "used": 4, "declared": 5}

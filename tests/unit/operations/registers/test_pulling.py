"""A server that is slow, cuts its answer or gives something else unblocks nothing; then it goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.fetch.request import Lookup
from filterd.operations.context import Context, OperationError
from filterd.operations.registers import pulling, showing, troubles
from filterd.operations.registers.pulling import Pulling
from filterd.store import registers as rows
from tests.unit.operations.registers.conftest import adopted, with_list, with_registers
from tests.unit.operations.registers.test_lists import blocked, register_xml
from tests.worlds.certificates import Authority
from tests.worlds.installation import Installation, install
from tests.worlds.list_server import ZONE, Fault, ListServer


@asynccontextmanager
async def loopback(_settings: Any) -> AsyncIterator[Lookup]:
    """Every host of the servers' zone is on loopback."""

    async def lookup(host: str) -> tuple[str, ...]:
        return ("127.0.0.1",) if host.endswith(f".{ZONE}") else ()

    yield lookup


async def no_wait(_seconds: float) -> None:
    """Waits between attempts take no time."""


QUICK = Pulling(loopback, lambda: 0.5, stall=0.4, total=2.0, attempts=1, sleep=no_wait)
FAULTS = (
    *(Fault.STALL, Fault.SILENT, Fault.RESET, Fault.SHORT, Fault.EMPTY, Fault.NO_HTTP),
    *(Fault.SERVER_ERROR, Fault.NO_LENGTH, Fault.UNASKED_304, Fault.TO_HTTP),
)


@pytest.mark.ring("night")
async def test_what_fails_keeps_the_last_good_list(tmp_path: Path) -> None:
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    installation = await install(tmp_path)
    async with ListServer(authority, tmp_path / "server").serving() as server:
        server.lists["pl"] = register_xml(["a.example", "b.example"])
        entry = {"id": "pl", "kind": "poland", "list": "pl-list", "source": server.url("pl")}
        with_registers(installation, {**entry, "ca": str(tmp_path / "ca.pem")})
        with_list(installation)
        async with installation.open("ana") as context:
            await adopted(context, "pl")
            assert await pulling.due_pulls(context) == ["pl"]
            assert (await pulling.pull(context, "pl", pulling=QUICK)).added == 2
            assert await pulling.due_pulls(context) == []
            for fault in FAULTS:
                server.faults["pl"] = fault
                installation.now += 600
                await _fails(context)
            server.faults.clear()
            server.lists["pl"] = b"<html><body>please wait</body></html>"
            await _fails(context)
            installation.now += pulling.RETRY
            assert await pulling.due_pulls(context) == ["pl"], "sooner than each hour"
            server.lists["pl"] = register_xml(["b.example"])
            assert (await pulling.pull(context, "pl", pulling=QUICK)).removed == 1
            assert await blocked(context) == {"b.example"}
            assert (await showing.show(context, "pl")).problem == ""


async def _fails(context: Context) -> None:
    with pytest.raises(OperationError) as refused:
        await pulling.pull(context, "pl", pulling=QUICK)
    assert "what is in force stays" in refused.value.remedy
    assert await blocked(context) == {"a.example", "b.example"}
    assert (await showing.show(context, "pl")).problem == str(refused.value)


async def test_a_file_that_something_else_fetches(polish: Context, tmp_path: Path) -> None:
    path = tmp_path / "register.xml"
    (register,) = polish.settings.registers
    local = replace(register, source=str(path))
    context = replace(polish, settings=replace(polish.settings, registers=(local,)))
    await adopted(context, "pl")  # its source is one of its terms
    with pytest.raises(pulling.NotPulledError, match="No such file"):
        await pulling.pull(context, "pl")
    path.write_bytes(register_xml(["a.example"]))
    looked = await pulling.pull(context, "pl", dry_run=True)
    assert (looked.added, looked.whole, looked.listed) == (1, True, 1)
    assert await blocked(context) == set()
    await pulling.pull(context, "pl")
    assert await blocked(context) == {"a.example"}


async def test_a_file_that_is_still_being_written_names_no_other_site(own: Context, tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    (register,) = own.settings.registers
    local = replace(register, source=str(path))
    context = replace(own, settings=replace(own.settings, registers=(local,)))
    await adopted(context, "own")
    whole = "document,item,action,entry\nD-1,1,block,casino.example\nD-1,2,block,shop.example.net\n"
    pieces = [whole[:-5], whole]  # up to shop.example, which is another site

    async def goes_on(_seconds: float) -> None:
        path.write_text(pieces.pop(0) if pieces else whole)

    path.write_text(whole[:40])
    taken = await pulling.pull(context, "own", pulling=pulling.Pulling(sleep=goes_on))
    assert [each.value for each in taken.items] == ["casino.example", "shop.example.net"]

    async def ever_more(_seconds: float) -> None:
        path.write_text(path.read_text() + "x")

    path.write_text(whole.replace("D-1", "D-2").rstrip("\n"))
    with pytest.raises(pulling.NotPulledError, match="is being written"):
        await pulling.pull(context, "own", pulling=pulling.Pulling(sleep=ever_more))

    async def nobody_writes(_seconds: float) -> None:
        return

    path.write_text(whole.replace("D-1", "D-2").rstrip("\n"))  # an authority that ends no last row
    taken = await pulling.pull(context, "own", pulling=pulling.Pulling(sleep=nobody_writes))
    assert taken.run.document == "D-2"


async def test_a_fault_of_ours_asks_no_server_more_often(
    polish: Context, installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "register.xml"
    path.write_bytes(register_xml(["a.example"]))
    (register,) = polish.settings.registers
    local = replace(register, source=str(path))
    context = replace(polish, settings=replace(polish.settings, registers=(local,)))
    await adopted(context, "pl")
    await pulling.pull(context, "pl")
    await troubles.note_open(context, local, "its file is damaged")
    installation.now += pulling.RETRY + 1
    assert await pulling.due_pulls(context) == []
    installation.now += local.pull_every
    assert await pulling.due_pulls(context) == ["pl"]
    await pulling.pull(context, "pl")
    async with context.store.read() as connection:
        told = (await rows.pulls(connection))["pl"]
    assert told.problem == f"{troubles.OPEN}its file is damaged", "a good pull mends nothing of it"
    assert told.good_at == installation.now

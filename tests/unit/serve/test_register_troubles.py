"""One register's trouble stops no other, and a receiver that hangs stops nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import RegisterItem, RegisterRun, RunOrigin
from filterd.operations.context import Context, OperationError
from filterd.operations.errors import UnusableError
from filterd.operations.feeds import rule_files, updating
from filterd.operations.registers import answering, list_files, pulling, showing, taking
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.handed import Handed
from filterd.operations.registers.pulling import Pulling
from filterd.serve import alarm_watch, register_watch
from filterd.serve.register_watch import RegisterWatch
from filterd.store import registers as rows
from filterd.store.errors import StoreError
from filterd.telemetry import log
from tests.unit.operations.registers.conftest import adopted, node_has_all, with_list, with_registers
from tests.unit.operations.registers.test_lists import blocked, register_xml
from tests.unit.operations.registers.test_taking import document
from tests.worlds.installation import Installation, install

RECEIVER = {"id": "sat", "url": "http://127.0.0.1:47001/answers", "secret_file": "none"}


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


@pytest.fixture
async def two(installation: Installation) -> AsyncIterator[Context]:
    """The registers aa and pl, each with a list and a source."""
    for each in ("aa", "pl"):
        source = str(installation.base / f"{each}.xml")
        entry = {"id": each, "kind": "poland", "list": f"{each}-list", "source": source}
        with_list(installation, each)
        with_registers(installation, *_entries(installation), entry)
    async with installation.open("control") as context:
        for each in ("aa", "pl"):
            await adopted(context, each)
        yield context


def _entries(installation: Installation) -> list[dict[str, Any]]:
    known = installation.settings.registers
    return [{"id": e.id, "kind": e.kind, "list": e.list, "source": e.source} for e in known]


async def bounded(work: Awaitable[None]) -> None:
    """Wait for what must not hang."""
    async with asyncio.timeout(30):
        await work


async def until(condition: Callable[[], bool]) -> None:
    """Let others work until something is so."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


async def test_a_receiver_that_hangs_stops_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("bad", "good")
    with_registers(installation, *({"id": each, "kind": "csv", "answers": RECEIVER} for each in names))
    never, sent = asyncio.Event(), list[str]()

    async def send(
        self: Any,
        context: Context,
        register: RegisterSettings,
        run: RegisterRun,
        items: Sequence[RegisterItem],
    ) -> str:
        del self, context, items
        if register.id == "bad":
            await never.wait()
        sent.append(run.document)
        return ""

    monkeypatch.setattr(answering.WebhookSender, "send", send)
    async with installation.open("control") as context:
        for each in names:
            await adopted(context, each)
            await taking.take(context, each, document(f"{each}-1", "block,one.example"))
        await node_has_all(context)
        watch = RegisterWatch(context)
        await bounded(watch.look())
        await until(lambda: sent == ["good-1"])
        await taking.take(context, "good", document("good-2", "block,two.example"))
        await node_has_all(context)
        await bounded(watch.look())
        await until(lambda: sent == ["good-1", "good-2"])
        assert watch.metrics.undelivered["bad"] == 1
        never.set()
        await bounded(watch.settled())
        assert sent == ["good-1", "good-2", "bad-1"]
        assert await answering.undelivered(context) == []
        await watch.close()


async def test_an_answer_that_cannot_be_sent_is_the_trouble_of_its_document(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_registers(installation, {"id": "own", "kind": "csv", "answers": RECEIVER})

    async def send(*_: object) -> str:
        message = "secret.example"
        raise ValueError(message)

    monkeypatch.setattr(answering.WebhookSender, "send", send)
    async with installation.open("control") as context:
        await adopted(context, "own")
        await taking.take(context, "own", document("D-1", "block,one.example"))
        await node_has_all(context)
        watch = RegisterWatch(context)
        await watch.look()
        await watch.settled()
        (run,) = await answering.undelivered(context)
        assert (run.attempts, "ValueError" in run.trouble, "secret" in run.trouble) == (1, True, False)
        await watch.close()


async def test_a_delivery_that_the_store_cannot_note_is_told_once(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_registers(installation, {"id": "own", "kind": "csv", "answers": RECEIVER})

    async def full(*_: object) -> None:
        message = "the disk is full"
        raise StoreError(message, "make room")

    monkeypatch.setattr(rows, "put_delivery", full)
    async with installation.open("control") as context:
        await adopted(context, "own")
        await taking.take(context, "own", document("D-1", "block,one.example"))
        await node_has_all(context)
        watch = RegisterWatch(context)
        log.configure("control")
        for _ in range(3):
            await watch.look()
            await watch.settled()
        (told,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert (told["event"], told["reason"]) == ("registers are not watched", "the disk is full")
        assert told["remedy"] == "make room"
        await watch.close()


@pytest.mark.parametrize("rest", [alarm_watch.rest_after, register_watch.rest_after])
def test_a_look_rests_for_its_own_work_and_never_long(rest: Any) -> None:
    assert [rest(each) for each in (0.0, 1.0, 2.0, 30.0)] == [5.0, 20.0, 40.0, 60.0]


@pytest.mark.ring("merge")
async def test_a_source_that_fails_or_hangs_keeps_no_other_waiting(
    installation: Installation,
    two: Context,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    never, asked, hangs = asyncio.Event(), list[str](), False

    async def fetched(context: Context, register: RegisterSettings, about: Pulling) -> bytes:
        del context, about
        asked.append(register.id)
        if register.id == "aa" and hangs:
            await never.wait()
        if register.id == "aa":
            message = "secret.example cannot be encoded"
            raise ValueError(message)
        return register_xml(["p1.example"])

    monkeypatch.setattr(pulling, "fetched", fetched)
    watch = RegisterWatch(two)
    log.configure("control")
    await bounded(watch.pull_due())
    assert await blocked(two) == {"p1.example"}
    problem = (await showing.show(two, "aa")).problem
    assert problem.startswith("an error that nobody foresaw: ValueError at ")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert told["event"] == "a register was not pulled"
    assert told["remedy"].endswith("filterd register show aa")
    assert "secret" not in line + problem
    hangs = True
    asked.clear()
    for _ in range(2):
        installation.now += 86_400
        await bounded(watch.look())
        await until(lambda: not watch._pulls.is_running("pl"))
    assert (asked.count("aa"), asked.count("pl")) == (1, 2)
    assert watch.metrics.failing["aa"]
    await watch.close()


@pytest.mark.ring("merge")
async def test_a_list_that_is_lost_keeps_no_other_waiting(
    installation: Installation, two: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        message = "the disk is full"
        raise OperationError(message)

    for register, name in (("aa", "a1.example"), ("pl", "p1.example")):
        await taking.take(two, register, Handed(register_xml([name]), RunOrigin.PULL))
    with monkeypatch.context() as patch:
        patch.setattr(updating, "update", broken)
        more = register_xml(["p1.example", "p2.example"])
        assert (await taking.take(two, "pl", Handed(more, RunOrigin.PULL))).waiting == 1
    list_files.list_file(two.settings, "aa").unlink()
    path = await _rule_file(two, "aa")
    kept = path.read_bytes()
    path.unlink()
    watch = RegisterWatch(two)
    monkeypatch.setattr(watch, "_begin_pulls", watch._begin_visits)
    await _looked(watch)
    assert await blocked(two) == {"p1.example", "p2.example"}
    assert (await showing.show(two, "aa")).problem.startswith("what is open is not put in force: ")
    assert watch.metrics.failing == {"aa": True, "pl": False}
    with pytest.raises(UnusableError):
        await showing.retry_open(two)
    path.write_bytes(kept)
    installation.now += 61
    await _looked(watch)
    assert (await showing.show(two, "aa")).problem == ""
    await watch.close()


@pytest.mark.parametrize("damage", [b"secret.exam", b"\xff\xfe\xfa\n"])
async def test_a_list_in_force_that_is_damaged_is_told(two: Context, damage: bytes) -> None:
    await taking.take(two, "aa", Handed(register_xml(["a1.example"]), RunOrigin.PULL))
    path = await _rule_file(two, "aa")
    path.chmod(0o600)
    path.write_bytes(damage)
    with pytest.raises(UnusableError, match="the list in force of the feed aa-list") as refused:
        await list_files.in_force(two, require_register(two, "aa"))
    assert "secret" not in str(refused.value)
    assert "filterd feed update aa-list" in refused.value.remedy


async def _rule_file(context: Context, register: str) -> Path:
    found = require_register(context, register)
    version = await list_files.version_of(context, found)
    assert version is not None
    return rule_files.rule_file(context.settings.state_dir, found.list, version.version)


async def _looked(watch: RegisterWatch) -> None:
    """Look until what the look began is told too."""
    for _ in range(2):
        await watch.look()
        await watch.settled()

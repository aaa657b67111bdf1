"""Entries of a list alarm before their deadline and once it has passed, each once, and name nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.alarm_settings import AlarmSettings, MailSettings
from filterd.config.notice_settings import WebhookSettings
from filterd.config.value_types import Seconds
from filterd.model.register import RunOrigin
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import updating
from filterd.operations.orders import alarms
from filterd.operations.orders.alarm_delivery import message_of
from filterd.operations.orders.alarm_mail import MailHead, alarm_mail
from filterd.operations.orders.alarms import key_of
from filterd.operations.orders.duties import HouseDuty
from filterd.operations.registers import alarming, lists, showing, taking
from filterd.operations.registers.finding import require_register
from filterd.operations.registers.handed import Handed
from filterd.serve.alarm_watch import AlarmWatch
from filterd.store import alarms as rows
from filterd.telemetry import log
from tests.unit.operations.registers.test_lists import pull, register_xml
from tests.worlds.installation import Installation

HOUR = 3600
NAMES = [f"n{number}.example" for number in range(8)]


@pytest.fixture
async def watched(polish: Context, tmp_path: Path) -> AsyncIterator[Context]:
    """Poland's register, with a receiver of alarms that takes none."""
    hook = WebhookSettings("duty", "http://127.0.0.1:9/", tmp_path / "none", (), None, Seconds(5))
    orders = replace(polish.settings.orders, alarms=AlarmSettings(webhooks=(hook,)))
    yield replace(polish, settings=replace(polish.settings, orders=orders))


@pytest.fixture
async def full_disk(watched: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """The same, whose lists cannot be put in force until ``monkeypatch.undo()``."""

    async def broken(*_: object) -> None:
        message = "the disk is full"
        raise OperationError(message)

    monkeypatch.setattr(updating, "update", broken)
    return watched


async def raised(context: Context) -> list[tuple[str, str, int]]:
    """The new alarms: reference, duty and lead in hours."""
    found = await alarms.raise_due(context, await alarming.duties(context))
    return [(duty.order.reference, duty.kind.value, lead // HOUR) for duty, lead in found.duties]


async def test_a_removal_that_is_held_alarms_before_it_is_late_and_once_it_is(
    watched: Context, installation: Installation
) -> None:
    await pull(watched, *NAMES)
    assert await alarming.duties(watched) == []
    began, received = installation.now, installation.now
    held = await pull(watched, *NAMES[:4])
    assert held.waiting == 4
    assert await alarming.duties(watched) == [], "it just came"
    installation.now += 120
    (duty,) = await alarming.duties(watched)
    assert (duty.kind, duty.due_at, duty.began_at) == (
        HouseDuty.LIST_UNBLOCK,
        int(received + 48 * HOUR),
        began,
    )
    assert await raised(watched) == []
    told = []
    for hours in (24, 44, 47, 48.1):
        installation.now = began + hours * HOUR
        told += await raised(watched)
        assert await raised(watched) == [], "once"
    assert told == [("pl/2", "list_unblock", lead) for lead in (24, 4, 1, 0)]
    await lists.accept_removals(watched, require_register(watched, "pl"), reason="they confirmed")
    assert await alarming.duties(watched) == []


async def test_each_deadline_of_a_document_alarms_and_those_late_on_arrival_as_one(
    full_disk: Context, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [register_xml([f"old{day}.example"], at=f"2020-01-0{day}T08:00:00") for day in (1, 2)]
    both = old[0].replace(b"</Rejestr>", _rows(old[1]) + b"</Rejestr>")
    await taking.take(full_disk, "pl", Handed(both, RunOrigin.PULL))
    installation.now += 120
    (late,) = await alarming.duties(full_disk)
    assert (late.kind, late.overdue(installation.now)) == (HouseDuty.LIST_BLOCK, True)
    assert await raised(full_disk) == [("pl/1", "list_block", 0)]
    soon = register_xml(["soon.example"], at="2027-01-15T07:00:00")
    await taking.take(full_disk, "pl", Handed(soon, RunOrigin.PUSH))
    await taking.take(full_disk, "pl", Handed(register_xml(["new.example"]), RunOrigin.PUSH))
    installation.now += 120
    found = await alarming.duties(full_disk)
    assert [each.order.reference for each in found] == ["pl/1", "pl/2", "pl/3"]
    assert found[2].due_at - found[1].due_at == HOUR
    monkeypatch.undo()
    await showing.retry_open(full_disk, "pl")
    assert await alarming.duties(full_disk) == []


def _rows(document: bytes) -> bytes:
    return document[document.index(b"<PozycjaRejestru") : document.index(b"</Rejestr>")]


async def test_log_message_and_mail_name_the_register_and_no_entry(
    watched: Context, installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    await pull(watched, *NAMES)
    await pull(watched, "n0.example")
    installation.now += 47.5 * HOUR
    watch = AlarmWatch(watched)
    log.configure("control")
    capsys.readouterr()
    await watch.look()
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {
        "event": "entries of a register are due soon",
        "register": "pl",
        "run": 2,
        "duty": "list_unblock",
    }.items() <= events[0].items()
    assert (watch.metrics.overdue["list_unblock"], watch.metrics.left["list_unblock"]) == (0, HOUR / 2 + 1)
    async with watched.store.read() as connection:
        (waiting,) = await rows.deliveries(connection)
    (duty,) = await alarming.duties(watched)
    assert waiting.key == key_of(duty, HOUR)
    message = message_of({waiting.key: duty}, installation.now)
    (alarm,) = json.loads(message.body)["data"]["alarms"]
    assert (alarm["order"], alarm["duty"], alarm["overdue"]) == ("pl/2", "list_unblock", False)
    server = MailSettings(
        "127.0.0.1", 25, "none", "", None, None, "a@isp.example", ("b@isp.example",), Seconds(5)
    )
    mail = alarm_mail(MailHead(server, installation.now, "Europe/Warsaw"), (duty,))
    body = mail.get_content()
    assert mail["Subject"].startswith("filterd: registro pl/2, desbloquear ")
    assert "filterd register show REGISTRO" in body and "Ministry" in body
    for text in (str(events), message.body.decode(), body):
        assert not [each for each in NAMES if each in text]
    await watch.close()

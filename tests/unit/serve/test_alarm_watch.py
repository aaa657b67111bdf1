"""Control's watch over deadlines: what it counts, logs and says of its channels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filterd.config.alarm_settings import AlarmSettings, MailSettings
from filterd.config.notice_settings import WebhookSettings
from filterd.config.value_types import Seconds
from filterd.model.order_alarm import MAIL, AlarmKey
from filterd.operations.context import Context
from filterd.operations.orders import taking
from filterd.operations.orders.alarm_delivery import AlarmDeliveries
from filterd.operations.orders.alarms import WEBHOOK
from filterd.operations.orders.duties import Duty
from filterd.serve.alarm_watch import LOGGED, AlarmWatch
from filterd.telemetry import log
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.installation import NOW, Installation, install

MEXICO = Path(__file__).parents[3] / "policies/jurisdictions/mx.yaml"
DAY = 86_400


@pytest.fixture
def clock() -> list[float]:
    """The time that the context gives."""
    return [NOW]


@pytest.fixture
async def installation(tmp_path: Path) -> Installation:
    """Policies and an empty store."""
    return await install(tmp_path)


@pytest.fixture
async def context(installation: Installation, clock: list[float], tmp_path: Path) -> AsyncIterator[Context]:
    installation.write_policy("jurisdictions/mx.yaml", MEXICO.read_text(encoding="utf-8"))
    hook = WebhookSettings("duty", "http://127.0.0.1:9/", tmp_path / "none", (), None, Seconds(5))
    async with installation.open("ana", approvals=1) as context:
        orders = replace(context.settings.orders, alarms=AlarmSettings(webhooks=(hook,)))
        settings = replace(context.settings, orders=orders)
        yield replace(context, settings=settings, clock=lambda: clock[0])


Look = Callable[[AlarmWatch], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Look:
    """Looks once, and gives what was logged."""

    async def look(watch: AlarmWatch) -> list[dict[str, Any]]:
        log.configure("control")
        capsys.readouterr()
        await watch.look()
        await watch.settled()
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return look


async def test_figures_and_log(context: Context, clock: list[float], logged: Look) -> None:
    watch = AlarmWatch(context)
    assert await logged(watch) == []
    assert watch.metrics.left == {}
    await taking.add(context, REQUEST)
    await logged(watch)
    due = watch.metrics.left
    assert due.keys() == {"enforce", "review"}
    assert watch.metrics.overdue["enforce"] == 0
    clock[0] += due["enforce"]
    events = await logged(watch)
    assert {"event": "an order is overdue", "order": "O-1", "duty": "enforce"}.items() <= events[0].items()
    assert "bad.example" not in str(events)
    assert events[-1]["event"] == "alarms are not taken"
    assert "secret" in events[-1]["reason"]
    assert watch.metrics.overdue["enforce"] == 1
    assert (watch.metrics.left["enforce"], watch.metrics.waiting) == (0, 1)
    assert await logged(watch) == [], "once"
    watch.change_settings(
        replace(context.settings, orders=replace(context.settings.orders, alarms=AlarmSettings()))
    )
    assert [each["event"] for each in await logged(watch)] == ["alarms are taken again"]


async def test_a_channel_that_hangs_stops_nothing(
    context: Context, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = MailSettings(
        "mail.example", 25, "none", "", None, None, "a@isp.example", ("b@isp.example",), Seconds(5)
    )
    never, told = asyncio.Event(), list[int]()

    async def hangs(self: AlarmDeliveries, duties: Sequence[Duty]) -> str:
        del self, duties
        await never.wait()
        return ""

    async def post(self: AlarmDeliveries, channel: str, about: Mapping[AlarmKey, Duty]) -> str:
        del self, channel
        told.append(len(about))
        if len(told) == 1:
            message = "secret.example"
            raise ValueError(message)
        return ""

    monkeypatch.setattr(AlarmDeliveries, "_mail", hangs)
    monkeypatch.setattr(AlarmDeliveries, "_post", post)
    watch = AlarmWatch(replace(context, settings=replace(context.settings, mail=mail)))
    await taking.add(context, REQUEST)
    await watch.look()
    clock[0] += watch.metrics.left["enforce"]
    for looks in range(2):
        async with asyncio.timeout(30):
            await watch.look()
            while len(told) <= looks or watch._tells.is_running(f"{WEBHOOK}duty"):
                await asyncio.sleep(0)
        clock[0] += 60
    assert told == [1, 1], "the first attempt failed, the second did not"
    assert "secret" not in str(watch._deliveries.troubles)
    assert watch.metrics.outcomes["delivered"] == 1
    assert watch._tells.is_running(MAIL)
    await watch.close()


@pytest.mark.ring("merge")
async def test_a_flood_is_logged_as_a_number(context: Context, clock: list[float], logged: Look) -> None:
    for number in range(LOGGED + 5):
        await taking.add(context, replace(REQUEST, document=f"D-{number}"))
    clock[0] += 30 * DAY
    events = [each["event"] for each in await logged(AlarmWatch(context))]
    assert events.count("an order is overdue") == LOGGED
    assert events.count("more orders are due") == 1


async def test_a_store_that_is_gone_is_told_once(
    context: Context, installation: Installation, logged: Look
) -> None:
    watch = AlarmWatch(context)
    installation.database.write_bytes(b"no database" * 1000)
    assert [each["event"] for each in await logged(watch)] == ["deadlines are not watched"]
    assert await logged(watch) == []

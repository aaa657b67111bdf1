"""Alarms come in time, once each, over restarts and clocks that jump, and reach people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.config.alarm_settings import AlarmSettings, MailSettings
from filterd.config.notice_settings import WebhookSettings
from filterd.config.value_types import Seconds
from filterd.fetch.request import Lookup
from filterd.model.order_alarm import MAIL, OVERDUE
from filterd.operations.context import Context, OperationError
from filterd.operations.orders import alarms, due, taking
from filterd.operations.orders.alarm_delivery import AlarmDeliveries, try_mail
from filterd.operations.orders.alarms import Raised, leads_of
from filterd.operations.orders.duties import Duty
from filterd.policy.jurisdictions import DeadlineKind
from filterd.store import alarms as rows
from tests.unit.operations.notices.receiver import KEYS, WebhookReceiver, receiving, write_secret
from tests.unit.operations.orders.test_duties import TAX
from tests.unit.operations.test_orders import REQUEST
from tests.worlds.certificates import Authority
from tests.worlds.installation import NOW, Installation
from tests.worlds.mail_server import MailHost, mail_host

ROOT = Path(__file__).parents[4]
HOUR, DAY = 3600, 86_400


def duty(lasts: int, *, kind: DeadlineKind = DeadlineKind.ENFORCE, number: int = 1, ends: int = 0) -> Duty:
    """A duty that lasts so many seconds from now, or ends then."""
    due_at = ends or int(NOW) + lasts
    order = replace(TAX, number=number, reference=f"O-{number}")
    return Duty(order, kind, due_at - lasts, due_at)


@pytest.mark.parametrize(
    ("lasts", "leads"),
    [
        (30 * 60, (0, 15 * 60)),
        (HOUR, (0, HOUR // 2)),
        (6 * HOUR, (0, HOUR, 4 * HOUR)),
        (DAY, (0, HOUR, 4 * HOUR)),
        (7 * DAY, (0, HOUR, 4 * HOUR, DAY)),
    ],
)
def test_leads(lasts: int, leads: tuple[int, ...]) -> None:
    assert leads_of(duty(lasts), AlarmSettings()) == leads


def test_a_review_alarms_days_before() -> None:
    assert leads_of(duty(180 * DAY, kind=DeadlineKind.REVIEW), AlarmSettings()) == (0, DAY, 7 * DAY)


@given(st.integers(1, 10**8), st.lists(st.integers(60, 10**7).map(Seconds), max_size=8).map(tuple))
def test_leads_lie_within_the_time(lasts: int, wanted: tuple[Seconds, ...]) -> None:
    leads = leads_of(duty(lasts), AlarmSettings(before=wanted))
    assert leads[0] == OVERDUE
    assert list(leads) == sorted(set(leads))
    assert all(0 < each < lasts for each in leads[1:])


@pytest.fixture
def clock() -> list[float]:
    """The time that the context gives."""
    return [NOW]


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[MailHost]:
    authority = Authority()
    (tmp_path / "mail-ca.pem").write_bytes(authority.pem)
    async with mail_host(starttls=authority.server(tmp_path, "127.0.0.1")) as found:
        yield found


@pytest.fixture
async def context(
    installation: Installation, receiver: WebhookReceiver, host: MailHost, tmp_path: Path, clock: list[float]
) -> AsyncIterator[Context]:
    """With Mexico's rules, one receiver and one server for mail."""
    shipped = ROOT / "policies/jurisdictions/mx.yaml"
    installation.write_policy("jurisdictions/mx.yaml", shipped.read_text(encoding="utf-8"))
    secret = write_secret(tmp_path / "secret", KEYS[0])
    hook = WebhookSettings("duty", receiver.url, secret, (), None, Seconds(5))
    mail = MailSettings(
        server="127.0.0.1",
        port=host.port,
        tls="starttls",
        user="",
        password_file=None,
        ca=tmp_path / "mail-ca.pem",
        sender="filterd@isp.example",
        to=("duty@isp.example",),
        timeout=Seconds(10),
    )
    async with installation.open() as context:
        settings = context.settings
        orders = replace(settings.orders, approvals=1, alarms=AlarmSettings(webhooks=(hook,)))
        told = replace(settings, orders=orders, mail=mail)
        yield replace(context, settings=told, clock=lambda: clock[0])


@asynccontextmanager
async def no_lookups(settings: object) -> AsyncIterator[Lookup]:
    """Nobody is asked: every server is written as an address."""

    async def lookup(host: str) -> tuple[str, ...]:
        return ()

    yield lookup


@pytest.fixture
def deliveries(context: Context) -> AlarmDeliveries:
    return AlarmDeliveries(context, chance=lambda: 1.0, lookups=no_lookups)


async def look(context: Context, deliveries: AlarmDeliveries, *duties: Duty) -> Raised:
    """One look of control."""
    raised = await alarms.raise_due(context, duties)
    await deliveries.turn(duties)
    return raised


async def waiting(context: Context) -> list[tuple[str, int, bool]]:
    """What no channel has taken: channel, attempts, given up."""
    async with context.store.read() as connection:
        found = await rows.deliveries(connection)
    return [(each.channel, each.attempts, each.failed) for each in found]


@pytest.mark.ring("night")
async def test_each_lead_alarms_once(
    context: Context, deliveries: AlarmDeliveries, clock: list[float], host: MailHost
) -> None:
    here = duty(2 * DAY)
    told = []
    for seconds in range(0, 2 * DAY + 2 * HOUR, 600):
        clock[0] = NOW + seconds
        raised = await look(context, deliveries, here)
        told += [(seconds, lead) for _, lead in raised.duties]
    ends = 2 * DAY
    assert told == [(ends - DAY, DAY), (ends - 4 * HOUR, 4 * HOUR), (ends - HOUR, HOUR), (ends + 600, 0)]
    assert len(host.taken) == 4
    assert await waiting(context) == []


@pytest.mark.ring("night")
async def test_a_mail_says_what_is_due_and_no_name(
    context: Context, deliveries: AlarmDeliveries, clock: list[float], host: MailHost
) -> None:
    added = await taking.add(context, replace(REQUEST, confidential=True))
    await taking.add(context, REQUEST)
    clock[0] = (await due.list_due(context))[0].due_at - 100
    found = await due.list_due(context)
    assert {(each.order.reference, each.kind.value) for each in found} >= {(added.reference, "enforce")}
    await look(context, deliveries, *found)
    (mail,) = host.taken
    text = mail.get_content()
    whole = mail.as_string()
    assert "O-1 · aplicar: quedan" in text or "O-1 · aplicar: venció" in text
    assert "O-1 · enforce" in text
    assert "Servicio de Administración Tributaria · Bloqueo de servicios digitales" in text
    assert "Tax Administration Service" in text
    for name in ("bad.example", "also.example", "500-2026-1", "A. Official"):
        assert name not in text
        assert name not in whole
    assert mail["Auto-Submitted"] == "auto-generated"


async def test_a_receiver_gets_a_signed_message(
    context: Context, deliveries: AlarmDeliveries, receiver: WebhookReceiver, clock: list[float]
) -> None:
    here = duty(6 * HOUR)
    clock[0] += 3 * HOUR
    await look(context, deliveries, here)
    (seen,) = receiver.seen
    assert seen.keys == (0,)
    assert seen.body["type"] == "order.deadline"
    (alarm,) = seen.body["data"]["alarms"]
    assert (alarm["order"], alarm["duty"], alarm["overdue"]) == ("O-1", "enforce", False)
    assert alarm["seconds_left"] == 3 * HOUR + 1


async def test_no_words_of_a_confidential_order_leave(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, receiver: WebhookReceiver
) -> None:
    here = duty(30 * DAY, ends=int(NOW) + HOUR)
    words: dict[str, Any] = {"authority": "Juez de secret five"}
    words["ground"] = "secret-five\N{IDEOGRAPHIC FULL STOP}example"
    await look(context, deliveries, replace(here, order=replace(here.order, confidential=True, **words)))
    (mail,) = host.taken
    (seen,) = receiver.seen
    assert "O-1 · aplicar: quedan 60 min" in mail.get_content()
    (alarm,) = seen.body["data"]["alarms"]
    assert (alarm["order"], alarm["duty"], alarm["authority"], alarm["ground"]) == ("O-1", "enforce", "", "")
    for text in (mail.get_content(), json.dumps(seen.body, ensure_ascii=False)):
        assert "secret" not in text
        assert "Juez" not in text


@pytest.mark.parametrize("dot", [".", "\N{IDEOGRAPHIC FULL STOP}", "\N{FULLWIDTH FULL STOP}", "[.]"])
async def test_nor_what_looks_like_a_name_in_those_of_others(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, dot: str
) -> None:
    here = duty(30 * DAY, ends=int(NOW) + HOUR)
    order = replace(here.order, authority=f"Juez de secret-five{dot}example", ground="none")
    await look(context, deliveries, replace(here, order=order))
    assert "Juez de …" in host.taken[0].get_content()
    assert "secret" not in host.taken[0].get_content()


async def test_a_flood_is_one_mail(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, receiver: WebhookReceiver
) -> None:
    many = [duty(HOUR, number=number, ends=int(NOW) + 60 + number) for number in range(1, 1001)]
    raised = await look(context, deliveries, *many)
    assert len(raised.duties) == 1000
    (mail,) = host.taken
    text = mail.get_content()
    assert text.count("aplicar") == alarm_delivery_listed()
    assert "… y 960 más" in text
    assert "1000 plazos de órdenes; el primero, orden O-1" in mail["Subject"]
    for _ in range(4):
        await deliveries.turn(many)
    assert len(host.taken) == 1
    assert sum(len(each.body["data"]["alarms"]) for each in receiver.seen) == 1000


def alarm_delivery_listed() -> int:
    """How many a mail lists."""
    from filterd.operations.orders.alarm_mail import LISTED

    return LISTED


async def test_a_restart_repeats_nothing(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, clock: list[float]
) -> None:
    here = duty(30 * 60)
    clock[0] += 16 * 60
    await look(context, deliveries, here)
    again = AlarmDeliveries(context, chance=lambda: 1.0, lookups=no_lookups)
    assert (await look(context, again, here)).duties == ()
    assert len(host.taken) == 1


async def test_of_leads_that_passed_at_once_the_shortest_is_told(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, clock: list[float]
) -> None:
    here = duty(3 * DAY)
    clock[0] = here.due_at - 10
    assert [lead for _, lead in (await look(context, deliveries, here)).duties] == [HOUR]
    assert len(host.taken) == 1


async def test_a_clock_that_was_ahead(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, clock: list[float]
) -> None:
    here = duty(2 * DAY)
    clock[0] = NOW + 30 * DAY
    assert [lead for _, lead in (await look(context, deliveries, here)).duties] == [OVERDUE]
    clock[0] = NOW
    assert await look(context, deliveries, here) == Raised((), forgotten=4)
    clock[0] = here.due_at - HOUR
    assert [lead for _, lead in (await look(context, deliveries, here)).duties] == [HOUR]
    clock[0] = here.due_at + 1
    assert [lead for _, lead in (await look(context, deliveries, here)).duties] == [OVERDUE]


async def test_what_was_not_taken_is_tried_again_and_given_up(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, clock: list[float]
) -> None:
    here = duty(30 * DAY, ends=int(NOW) + HOUR)
    host.data_replies = ["451 later"] * 100
    await look(context, deliveries, here)
    assert deliveries.troubles == {"mail": "451: it does not take the mail"}
    assert await waiting(context) == [("mail", 1, False)]
    await look(context, deliveries, here)
    assert await waiting(context) == [("mail", 1, False)], "not before its time"
    clock[0] += 11
    await look(context, deliveries, here)
    assert await waiting(context) == [("mail", 2, False)]
    host.data_replies.clear()
    clock[0] += 1000
    await look(context, deliveries, here)
    assert await waiting(context) == []
    assert deliveries.troubles == {}
    assert len(host.taken) == 1


async def test_after_days_it_is_given_up(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, clock: list[float]
) -> None:
    here = duty(30 * DAY, ends=int(NOW) - 10)
    host.data_replies = ["554 never"] * 10
    await look(context, deliveries, here)
    clock[0] += 3 * DAY
    await look(context, deliveries, here)
    assert await waiting(context) == [("mail", 2, True)]
    assert deliveries.counts["failed"] == 1
    await look(context, deliveries, here)
    assert deliveries.troubles == {"mail": "554: it does not take the mail"}, "nobody has it still"
    host.data_replies.clear()
    other = duty(30 * DAY, number=2, ends=int(clock[0]) - 10)
    await look(context, deliveries, here, other)
    assert await waiting(context) == [("mail", 3, False)], "it takes mail again: nobody was told of the first"
    await look(context, deliveries, here, other)
    assert await waiting(context) == []
    assert [each["Subject"].split(",")[0] for each in host.taken] == [
        "filterd: orden O-2",
        "filterd: orden O-1",
    ]


async def test_what_was_given_up_and_is_done_waits_for_nobody(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, clock: list[float]
) -> None:
    here = duty(30 * DAY, ends=int(NOW) - 10)
    host.data_replies = ["554 never"] * 10
    await look(context, deliveries, here)
    clock[0] += 3 * DAY
    await look(context, deliveries, here)
    assert await waiting(context) == [("mail", 2, True)]
    await look(context, deliveries)
    assert await waiting(context) == []
    assert deliveries.troubles == {}


async def test_a_recipient_that_is_refused_is_told(
    context: Context, deliveries: AlarmDeliveries, host: MailHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = context.settings.mail
    assert mail is not None
    both = replace(mail, to=("duty@isp.example", "gone@isp.example"))
    deliveries.context = context = replace(context, settings=replace(context.settings, mail=both))
    host.refused = frozenset(("gone@isp.example",))
    here = duty(30 * DAY, ends=int(NOW) + HOUR)
    await look(context, deliveries, here)
    assert await waiting(context) == [], "the others have it"
    assert deliveries.refusing == "it refuses 1 of 2 recipients (mail.to)"
    with pytest.raises(OperationError, match=r"did not take the mail for gone@isp.example"):
        await try_mail(context)
    host.refused = frozenset()
    await look(context, deliveries, duty(30 * DAY, number=2, ends=int(NOW) + HOUR))
    assert deliveries.refusing == ""


async def test_what_is_done_meanwhile_is_not_told(
    context: Context, deliveries: AlarmDeliveries, host: MailHost
) -> None:
    here = duty(30 * DAY, ends=int(NOW) + HOUR)
    host.data_replies = ["451 later"]
    await look(context, deliveries, here)
    await look(context, deliveries)
    assert await waiting(context) == []
    assert host.taken == []


async def test_a_channel_that_the_settings_have_no_more(
    context: Context, deliveries: AlarmDeliveries, host: MailHost
) -> None:
    here = duty(30 * DAY, ends=int(NOW) + HOUR)
    host.data_replies = ["451 later"]
    await look(context, deliveries, here)
    deliveries.context = replace(context, settings=replace(context.settings, mail=None))
    await deliveries.turn([here])
    assert await waiting(context) == []


async def test_words_of_people_begin_no_header(
    context: Context, deliveries: AlarmDeliveries, host: MailHost
) -> None:
    evil = "SAT\r\nBcc: thief@evil.example\r\n\r\n<b>bad</b>\u202e\x00"
    here = duty(30 * DAY, ends=int(NOW) + HOUR)
    here = replace(here, order=replace(here.order, authority=evil, ground=evil, reference="O-1"))
    await look(context, deliveries, here)
    (mail,) = host.taken
    assert host.envelopes == [("filterd@isp.example", ("duty@isp.example",))]
    assert mail["Bcc"] is None
    lines = mail.get_content().splitlines()
    assert not any(line.startswith("Bcc:") for line in lines)
    assert any("SAT Bcc: … <b>bad</b>" in line for line in lines)
    assert "evil.example" not in mail.as_string(), "nor a name that somebody wrote into the ground"


async def test_the_test_mail(context: Context, host: MailHost, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await try_mail(context) == ("duty@isp.example",)
    assert host.taken[0]["Subject"] == "filterd: prueba de correo"
    host.data_replies = ["554 no"]
    with pytest.raises(OperationError, match="554"):
        await try_mail(context)
    with pytest.raises(OperationError, match="no server for mail"):
        await try_mail(replace(context, settings=replace(context.settings, mail=None)))


async def test_killed_between_raising_and_telling(
    context: Context, deliveries: AlarmDeliveries, host: MailHost
) -> None:
    here = duty(30 * DAY, ends=int(NOW) + HOUR)
    await alarms.raise_due(context, [here])  # and here the process ends
    await asyncio.sleep(0)
    assert (await alarms.raise_due(context, [here])).duties == ()
    await deliveries.turn([here])
    assert len(host.taken) == 1


async def test_a_channel_that_is_told_late_loses_no_alarm_that_was_raised_since(
    context: Context, deliveries: AlarmDeliveries, host: MailHost
) -> None:
    first, second = (duty(30 * DAY, ends=int(NOW) + HOUR, number=each) for each in (1, 2))
    await alarms.raise_due(context, [first])
    seen = (await deliveries.waiting())[MAIL]
    await alarms.raise_due(context, [first, second])
    await deliveries.tell(MAIL, [first], seen)
    assert len(host.taken) == 1
    assert [each[0] for each in await waiting(context)].count(MAIL) == 1, "of the second"
    await deliveries.turn([first, second])
    assert len(host.taken) == 2

"""Notices reach their receivers: signed, in order, again where it failed, and for a bounded time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.notice_settings import WebhookSettings
from filterd.config.value_types import Seconds
from filterd.model.notice import NoticeState
from filterd.model.subscriber import RequestEvidence
from filterd.operations import subscribers
from filterd.operations.context import Context
from filterd.operations.notices import keeping
from filterd.operations.notices.delivery import BATCH, Deliveries
from filterd.store import notices as rows
from filterd.store.notices import NoticeFilter
from tests.unit.operations.notices.receiver import KEYS, WebhookReceiver, receiving, write_secret
from tests.worlds.installation import NOW, Installation

EVIDENCE = RequestEvidence("the holder", "phone", 1.0, "1", "T-1")
UNDELIVERED = NoticeFilter(undelivered=True)
TEXTS = Path(__file__).parents[4] / "policies/notices/2026-11.yaml"


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
def clock() -> list[float]:
    """The time that the context gives."""
    return [NOW]


@pytest.fixture
async def context(
    installation: Installation, receiver: WebhookReceiver, tmp_path: Path, clock: list[float]
) -> AsyncIterator[Context]:
    """With one receiver, and the shipped texts."""
    folder = installation.settings.policies / "notices"
    folder.mkdir()
    (folder / "2026-11.yaml").write_text(TEXTS.read_text())
    hook = WebhookSettings(
        "crm", receiver.url, write_secret(tmp_path / "secret", KEYS[0]), (), None, Seconds(5)
    )
    async with installation.open() as context:
        settings = context.settings
        noticed = replace(settings, notices=replace(settings.notices, webhooks=(hook,)))
        yield replace(context, settings=noticed, clock=lambda: clock[0])


@pytest.fixture
def deliveries(context: Context) -> Deliveries:
    return Deliveries(context, chance=lambda: 1.0)


async def choose(context: Context, *ids: str) -> None:
    """Opt lines in: one notice each."""
    for each in ids:
        await subscribers.add(context, each)
        await subscribers.opt_in(context, each, "child", EVIDENCE)


async def states(context: Context) -> dict[str, int]:
    return {state: count for state, count in (await keeping.figures(context.store)).states.items() if count}


async def test_a_notice_is_delivered_signed_and_in_words(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver
) -> None:
    await choose(context, "S-1")
    await deliveries.turn()
    (seen,) = receiver.seen
    assert seen.keys == (0,)
    assert seen.body["type"] == "notice.opt_in"
    assert seen.body["data"]["subscriber"] == "S-1"
    assert "se encendió con el perfil «Niños»." in seen.body["data"]["text"]["es"]
    assert "turned on with the profile “Child”" in seen.body["data"]["text"]["en"]
    assert await states(context) == {"delivered": 1}
    (shown,) = await keeping.list_notices(context, NoticeFilter())
    assert shown.notice.id == seen.id
    assert shown.told.text.es == seen.body["data"]["text"]["es"]


async def test_the_beginning_of_an_id_is_in_capitals_or_not(context: Context) -> None:
    await choose(context, "NORTH-9", "Northern", "n_rth-2", "north-1")
    found = await keeping.list_notices(context, NoticeFilter(begins="north-"))
    assert [each.notice.subscriber for each in found] == ["north-1"]
    found = await keeping.list_notices(context, NoticeFilter(begins="n_"))
    assert [each.notice.subscriber for each in found] == ["n_rth-2"]


async def test_a_request_is_signed_with_both_secrets_while_they_change(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver
) -> None:
    await choose(context, "S-1")
    write_secret(context.settings.notices.webhooks[0].secret_file, *KEYS)
    await deliveries.turn()
    assert [each.keys for each in receiver.seen] == [(0, 1)]


async def test_a_failed_notice_comes_again_under_its_id_and_with_its_words(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver, clock: list[float]
) -> None:
    receiver.statuses = [500]
    await choose(context, "S-1")
    await deliveries.turn()
    assert await states(context) == {"waiting": 1}
    await deliveries.turn()
    assert len(receiver.seen) == 1, "not before its time"
    clock[0] += 5
    texts = context.settings.policies / "notices/2026-11.yaml"
    texts.write_text(texts.read_text().replace("se encendió", "se prendió"))
    await deliveries.turn()
    first, second = receiver.seen
    assert (first.id, first.raw) == (second.id, second.raw)
    assert await states(context) == {"delivered": 1}
    assert deliveries.counts == {"delivered": 1, "retried": 1, "failed": 0, "dropped": 0}


@pytest.mark.ring("night")
async def test_intervals_grow_and_end(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver, clock: list[float]
) -> None:
    receiver.statuses = [400] * 100
    await choose(context, "S-1")
    waits = []
    while "waiting" in await states(context):
        await deliveries.turn()
        (shown,) = await keeping.list_notices(context, NoticeFilter())
        (way,) = shown.deliveries
        if way.next_at > clock[0]:
            waits.append(way.next_at - clock[0])
            clock[0] = way.next_at
    assert waits[:5] == [5, 20, 80, 320, 1280]
    assert max(waits) == 6 * 3600
    assert sum(waits) <= 3 * 86_400 + 6 * 3600
    assert await states(context) == {"failed": 1}
    assert shown.deliveries[0].trouble == "status 400"
    assert deliveries.counts["failed"] == 1


async def test_the_notices_of_a_line_keep_their_order(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver, clock: list[float]
) -> None:
    receiver.statuses = [400]
    await choose(context, "S-1")
    await subscribers.pause(context, "S-1", 3600)
    await subscribers.resume(context, "S-1")
    await choose(context, "S-2")
    for _ in range(4):
        await deliveries.turn()
    assert sorted(each.body["data"]["subscriber"] for each in receiver.seen) == ["S-1", "S-2"]
    clock[0] += 5
    for _ in range(4):
        await deliveries.turn()
    kinds = [each.body["data"]["kind"] for each in receiver.seen if each.body["data"]["subscriber"] == "S-1"]
    assert kinds[-3:] == ["opt_in", "pause", "resume"]
    assert await states(context) == {"delivered": 4}


async def test_one_who_is_gone_gets_no_more_until_a_person_says_so(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver
) -> None:
    receiver.statuses = [410]
    await choose(context, "S-1")
    for _ in range(3):
        await deliveries.turn()
    await subscribers.opt_out(context, "S-1")
    for _ in range(3):
        await deliveries.turn()
    assert len(receiver.seen) == 1
    assert await states(context) == {"failed": 2}
    assert await keeping.retry_all(context) == 2
    for _ in range(3):
        await deliveries.turn()
    assert await states(context) == {"delivered": 2}


async def test_a_redirect_is_not_followed(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver
) -> None:
    receiver.statuses, receiver.headers = [302], {"Location": receiver.url.replace("notices", "elsewhere")}
    await choose(context, "S-1")
    await deliveries.turn()
    assert receiver.elsewhere == 0
    (shown,) = await keeping.list_notices(context, UNDELIVERED)
    assert shown.deliveries[0].trouble == "302: a redirect, which is not followed"


async def test_one_who_is_slow_is_left_and_asked_again(
    context: Context, receiver: WebhookReceiver, clock: list[float]
) -> None:
    (hook,) = context.settings.notices.webhooks
    notices = replace(context.settings.notices, webhooks=(replace(hook, timeout=Seconds(1)),))
    deliveries = Deliveries(
        replace(context, settings=replace(context.settings, notices=notices)), chance=lambda: 1.0
    )
    receiver.delay = 30
    await choose(context, "S-1")
    await deliveries.turn()
    (shown,) = await keeping.list_notices(context, UNDELIVERED)
    assert shown.deliveries[0].trouble == "no answer in time"
    receiver.delay = 0
    clock[0] += 5
    await deliveries.turn()
    assert await states(context) == {"delivered": 1}


@pytest.mark.ring("night")
async def test_one_who_is_down_is_left_alone_for_a_while_and_none_is_lost(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver, clock: list[float]
) -> None:
    receiver.statuses = [503] * 1000
    await choose(context, *(f"S-{number}" for number in range(BATCH)))
    for _ in range(20):
        await deliveries.turn()
    asked = len(receiver.seen)
    assert asked < 20, "a dead receiver is not asked for each notice"
    receiver.statuses = []
    for _ in range(20):
        clock[0] += 600
        await deliveries.turn()
    assert await states(context) == {"delivered": BATCH}
    assert {each.body["data"]["subscriber"] for each in receiver.seen} == {
        f"S-{number}" for number in range(BATCH)
    }


async def test_nobody_listens(context: Context, tmp_path: Path, clock: list[float]) -> None:
    (hook,) = context.settings.notices.webhooks
    notices = replace(context.settings.notices, webhooks=(replace(hook, url="http://127.0.0.1:9/x"),))
    deliveries = Deliveries(
        replace(context, settings=replace(context.settings, notices=notices)), lambda: 1.0
    )
    await choose(context, "S-1")
    await deliveries.turn()
    (shown,) = await keeping.list_notices(context, UNDELIVERED)
    assert shown.deliveries[0].trouble.startswith("no connection")
    hook.secret_file.write_text("secret\n")
    clock[0] += 60
    await deliveries.turn()
    (shown,) = await keeping.list_notices(context, UNDELIVERED)
    assert "line 1 is no secret" in shown.deliveries[0].trouble
    assert "secret\n" not in shown.deliveries[0].trouble


async def test_a_crash_before_the_outcome_is_stored_sends_it_again(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await choose(context, "S-1")
    with monkeypatch.context() as killed:

        async def die(*_: object) -> None:
            raise asyncio.CancelledError

        killed.setattr(rows, "delivered", die)
        with pytest.raises(asyncio.CancelledError):
            await deliveries.turn()
    assert await states(context) == {"waiting": 1}
    await Deliveries(context, chance=lambda: 1.0).turn()
    first, second = receiver.seen
    assert first.id == second.id
    assert await states(context) == {"delivered": 1}


async def test_an_opt_out_waits_for_no_receiver_and_no_policies(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver
) -> None:
    await choose(context, "S-1")
    receiver.delay = 3600
    sending = asyncio.create_task(deliveries.turn())
    while not receiver.seen:
        await asyncio.sleep(0.01)
    (context.settings.policies / "categories.yaml").write_text("- {id: [\n")
    found = await subscribers.opt_out(context, "S-1")
    assert not found.choices.opted_in
    assert not sending.done(), "it was done while the receiver kept us waiting"
    sending.cancel()
    (*_, last) = await keeping.list_notices(context, UNDELIVERED)
    assert "se apagó" in last.told.text.es


async def test_a_dead_receiver_does_not_fill_the_disk(
    context: Context, receiver: WebhookReceiver, clock: list[float]
) -> None:
    notices = replace(context.settings.notices, most=5)
    bounded = replace(context, settings=replace(context.settings, notices=notices))
    deliveries = Deliveries(bounded, chance=lambda: 1.0)
    receiver.statuses = [500] * 1000
    await choose(context, *(f"S-{number}" for number in range(12)))
    await deliveries.turn()
    found = await keeping.list_notices(context, NoticeFilter())
    assert [each.notice.subscriber for each in found] == [f"S-{number}" for number in range(7, 12)]
    assert deliveries.counts["dropped"] == 7


async def test_a_receiver_that_the_settings_lost_keeps_nothing_waiting(
    context: Context, deliveries: Deliveries
) -> None:
    await choose(context, "S-1")
    notices = replace(context.settings.notices, webhooks=())
    deliveries.context = replace(context, settings=replace(context.settings, notices=notices))
    await deliveries.turn()
    assert await states(context) == {"failed": 1}


async def test_kinds_that_no_receiver_wants_are_kept_for_a_person(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver
) -> None:
    (hook,) = context.settings.notices.webhooks
    notices = replace(context.settings.notices, webhooks=(replace(hook, events=("opt_out",)),))
    some = replace(context, settings=replace(context.settings, notices=notices))
    await choose(some, "S-1")
    await subscribers.opt_out(some, "S-1")
    await deliveries.turn()
    assert [each.body["data"]["kind"] for each in receiver.seen] == ["opt_out"]
    (kept,) = await keeping.list_notices(context, UNDELIVERED)
    assert (kept.notice.kind, kept.notice.state) == ("opt_in", NoticeState.KEPT)
    assert await keeping.retry(context, kept.notice.id) == 1
    await deliveries.turn()
    assert await states(context) == {"delivered": 2}


async def test_what_is_done_is_deleted_after_a_while_and_what_waits_is_not(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver
) -> None:
    await choose(context, "S-1")
    await deliveries.turn()
    await subscribers.opt_out(context, "S-1")
    assert await keeping.purge_notices(context.store, NOW) == 0
    assert await keeping.purge_notices(context.store, NOW + 1) == 1
    assert await states(context) == {"waiting": 1}


async def test_no_request_tells_an_own_name(
    context: Context, deliveries: Deliveries, receiver: WebhookReceiver
) -> None:
    await choose(context, "S-1")
    await subscribers.deny(context, "S-1", "private-matter.example")
    await subscribers.allow(context, "S-1", "other-matter.example")
    for _ in range(3):
        await deliveries.turn()
    assert len(receiver.seen) == 3
    assert "1 cerrados y 1 permitidos" in receiver.seen[-1].body["data"]["text"]["es"]
    assert not any(b"matter" in each.raw for each in receiver.seen)
    assert "matter" not in json.dumps([each.body for each in receiver.seen])

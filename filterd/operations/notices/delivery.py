"""Sends notices to the receivers of the settings: in the order of each line, again where it failed, and for a
bounded time.

A notice counts as delivered once its receiver has answered 2xx and that is stored. Between the two a crash
sends it again, under the same id. Nothing here is waited for by whoever changes a line.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from filterd.config.notice_settings import WebhookSettings
from filterd.fetch.request import Lookup
from filterd.fetch.webhook_messages import (
    Answer,
    SignedMessage,
    WebhookSecretError,
    read_webhook_secrets,
)
from filterd.model.notice import Delivery, HolderNotice
from filterd.operations.context import Context
from filterd.operations.feeds.server_addresses import server_addresses
from filterd.operations.notices.texts import Wording
from filterd.store import notices as rows

if TYPE_CHECKING:
    from filterd.fetch.webhook import Poster

BATCH = 40
"""notices that one receiver gets in one turn, each of another line"""
AT_ONCE = 8
"""requests to one receiver at one time"""
FIRST_WAIT = 5.0
LONGEST_WAIT = 6 * 3600.0
PATIENCE = 3
"""failures one after the other that nobody answers, after which a receiver is left alone for a while"""
DELIVERED, RETRIED, FAILED, DROPPED = "delivered", "retried", "failed", "dropped"
OUTCOMES = (DELIVERED, RETRIED, FAILED, DROPPED)
NO_RECEIVER = "the settings have no such receiver any more"

LookupOf = Callable[[Any], AbstractAsyncContextManager[Lookup]]


@dataclass(slots=True)
class ReceiverState:
    """The state of one receiver; it is forgotten with the process."""

    failures: int = 0
    """attempts that nobody answered, one after the other"""
    rest_until: float = 0.0
    """nothing is sent before that"""
    trouble: str = ""
    """why the last attempt failed; empty: it did not"""


@dataclass(slots=True)
class Deliveries:
    """Sends notices, one turn after the other. ``chance`` gives numbers from 0 to 1."""

    context: Context
    chance: Callable[[], float]
    lookups: LookupOf = server_addresses
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    """attempts and notices since the start, by outcome"""
    receivers: dict[str, ReceiverState] = field(default_factory=dict)

    async def any_due(self) -> bool:
        """True if a receiver that does not rest may be sent something: one look into the store."""
        now = self.context.clock()
        awake = [
            each.id
            for each in self.context.settings.notices.webhooks
            if each.id not in self.receivers or self.receivers[each.id].rest_until <= now
        ]
        if not awake:
            return False
        async with self.context.store.read() as connection:
            return await rows.any_due(connection, awake, now)

    async def turn(self) -> bool:
        """Send what is due: whether there may be more."""
        webhooks = self.context.settings.notices.webhooks
        await self._end_old()
        more = await asyncio.gather(*(self._send(each) for each in webhooks))
        return any(more)

    async def _end_old(self) -> None:
        """End what was tried for too long, what has no receiver any more, and what is too much."""
        settings, now = self.context.settings.notices, self.context.clock()
        async with self.context.store.read() as connection:
            waiting = await rows.waiting_webhooks(connection)
        known = {each.id for each in settings.webhooks}
        for each in sorted(waiting):
            trouble, before = ("", now - settings.retry_for) if each in known else (NO_RECEIVER, now + 1)
            await self._give_up(each, trouble, before)
        async with self.context.store.read() as connection:
            beyond = await rows.is_beyond(connection, settings.most)
        if beyond:
            async with self.context.store.report() as connection:
                self.counts[DROPPED] += await rows.trim(connection, settings.most)

    async def _give_up(self, webhook: str, trouble: str, before: float) -> None:
        now = self.context.clock()
        async with self.context.store.read() as connection:
            if not await rows.any_before(connection, webhook, before):
                return
        async with self.context.store.report() as connection:
            self.counts[FAILED] += await rows.give_up(connection, webhook, trouble, now, before)

    async def _send(self, webhook: WebhookSettings) -> bool:
        receiver = self.receivers.setdefault(webhook.id, ReceiverState())
        now = self.context.clock()
        if now < receiver.rest_until:
            return False
        async with self.context.store.read() as connection:
            found = await rows.due(connection, webhook.id, now, 1 if receiver.failures else BATCH)
            gone = (await rows.stops(connection)).get(webhook.id) == url_digest(webhook)
        if not found:
            return False
        if gone:
            receiver.trouble = "410: the receiver wants no more notices"
            await self._give_up(webhook.id, receiver.trouble, now + 1)
            return True
        wording = await asyncio.to_thread(Wording, self.context)
        found = [(await self._told(notice, wording), delivery) for notice, delivery in found]
        answers = await self._post(webhook, receiver, [notice for notice, _ in found])
        await self._record(webhook, receiver, found, answers)
        return len(found) == BATCH or (receiver.failures == 0 and len(found) == 1)

    async def _told(self, notice: HolderNotice, wording: Wording) -> HolderNotice:
        """The notice with its words: those of the first attempt at every later one."""
        if notice.told:
            return notice
        told = wording.tell(notice)
        words = {"template": told.version, "es": told.text.es, "en": told.text.en}
        return replace(notice, told=json.dumps(words, ensure_ascii=False))

    async def _post(
        self, webhook: WebhookSettings, receiver: ReceiverState, notices: list[HolderNotice]
    ) -> list[Answer | None]:
        """The answer for each notice; None: it was not sent."""
        from filterd.fetch.webhook import Poster  # its client is needed where something is sent

        try:
            secrets = await asyncio.to_thread(read_webhook_secrets, webhook.secret_file)
            async with (
                self.lookups(self.context.settings) as lookup,
                Poster(webhook.url, secrets, webhook.ca, webhook.timeout, lookup) as poster,
            ):
                return await self._post_all(poster, receiver, notices)
        except WebhookSecretError as error:
            trouble = f"its secret cannot be used: {error}"
        except OSError as error:
            trouble = f"{webhook.ca}: {error.strerror or 'no certificate in it'}"
        return [Answer(unreachable=True, trouble=trouble), *[None] * (len(notices) - 1)]

    async def _post_all(
        self, poster: Poster, receiver: ReceiverState, notices: list[HolderNotice]
    ) -> list[Answer | None]:
        """Send in parallel, a few at a time, until nobody answers."""
        answers: list[Answer | None] = []
        while len(answers) < len(notices):
            some = notices[len(answers) : len(answers) + (1 if receiver.failures else AT_ONCE)]
            now = self.context.clock()
            got = await asyncio.gather(*(poster.post(message_of(each), now) for each in some))
            answers += got
            if all(each.unreachable for each in got):
                break
        return [*answers, *[None] * (len(notices) - len(answers))]

    async def _record(
        self,
        webhook: WebhookSettings,
        receiver: ReceiverState,
        found: list[tuple[HolderNotice, Delivery]],
        answers: list[Answer | None],
    ) -> None:
        """Store the outcomes in one transaction."""
        now = self.context.clock()
        async with self.context.store.report() as connection:
            for (notice, delivery), answer in zip(found, answers, strict=True):
                if answer is None:
                    continue
                await rows.tell(connection, notice.number, notice.told)
                if answer.delivered:
                    await rows.delivered(connection, notice.number, webhook.id, now)
                elif answer.gone:
                    await rows.stop(connection, webhook.id, url_digest(webhook), now)
                else:
                    await rows.postpone(connection, self._later(delivery, answer, now))
        for answer in answers:
            if answer is not None:
                self._note(receiver, answer, now)

    def _later(self, delivery: Delivery, answer: Answer, now: float) -> Delivery:
        attempts = delivery.attempts + 1
        wait = max(self._wait(attempts), answer.wait)
        return replace(delivery, attempts=attempts, next_at=now + wait, trouble=answer.trouble[:200])

    def _wait(self, attempts: int) -> float:
        """Seconds until the next attempt: four times as long each time, and by chance between half of it and
        all of it, so that receivers are not asked by all at one moment."""
        longest = min(FIRST_WAIT * 4.0 ** min(attempts - 1, 10), LONGEST_WAIT)
        return longest * (0.5 + 0.5 * self.chance())

    def _note(self, receiver: ReceiverState, answer: Answer, now: float) -> None:
        if answer.delivered:
            receiver.failures, receiver.rest_until, receiver.trouble = 0, 0.0, ""
            self.counts[DELIVERED] += 1
            return
        receiver.trouble = answer.trouble
        self.counts[RETRIED] += not answer.gone
        if answer.unreachable:
            receiver.failures += 1
            if receiver.failures >= PATIENCE or answer.wait:
                rest = max(self._wait(receiver.failures - PATIENCE + 1), answer.wait)
                receiver.rest_until = now + min(rest, 600.0)


def message_of(notice: HolderNotice) -> SignedMessage:
    """The message of a notice: it has the words, and nothing that the words do not say."""
    told: Mapping[str, str] = json.loads(notice.told)
    at = datetime.fromtimestamp(int(notice.at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {
        "subscriber": notice.subscriber,
        "kind": notice.kind,
        "template": told["template"],
        "text": {"es": told["es"], "en": told["en"]},
    }
    body = {"type": f"notice.{notice.kind}", "timestamp": at, "data": data}
    return SignedMessage(notice.id, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def url_digest(webhook: WebhookSettings) -> str:
    """The digest of a receiver's address: another address is another receiver."""
    return sha256(webhook.url.encode()).hexdigest()

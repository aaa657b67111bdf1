"""Tells people of alarms: one mail, and one message to each receiver, for all that waits at a moment.

What was not taken is tried again at growing intervals, until its duty is done or ``orders.alarms.retry_for``
is over. A crash after a mail was taken and before that was stored sends it a second time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from filterd.config.notice_settings import WebhookSettings
from filterd.fetch.request import Lookup
from filterd.fetch.webhook_messages import SignedMessage, WebhookSecretError, read_webhook_secrets
from filterd.model.order_alarm import MAIL, OVERDUE, AlarmDelivery, AlarmKey
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError, OperationError
from filterd.operations.feeds.server_addresses import server_addresses
from filterd.operations.orders.alarm_mail import MailHead, alarm_mail, titles, trial_mail
from filterd.operations.orders.alarms import WEBHOOK, channels, key_of, leads_of
from filterd.operations.orders.duties import Duty
from filterd.operations.reviews.terms import country_of
from filterd.operations.safe_texts import safe_text
from filterd.store import alarms as rows
from filterd.store.errors import StoreError

if TYPE_CHECKING:
    from email.message import EmailMessage

FIRST_WAIT = 10.0
LONGEST_WAIT = 900.0
"""between two attempts: a deadline does not wait for hours"""
LISTED = 200
"""duties in one message to a receiver"""
DELIVERED, RETRIED, FAILED = "delivered", "retried", "failed"
OUTCOMES = (DELIVERED, RETRIED, FAILED)

LookupOf = Callable[[Any], AbstractAsyncContextManager[Lookup]]


@dataclass(slots=True)
class AlarmDeliveries:
    """Tells of alarms, each channel beside the others. ``chance`` gives numbers from 0 to 1."""

    context: Context
    chance: Callable[[], float]
    lookups: LookupOf = server_addresses
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    """alarms and attempts since the start, by outcome"""
    troubles: dict[str, str] = field(default_factory=dict)
    """channel -> why it did not take the last ones; absent: it did"""
    refusing: str = ""
    """how many people the server for mail refused of the last mail that it took; empty: none"""

    async def turn(self, duties: Sequence[Duty]) -> None:
        """Tell of what waits on all channels, and wait for them: see :meth:`tell`."""
        work = [self.tell(channel, duties, seen) for channel, seen in (await self.waiting()).items()]
        for each in await asyncio.gather(*work, return_exceptions=True):
            if each is not None:
                raise each

    async def waiting(self) -> dict[str, frozenset[AlarmKey]]:
        """The channels on which alarms wait, or were given up, with these. Others are in no trouble."""
        async with self.context.store.read() as connection:
            waiting = await rows.deliveries(connection)
        found = {
            channel: frozenset(each.key for each in waiting if each.channel == channel)
            for channel in sorted({each.channel for each in waiting})
        }
        for channel in self.troubles.keys() - found:
            del self.troubles[channel]
        return found

    async def tell(self, channel: str, duties: Sequence[Duty], seen: Collection[AlarmKey]) -> None:
        """Tell one channel of the alarms that were ``seen`` waiting on it. ``duties`` are those that were
        open then: alarms on others go, those that were given up too. One that was raised since is left for
        the next look."""
        async with self.context.store.read() as connection:
            waiting = await rows.deliveries(connection)
        own = [each for each in waiting if each.channel == channel and each.key in seen]
        settings = self.context.settings.orders.alarms
        current = {key_of(each, lead): each for each in duties for lead in leads_of(each, settings)}
        known = channels(self.context.settings)
        done = [each.key for each in own if each.key not in current or channel not in known]
        if done:
            async with self.context.store.report() as connection:
                await rows.delivered(connection, channel, done)
        if len(done) == len(own):
            self.troubles.pop(channel, None)
        else:
            await self._tell(channel, [each for each in own if each.key in current], current)

    async def _tell(
        self, channel: str, waiting: Sequence[AlarmDelivery], current: Mapping[AlarmKey, Duty]
    ) -> None:
        now = self.context.clock()
        given_up = [each.key for each in waiting if each.failed]
        due = [e for e in waiting if not e.failed and not now < e.next_at <= now + 2 * LONGEST_WAIT]
        if not due:
            return
        told = {each.key: current[each.key] for each in due[: None if channel == MAIL else LISTED]}
        try:
            trouble = await (
                self._mail(tuple(told.values())) if channel == MAIL else self._post(channel, told)
            )
        except (StoreError, OperationError):
            raise
        except Exception as error:  # it is the trouble of this channel alone
            trouble = safe_text(error)
        keys = list(told)
        if not trouble:
            self.troubles.pop(channel, None)
            self.counts[DELIVERED] += len(keys)
            async with self.context.store.report() as connection:
                await rows.delivered(connection, channel, keys)
                # it takes alarms again: those that were given up, and are still due, go with the next look
                await rows.postpone(connection, channel, given_up, next_at=now, trouble="", failed=False)
            return
        self.troubles[channel] = trouble
        await self._postpone(channel, [each for each in due if each.key in told], trouble)

    async def _postpone(self, channel: str, due: Sequence[AlarmDelivery], trouble: str) -> None:
        now, retry_for = self.context.clock(), self.context.settings.orders.alarms.retry_for
        wait = self._wait(max(each.attempts for each in due) + 1)
        old = [each.key for each in due if now - each.raised_at >= retry_for]
        rest = [each.key for each in due if now - each.raised_at < retry_for]
        self.counts[FAILED] += len(old)
        self.counts[RETRIED] += len(rest)
        async with self.context.store.report() as connection:
            for keys, failed in ((old, True), (rest, False)):
                await rows.postpone(
                    connection, channel, keys, next_at=now + wait, trouble=trouble, failed=failed
                )

    def _wait(self, attempts: int) -> float:
        longest = min(FIRST_WAIT * 3.0 ** min(attempts - 1, 10), LONGEST_WAIT)
        return longest * (0.5 + 0.5 * self.chance())

    async def _mail(self, duties: Sequence[Duty]) -> str:
        """Why the mail was not taken; empty: it was."""
        different = {(each.order.number, each.kind, each.due_at): each for each in duties}  # of all its leads
        outcome = await mailed(
            self.context, lambda head: alarm_mail(head, tuple(different.values())), self.lookups
        )
        if not outcome.trouble:
            self.refusing = outcome.refusing(self.context)
        return outcome.trouble

    async def _post(self, channel: str, told: Mapping[AlarmKey, Duty]) -> str:
        wanted = channel.removeprefix(WEBHOOK)
        receivers = self.context.settings.orders.alarms.webhooks
        receiver = next(each for each in receivers if each.id == wanted)
        now = self.context.clock()
        return await self._posted(receiver, message_of(told, now), now)

    async def _posted(self, webhook: WebhookSettings, message: SignedMessage, now: float) -> str:
        """Why a receiver did not take a message; empty: it did."""
        from filterd.fetch.webhook import Poster  # its client is needed where something is sent

        try:
            secrets = await asyncio.to_thread(read_webhook_secrets, webhook.secret_file)
            async with (
                self.lookups(self.context.settings) as lookup,
                Poster(webhook.url, secrets, webhook.ca, webhook.timeout, lookup) as poster,
            ):
                answer = await poster.post(message, now)
        except WebhookSecretError as error:
            return f"its secret cannot be used: {error}"
        except OSError as error:
            return f"{webhook.ca}: {error.strerror or 'no certificate in it'}"
        return "" if answer.delivered else answer.trouble or "it was not taken"


@dataclass(frozen=True, slots=True)
class MailOutcome:
    """The outcome of sending one mail to everybody that the settings name."""

    trouble: str = ""
    """why it was not taken; empty: it was"""
    refused: tuple[str, ...] = ()
    """the recipients that the server refused; it took the mail for the others"""

    def refusing(self, context: Context) -> str:
        """How many recipients were refused, without an address; empty: none."""
        if not self.refused or context.settings.mail is None:
            return ""
        return f"it refuses {len(self.refused)} of {len(context.settings.mail.to)} recipients (mail.to)"


async def mailed(
    context: Context, make: Callable[[MailHead], EmailMessage], lookups: LookupOf = server_addresses
) -> MailOutcome:
    """Send a mail by the settings."""
    from filterd.fetch.mail import MailError, MailServer, send  # its client is needed where something is sent

    settings = context.settings.mail
    if settings is None:
        return MailOutcome("the settings have no server for mail")
    country = await asyncio.to_thread(country_of, context)
    message = make(MailHead(settings, context.clock(), country.zone))
    server = MailServer(
        settings.server,
        settings.port,
        settings.tls,
        settings.user,
        settings.password_file,
        settings.ca,
        settings.sender,
        settings.to,
        settings.timeout,
    )
    try:
        async with lookups(context.settings) as lookup:
            taken = await send(server, message, lookup)
    except MailError as error:
        return MailOutcome(str(error))
    return MailOutcome(refused=taken.refused)


async def try_mail(context: Context) -> tuple[str, ...]:
    """Send a test to everybody that alarms go to: their addresses. Raises ConflictError where the settings
    have no server, or it does not take the mail for each of them."""
    if context.settings.mail is None:
        message = "the settings have no server for mail"
        raise ConflictError(message, "set mail.server, mail.from and mail.to")
    outcome = await mailed(context, trial_mail)
    if outcome.trouble or outcome.refused:
        message = f"{context.settings.mail.server} did not take the mail: {outcome.trouble}"
        if outcome.refused:
            message = f"{context.settings.mail.server} did not take the mail for {', '.join(outcome.refused)}"
        raise ConflictError(message, "see the section mail of the settings, and the server's own log")
    return context.settings.mail.to


def message_of(told: Mapping[AlarmKey, Duty], now: float) -> SignedMessage:
    """The message on alarms, ``order.deadline``: references, authorities, grounds and times, no name. The
    same alarms make the same id."""
    ids = sorted(alarm_id(each) for each in told)
    identifier = "alarm_" + sha256("\n".join(ids).encode()).hexdigest()[:32]
    body = {
        "type": "order.deadline",
        "timestamp": _moment(now),
        "data": {"alarms": [plain_alarm(key, duty, now) for key, duty in sorted(told.items())]},
    }
    return SignedMessage(identifier, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def plain_alarm(key: AlarmKey, duty: Duty, now: float) -> dict[str, object]:
    """One alarm as receivers get it; of a confidential order, authority and ground are empty."""
    authority, ground = titles(duty, "es")
    return {
        "id": alarm_id(key),
        "order": duty.order.reference,
        "authority": authority,
        "ground": ground,
        "duty": duty.kind.value,
        "due_at": _moment(duty.due_at),
        "seconds_left": duty.due_at + 1 - int(now),
        "overdue": key.lead == OVERDUE,
    }


def alarm_id(key: AlarmKey) -> str:
    """The id of an alarm: a receiver that has seen it may leave it."""
    text = f"{key.order}/{key.kind}/{key.due_at}/{key.lead}"
    return sha256(text.encode()).hexdigest()[:32]


def _moment(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

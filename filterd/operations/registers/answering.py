"""Delivers the answers to a document to the receiver of its register, until it takes them.

They wait until the nodes in service have what they say, but not for long: :mod:`.arrived` tells. Then they go
with what is on record. Each attempt that fails is followed by a later one, at growing intervals up to an
hour; it never gives up, and what is undelivered is told (:func:`undelivered`, ``filterd register answers``).
Platforms with a channel of their own give :class:`AnswerSender` for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from hashlib import sha256
from typing import Any, Protocol

from filterd.config.register_settings import RegisterSettings
from filterd.fetch.request import Lookup
from filterd.fetch.webhook_messages import SignedMessage, WebhookSecretError, read_webhook_secrets
from filterd.model.register import RegisterItem, RegisterKind, RegisterRun
from filterd.operations.context import Context
from filterd.operations.feeds.server_addresses import server_addresses
from filterd.operations.registers import arrived
from filterd.operations.registers.finding import register_subject
from filterd.operations.registers.plain import plain_item, plain_run
from filterd.operations.safe_texts import safe_text
from filterd.store import registers as rows

FIRST_WAIT = 10.0
LONGEST_TICKET_WAIT = 120.0
LONGEST_WAIT = 3600.0
"""seconds between two attempts"""

LookupOf = Callable[[Any], AbstractAsyncContextManager[Lookup]]
Ahead = Callable[[RegisterRun, tuple[str, ...]], None]
"""called with a document whose answers go before these nodes have what they say"""


class AnswerSender(Protocol):
    """The channel by which an authority takes answers."""

    async def send(
        self, context: Context, register: RegisterSettings, run: RegisterRun, items: Sequence[RegisterItem]
    ) -> str:
        """Give the answers; why they were not taken, or empty."""


Ways = tuple[Callable[[], float], Mapping[str, AnswerSender], Ahead]


class WebhookSender:
    """Posts answers as one signed message (``docs/registers.md``)."""

    def __init__(self, lookups: LookupOf = server_addresses) -> None:
        """``lookups`` finds the receiver's addresses."""
        self._lookups = lookups

    async def send(
        self, context: Context, register: RegisterSettings, run: RegisterRun, items: Sequence[RegisterItem]
    ) -> str:
        """Post the answers; why they were not taken, or empty."""
        from filterd.fetch.webhook import Poster  # its client is needed where something is sent

        receiver = register.answers
        if receiver is None:
            return "the register has no receiver of answers (registers: answers)"
        now = context.clock()
        try:
            secrets = await asyncio.to_thread(read_webhook_secrets, receiver.secret_file)
            async with (
                self._lookups(context.settings) as lookup,
                Poster(receiver.url, secrets, receiver.ca, receiver.timeout, lookup) as poster,
            ):
                answer = await poster.post(message_of(run, items), now)
        except WebhookSecretError as error:
            return f"its secret cannot be used: {error}"
        except OSError as error:
            return f"{receiver.ca}: {error.strerror or 'no certificate in it'}"
        return "" if answer.delivered else answer.trouble or "it was not taken"


def quiet(_run: RegisterRun, _nodes: tuple[str, ...]) -> None:
    """Tell nobody."""


async def deliver_due(
    context: Context,
    chance: Callable[[], float],
    senders: Mapping[str, AnswerSender] | None = None,
    ahead: Ahead = quiet,
) -> int:
    """Deliver the answers that are due, and that wait for no node, to all registers at once; return how many
    documents' were taken. ``chance`` gives numbers from 0 to 1; ``senders`` the channels by the kind of
    register, else :class:`WebhookSender`."""
    ways = (chance, senders or {}, ahead)
    work = [deliver(context, *each, ways) for each in await due_runs(context)]
    done = 0
    for each in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(each, BaseException):
            raise each
        done += each
    return done


async def due_runs(context: Context) -> list[tuple[RegisterSettings, list[RegisterRun]]]:
    """The registers with documents whose answers are due, and these, oldest first."""
    now = context.clock()
    async with context.store.read() as connection:
        due = [each for each in await rows.open_runs(connection) if _is_due(each, now)]
    both = [(each, [run for run in due if run.register == each.id]) for each in context.settings.registers]
    return [(register, runs) for register, runs in both if runs]


async def deliver(
    context: Context,
    register: RegisterSettings,
    runs: Sequence[RegisterRun],
    ways: Ways,
) -> int:
    """Deliver the answers to these documents of a register, one after the other; return how many were taken.
    ``ways``: the last parameters of :func:`deliver_due`."""
    done = 0
    for each in runs:
        done += await _deliver(context, register, each.number, ways)
    return done


def _is_due(run: RegisterRun, now: float) -> bool:
    """True where the answers to a run are due. A time that no wait reaches is of a clock that was ahead."""
    return 0 < run.next_at <= now or run.next_at > now + 2 * LONGEST_WAIT


async def deliver_now(context: Context, register: str = "") -> int:
    """Make what is undelivered, of one register or all, due now; return how many documents' answers."""
    async with context.store.report() as connection:
        waiting = [e for e in await rows.open_runs(connection) if e.next_at and register in ("", e.register)]
        for run in waiting:
            await rows.put_delivery(connection, replace(run, next_at=context.clock()), run)
    return len(waiting)


async def undelivered(context: Context) -> list[RegisterRun]:
    """The documents whose answers nobody has taken yet, oldest first."""
    async with context.store.read() as connection:
        return [each for each in await rows.open_runs(connection) if each.next_at > 0]


async def are_held(context: Context) -> bool:
    """True while answers that are due wait for nodes."""
    now = context.clock()
    return any(not each.attempts and each.next_at <= now for each in await undelivered(context))


def _usual(register: RegisterSettings) -> AnswerSender:
    """The channel of a register whose caller has none."""
    if register.as_kind is not RegisterKind.TICKETS:
        return WebhookSender()
    from filterd.operations.registers.ticket_channel import TicketChannel

    return TicketChannel()


async def _deliver(
    context: Context,
    register: RegisterSettings,
    number: int,
    ways: Ways,
) -> int:
    chance, senders, ahead = ways
    async with context.store.read() as connection:
        run = await rows.numbered(connection, number)
        if run is None or not _is_due(run, context.clock()):
            return 0  # it was delivered meanwhile
        items = await rows.items(connection, number)
    behind = await arrived.lacking(context, register, items)
    if behind and not run.attempts:
        now = context.clock()
        if now < arrived.held_until(run) <= now + arrived.HOLD:  # a clock that was ahead holds nothing back
            return 0
        ahead(run, behind)
    sender = senders.get(register.kind) or _usual(register)
    try:
        trouble = await sender.send(context, register, run, items)
    except Exception as error:
        trouble = safe_text(error)
    now, attempts = context.clock(), run.attempts + 1
    if trouble:
        longest = LONGEST_TICKET_WAIT if register.as_kind is RegisterKind.TICKETS else LONGEST_WAIT
        wait = min(FIRST_WAIT * 3.0 ** min(attempts - 1, 10), longest) * (0.5 + 0.5 * chance())
        after = replace(run, attempts=attempts, next_at=now + wait, trouble=trouble[:500])
        async with context.store.report() as connection:
            await rows.put_delivery(connection, after, run)
        return 0
    after = replace(run, attempts=attempts, next_at=0.0, trouble="", delivered_at=now)
    async with context.store.write(context.actor, now) as write:
        await rows.put_delivery(write.connection, after, run)
        told: dict[str, Any] = {"run": run.number, "document": run.document, "attempts": attempts}
        if behind:
            told["nodes_lacking"] = list(behind)
        write.audit("register.deliver", register_subject(register.id), after=told)
    return 1


def message_of(run: RegisterRun, items: Sequence[RegisterItem]) -> SignedMessage:
    """The message with the answers to a document, ``register.answers``. The same answers have the same id."""
    data = {**plain_run(run), "answers": [plain_item(each) for each in items]}
    body = json.dumps({"type": "register.answers", "data": data}, ensure_ascii=False, separators=(",", ":"))
    identifier = f"answers_{sha256(f'{run.register}/{run.document}/{run.digest}'.encode()).hexdigest()[:32]}"
    return SignedMessage(identifier, body.encode())

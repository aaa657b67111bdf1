"""The channel to a platform of tickets: its connections, and the replies to what its tickets demanded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.ticket_messages import TicketMessageError, read_tokens
from filterd.fetch.failures import FetchError
from filterd.fetch.request import Lookup
from filterd.fetch.secrets import Secrets
from filterd.model.order import ENDED, OrderStep, StepKind
from filterd.model.register import RegisterItem, RegisterRun
from filterd.operations.context import Context
from filterd.operations.errors import UnusableError
from filterd.operations.feeds.server_addresses import server_addresses
from filterd.operations.orders import life
from filterd.operations.registers.ticket_replies import reply
from filterd.operations.registers.ticket_visits import TicketMemory, asked_tickets, is_as_taken
from filterd.store import orders
from filterd.store import registers as runs

if TYPE_CHECKING:
    from filterd.fetch.ticket_platform import Platform

LookupOf = Callable[[Any], AbstractAsyncContextManager[Lookup]]


class TicketChannel:
    """Connections to platforms, and what this process remembers of each register. Owned by one event loop.

    As an :class:`AnswerSender` it replies to the items of a ticket, one by one.
    """

    def __init__(self, lookups: LookupOf = server_addresses) -> None:
        """``lookups`` finds the platform's addresses."""
        self._lookups = lookups
        self._memories: dict[str, TicketMemory] = {}

    def memory(self, register: str) -> TicketMemory:
        """The memory of a register."""
        return self._memories.setdefault(register, TicketMemory())

    @asynccontextmanager
    async def connected(self, context: Context, register: RegisterSettings) -> AsyncIterator[Platform]:
        """The platform of a register, for the time of the block. Raises FetchError and UnusableError."""
        from filterd.fetch.ticket_platform import Platform, PlatformAccount

        about = register.platform
        if about is None:
            message = f"the register {register.id} has no account at its platform"
            raise UnusableError(message, "name it in the settings: registers: platform")
        account = PlatformAccount(
            url=register.source,
            account=about.account,
            password_file=str(about.password_file),
            ca=register.ca or context.settings.feeds.ca,
            timeout=about.timeout,
        )
        login = self.memory(register.id).login
        secrets = Secrets(context.settings.state_dir)
        async with (
            self._lookups(context.settings) as lookup,
            Platform(account, secrets, lookup, read_tokens, login) as platform,
        ):
            yield platform

    async def send(
        self, context: Context, register: RegisterSettings, run: RegisterRun, items: Sequence[RegisterItem]
    ) -> str:
        """Reply to the items of a run; why a reply was not taken, or empty. The order is reported then."""
        try:
            async with self.connected(context, register) as platform:
                memory = self.memory(register.id)
                if run.document not in memory.written:
                    await _recall(context, register, platform, memory)
                trouble = await reply(platform, run, items, memory.written.get(run.document, ()), memory)
        except (FetchError, TicketMessageError, UnusableError) as error:
            return str(error)
        if not trouble:
            self.memory(register.id).written.pop(run.document, None)
        if not trouble and run.order:
            await _note_reported(context, register, run)
        return trouble


async def _recall(
    context: Context, register: RegisterSettings, platform: Platform, memory: TicketMemory
) -> None:
    """Remember, after a restart, how the platform wrote the entries of all tickets that wait for a reply. Of
    one that it changed since, our own form of what was taken is told, never its new entries."""
    sent = {each.id: each for each in (await asked_tickets(platform)).tickets}
    async with context.store.read() as connection:
        waiting = [each for each in await runs.open_runs(connection) if each.register == register.id]
    for each in waiting:
        ticket = sent.get(each.document)
        same = ticket is not None and is_as_taken(ticket, each.digest)
        memory.written.setdefault(each.document, ticket.entries if ticket is not None and same else ())


async def _note_reported(context: Context, register: RegisterSettings, run: RegisterRun) -> None:
    """Note that the authority was told. An order that has ended meanwhile, or is damaged, stays as it is."""
    async with context.store.write(context.actor, context.clock()) as write:
        order = await orders.find(write.connection, f"O-{run.order}")
        if order is None or order.damage or order.state in ENDED or order.last(StepKind.REPORTED):
            return
        step = OrderStep(
            number=0,
            kind=StepKind.REPORTED,
            at=write.now,
            actor=context.actor,
            received_at=write.now,
            evidence=f"register {register.id}: {run.document}",
        )
        await life.record(write, order, (step,), "order.report", order)

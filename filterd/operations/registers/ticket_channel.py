"""The channel to a platform of tickets: its connections, and the replies to what its tickets demanded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from filterd.config.register_settings import RegisterSettings
from filterd.feed.registers.ticket_messages import TicketMessageError, read_tickets, read_tokens
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
from filterd.operations.registers.ticket_visits import TICKETS, TicketMemory
from filterd.store import orders

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
                sent = read_tickets(await platform.get(TICKETS)).tickets
                written = next((each.entries for each in sent if each.id == run.document), ())
                trouble = await reply(platform, run, items, written, self.memory(register.id))
        except (FetchError, TicketMessageError, UnusableError) as error:
            return str(error)
        if not trouble and run.order:
            await _note_reported(context, register, run)
        return trouble


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

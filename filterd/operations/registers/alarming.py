"""The entries of whole lists that are not in force, or not lifted, as duties: they alarm as deadlines of
orders do. Entries of documents are orders, which have their own.

An alarm names the register, the document's run and the time, never an entry.
"""

from __future__ import annotations

from collections.abc import Iterator

from filterd.config.register_settings import RegisterSettings
from filterd.model.order import OrderState
from filterd.model.order_facts import OrderFacts
from filterd.model.register import ItemAct
from filterd.operations.context import Context
from filterd.operations.orders.duties import Duty, HouseDuty
from filterd.operations.reviews.terms import country_of
from filterd.policy.deadlines import KnownBasis, resolve
from filterd.store import registers as rows
from filterd.store.registers import OpenDeadline

SETTLING = 60.0
"""seconds in which a document that just came in is put in force: nobody is told of it meanwhile"""
_KINDS = {ItemAct.BLOCK: HouseDuty.LIST_BLOCK, ItemAct.UNBLOCK: HouseDuty.LIST_UNBLOCK}


async def duties(context: Context) -> list[Duty]:
    """One open duty for each document, act and deadline, the soonest due first; one for all whose deadline
    had passed when their document came."""
    known = {each.id: each for each in context.settings.registers}
    async with context.store.read() as connection:
        found = await rows.open_deadlines(connection)
    now = context.clock()
    waiting = [e for e in found if e.register in known and not 0 <= now - e.received_at < SETTLING]
    if not waiting:
        return []
    country = country_of(context)
    bases = {each.id: resolve(country, each.authority, each.ground) for each in known.values()}
    every = [_duty(known[each.register], each, bases[each.register]) for each in _grouped(waiting)]
    return sorted(every, key=lambda each: (each.due_at, each.order.number))


def _grouped(waiting: list[OpenDeadline]) -> Iterator[OpenDeadline]:
    """Those that were late on arrival as one: a whole register may have as many deadlines as entries."""
    late: dict[tuple[int, ItemAct], OpenDeadline] = {}
    for each in waiting:
        if each.due_at > each.received_at:
            yield each
        else:
            place = each.run, each.act
            late[place] = max(each, late.get(place, each), key=lambda one: one.due_at)
    yield from late.values()


def _duty(register: RegisterSettings, waiting: OpenDeadline, basis: KnownBasis) -> Duty:
    facts = OrderFacts(
        number=waiting.run,
        reference=f"{register.id}/{waiting.run}",
        state=OrderState.PENDING,
        authority=register.authority,
        ground=register.ground,
        received_at=waiting.received_at,
        added_at=waiting.received_at,
        accepted_at=0.0,
        confidential=register.confidential,
    )
    return Duty(facts, _KINDS[waiting.act], waiting.received_at, int(waiting.due_at), basis=basis)

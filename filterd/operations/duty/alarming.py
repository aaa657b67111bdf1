"""Requests of authorities without an outcome as duties, so that they alarm as deadlines of orders do."""

from __future__ import annotations

from filterd.model.order import OrderState
from filterd.model.order_facts import OrderFacts
from filterd.operations.context import Context
from filterd.operations.duty import requests
from filterd.operations.orders.duties import Duty, HouseDuty
from filterd.operations.reviews.terms import country_of
from filterd.policy.deadlines import resolve


async def duties(context: Context) -> list[Duty]:
    """The open duties of the register, the soonest due first. An alarm on one names reference, authority and
    time, and none of the words."""
    country = country_of(context)
    found = []
    for each in await requests.waiting(context):
        facts = OrderFacts(
            number=each.number,
            reference=each.reference,
            state=OrderState.PENDING,
            authority=each.authority,
            ground="",
            received_at=each.received_at,
            added_at=each.noted_at,
            accepted_at=0.0,
        )
        basis = resolve(country, each.authority, "")
        found.append(Duty(facts, HouseDuty.REQUEST, each.received_at, each.due_at, basis=basis))
    return found

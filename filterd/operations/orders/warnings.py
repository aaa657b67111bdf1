"""Warns of what an order may have wrong and what hinders nothing: it repeats another one, names an authority
or a ground that the jurisdictions of the policies directory do not have, or was not held against every guard.

A notice never names an entry of an order: either of the two may be confidential.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filterd.model.order import Demand, Order
from filterd.operations import confidential
from filterd.operations.context import Context
from filterd.operations.nearest import nearest
from filterd.operations.orders.guards import guards, jurisdictions
from filterd.policy.jurisdictions import Jurisdiction
from filterd.store import orders as rows

SHOWN = 5
"""orders that repeat it and are told of"""


@dataclass(frozen=True, slots=True)
class Notice:
    """A warning about an order, and what to do if it is right."""

    says: str
    remedy: str


async def notices(context: Context, order: Order) -> tuple[Notice, ...]:
    """The warnings about an order that was just taken in or approved."""
    found = await _repeated(context, order)
    return (*found, *await asyncio.to_thread(_of_policies, context, order.demand))


def _of_policies(context: Context, demand: Demand) -> tuple[Notice, ...]:
    """The notices that follow from the policies, which are read anew."""
    return (*_unknown(demand, jurisdictions(context)), *_unguarded(context))


def _unguarded(context: Context) -> Iterator[Notice]:
    """A notice where a guard could not be read whole."""
    guarding = guards(context)
    doubts = (*guarding.unprotected, *guarding.unread)
    if doubts:
        files = ", ".join(dict.fromkeys(each.document for each in doubts))
        says = f"this order was not held against all that is protected or popular: {files} has errors"
        yield Notice(says, "until it is mended, every order takes two people: filterd config check")


async def _repeated(context: Context, order: Order) -> list[Notice]:
    """A notice for each order that waits or is in force, is not confidential and has entries of this one."""
    async with context.store.read() as connection:
        full = await rows.find(connection, order.reference)
        if full is None or full.damage:
            return []
        opened = confidential.opened(context.settings, full)
        shared = await rows.sharing(connection, opened, int(context.clock()))
    found = []
    for other in shared[:SHOWN]:
        whole = other.entries == order.entries
        what = "each entry" if whole else f"{other.entries} of its {order.entries} entries"
        same = other.document == order.demand.document
        document = "the same document" if same else f"document {other.document}"
        says = f"order {other.reference} ({other.state}, {document}) has {what} of {order.reference} already"
        remedy = f"compare: filterd order show {other.reference}; if this one is a repetition: "
        found.append(Notice(says, f"{remedy}filterd order withdraw {order.reference} --reason ..."))
    return found


def _unknown(demand: Demand, countries: tuple[Jurisdiction, ...]) -> Iterator[Notice]:
    """Notices for an authority and a ground that no jurisdiction has; none where there is no jurisdiction."""
    if not countries:
        return
    authorities = [
        (each.id, each.title.es, each.title.en) for country in countries for each in country.authorities
    ]
    grounds = [
        (each.id, each.title.es, each.title.en, each.law, *each.law.split(";"), *each.also)
        for country in countries
        for each in country.grounds
    ]
    files = ", ".join(f"jurisdictions/{each.id}.yaml" for each in countries)
    for what, said, known in (
        ("authority", demand.authority, authorities),
        ("ground", demand.ground, grounds),
    ):
        words = [_folded(word) for each in known for word in each]
        if _folded(said) not in words:
            says = f"unknown {what} {said[:64]!r}: {files} has none of that name"
            yield Notice(says, _remedy(said, known))


def _remedy(said: str, known: Iterable[tuple[str, ...]]) -> str:
    """The one that was probably meant, or all by their ids."""
    all_known = tuple(known)
    close = nearest(said, [word for each in all_known for word in each])
    if close:
        return f"did you mean {close.strip()}? If so, withdraw the order and take it in anew"
    ids = ", ".join(each[0] for each in all_known)
    return f"known ones: {ids}; if it is right, add it there, so that deadlines and reports know it"


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()

"""Counts the blocking that holds for every line, as far as it may be published (decision 0321)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.model.mandatory import label_of
from filterd.model.order import Order
from filterd.operations.context import Context
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.orders.finding import subject
from filterd.operations.service_page.facts import AdoptedFact, MandatoryFact, OrderCount, WideFact
from filterd.policy.documents import Policies, Text
from filterd.store import change_log
from filterd.store import orders as rows

MOST_ENTRIES = 100
"""of the trail on one order, of which the newest that judged its reach is taken"""
SMALL = 5
"""orders of one authority on one ground; fewer are in the total alone"""


async def mandatory(context: Context, documents: Policies, feeds: Iterable[FeedStatus]) -> MandatoryFact:
    """The orders in force, and the adopted lists, without a name of either."""
    now = context.clock()
    async with context.store.read() as connection:
        orders = [each for each in await rows.list_orders(connection) if each.in_force(now)]
        reached = {each.number: await _reach(connection, each) for each in orders if _is_shown_wide(each)}
    open_ones = Counter(
        (each.demand.authority, each.demand.ground) for each in orders if not each.demand.confidential
    )
    titles = _titles(documents, context.settings.jurisdiction)
    shown = [
        OrderCount(_title(titles, authority), _title(titles, ground), count)
        for (authority, ground), count in sorted(open_ones.items())
        if count >= SMALL
    ]
    return MandatoryFact(
        orders=len(orders),
        by_ground=tuple(shown),
        lists=tuple(_adopted(feeds, titles)),
        wide=tuple(_wide(each, titles, reached[each.number]) for each in orders if _is_shown_wide(each)),
        wide_confidential=sum(
            each.demand.confidential and bool(each.demand.proportionality) for each in orders
        ),
    )


def _is_shown_wide(order: Order) -> bool:
    return _is_wide(order) and not order.demand.confidential


def _is_wide(order: Order) -> bool:
    return bool(order.demand.proportionality)


def _wide(order: Order, titles: dict[str, Text], reach: tuple[str, ...]) -> WideFact:
    demand = order.demand
    return WideFact(
        reference=order.reference,
        authority=_title(titles, demand.authority),
        ground=_title(titles, demand.ground),
        law=demand.law,
        since=datetime.fromtimestamp(order.accepted_at, UTC).date().isoformat(),
        reach=reach,
        why=demand.proportionality,
    )


async def _reach(connection: AsyncConnection, order: Order) -> tuple[str, ...]:
    """The kinds of what it reaches, as the newest decision that judged them has it in the trail."""
    entries = await change_log.newest_entries(connection, MOST_ENTRIES, subject(order))
    told = [(each.entry.after or {}).get("reach") for each in entries]
    newest = next((each for each in reversed(told) if each), ())
    return tuple(str(each) for each in newest)


def _adopted(feeds: Iterable[FeedStatus], titles: dict[str, Text]) -> Iterable[AdoptedFact]:
    for each in feeds:
        terms, version = each.feed.mandatory, each.version
        if terms is None or version is None:
            continue
        yield AdoptedFact(
            id=label_of(each.feed.id, confidential=terms.confidential),
            confidential=terms.confidential,
            authority=None if terms.confidential else _title(titles, terms.authority),
            ground=None if terms.confidential else _title(titles, terms.ground),
            names=version.names,
        )


def _titles(documents: Policies, country: str) -> dict[str, Text]:
    """The titles of authorities and grounds, of the country in force before others."""
    packs = sorted(documents.jurisdictions, key=lambda each: each.id == country)
    found = {each.id: each.title for pack in packs for each in pack.authorities}
    return found | {each.id: each.title for pack in packs for each in pack.grounds}


def _title(titles: dict[str, Text], identifier: str) -> Text:
    """The title; where there is none, what was written."""
    return titles.get(identifier, Text(es=identifier, en=identifier))

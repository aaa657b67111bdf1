"""Counts the blocking that holds for every line, as far as it may be published (decision 0321)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from filterd.model.mandatory import label_of
from filterd.model.order import Order, OrderState
from filterd.operations.context import Context
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.service_page.facts import AdoptedFact, MandatoryFact, OrderCount
from filterd.policy.documents import Policies, Text
from filterd.store import orders as rows

SMALL = 5
"""orders of one authority on one ground; fewer are in the total alone"""


async def mandatory(context: Context, documents: Policies, feeds: Iterable[FeedStatus]) -> MandatoryFact:
    """The orders in force, and the adopted lists, without a name of either."""
    now = context.clock()
    async with context.store.read() as connection:
        orders = [each for each in await rows.list_orders(connection) if _in_force(each, now)]
    open_ones = Counter(
        (each.demand.authority, each.demand.ground) for each in orders if not each.demand.confidential
    )
    titles = _titles(documents, context.settings.jurisdiction)
    shown = [
        OrderCount(_title(titles, authority), _title(titles, ground), count)
        for (authority, ground), count in sorted(open_ones.items())
        if count >= SMALL
    ]
    return MandatoryFact(len(orders), tuple(shown), tuple(_adopted(feeds, titles)))


def _in_force(order: Order, now: float) -> bool:
    demand = order.demand
    between = demand.not_before <= now and not 0 < demand.not_after <= now
    return order.state is OrderState.ACCEPTED and between


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

"""``/regulator/lists`` and ``/regulator/grounds``: mandatory lists, who adopted them, and by which right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.mandatory import label_of
from filterd.model.order import Order
from filterd.operations import exceptions, suspension
from filterd.operations.feeds import listing
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.orders import showing
from filterd.operations.reviews.terms import country_of
from filterd.policy.deadlines import resolve
from filterd.policy.jurisdictions import Ground
from filterd.web.accounts.agents import Agent
from filterd.web.regulator.room import PAGE, shown


@dataclass(frozen=True, slots=True)
class ListSeen:
    """A mandatory list as this desk shows it: a confidential one by its label alone."""

    label: str
    confidential: bool
    authority: str
    ground: str
    version: int
    digest: str
    names: int
    read_at: float
    adopted_by: str
    adopted_at: float
    retired_by: str
    retired_at: float
    held: str
    """the guard's bound that holds a version back; empty: none does"""
    held_at: float


@dataclass(frozen=True, slots=True)
class GroundSeen:
    """A ground with everything that rests on it."""

    words: str
    authority: str
    known: Ground | None
    """as the jurisdiction's file has it; None: nobody wrote it down"""
    orders: int
    in_force: int
    first: Order | None
    newest: Order | None
    people: tuple[str, ...]
    """who stood behind its orders or adopted its lists"""
    lists: tuple[ListSeen, ...] = ()


async def show(request: Request, agent: Agent) -> Response:
    """``GET /regulator/lists``: adoption, versions, and what a guard holds back."""
    every = await listing.list_feeds(agent.context)
    values = {"lists": [_seen(each) for each in every if each.feed.mandatory is not None]}
    return shown(request, agent, "lists.html", values)


def _seen(status: FeedStatus) -> ListSeen:
    feed, version, adopted, hold = status.feed, status.version, status.adopted, status.hold
    terms = feed.mandatory
    assert terms is not None  # noqa: S101 - others are left out
    return ListSeen(
        label=label_of(feed.id, confidential=terms.confidential),
        confidential=terms.confidential,
        authority="" if terms.confidential else terms.authority,
        ground="" if terms.confidential else terms.ground,
        version=0 if version is None else version.version,
        digest="" if version is None else version.digest,
        names=0 if version is None else version.names,
        read_at=0.0 if version is None else version.at,
        adopted_by="" if adopted is None else adopted.adopted_by,
        adopted_at=0.0 if adopted is None else adopted.adopted_at,
        retired_by="" if adopted is None else adopted.retired_by,
        retired_at=0.0 if adopted is None else adopted.retired_at,
        held="" if hold is None else hold.reason,
        held_at=0.0 if hold is None else hold.at,
    )


async def grounds(request: Request, agent: Agent) -> Response:
    """``GET /regulator/grounds``: who added each ground, and what rests on it."""
    context, now = agent.context, agent.context.clock()
    orders = await showing.list_orders(context)
    feeds = [_seen(each) for each in await listing.list_feeds(context) if each.feed.mandatory is not None]
    country = country_of(context)
    words = {(each.demand.authority, each.demand.ground) for each in orders}
    words |= {(each.authority, each.ground) for each in feeds if each.ground}
    found = []
    for authority, ground in sorted(words):
        mine = [each for each in orders if (each.demand.authority, each.demand.ground) == (authority, ground)]
        lists = tuple(each for each in feeds if (each.authority, each.ground) == (authority, ground))
        known = resolve(country, authority, ground).ground
        found.append(_ground(authority, ground, known, mine, lists, now))
    confidential = [each for each in feeds if each.confidential]
    values = {"grounds": found, "confidential": confidential, "country": country}
    return shown(request, agent, "grounds.html", values)


def _ground(
    authority: str,
    words: str,
    known: Ground | None,
    orders: Sequence[Order],
    lists: tuple[ListSeen, ...],
    now: float,
) -> GroundSeen:
    people = {person for each in orders for person in (each.added_by, *each.approvals)}
    people |= {each.adopted_by for each in lists if each.adopted_by}
    return GroundSeen(
        words,
        authority,
        known,
        len(orders),
        sum(each.in_force(now) for each in orders),
        orders[0] if orders else None,
        orders[-1] if orders else None,
        tuple(sorted(people)),
        lists,
    )


async def liftings(request: Request, agent: Agent) -> Response:
    """``GET /regulator/exceptions``: what was opened for everybody, and versions that a guard refused."""
    context = agent.context
    every = [_seen(each) for each in await listing.list_feeds(context) if each.feed.mandatory is not None]
    values = {
        "exceptions": (await exceptions.list_exceptions(context, everything=True))[:PAGE],
        "suspension": await suspension.present(context),
        "held": [each for each in every if each.held],
        "waiting": [each for each in await showing.list_orders(context) if each.state == "quarantined"],
    }
    return shown(request, agent, "exceptions.html", values)

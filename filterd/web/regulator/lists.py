"""``/regulator/lists`` and ``/regulator/grounds``: mandatory lists, who adopted them, and by which right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.mandatory import label_of
from filterd.model.order import Order
from filterd.operations import exceptions, suspension
from filterd.operations.context import Context
from filterd.operations.feeds import listing
from filterd.operations.feeds.listing import FeedStatus
from filterd.operations.orders import showing
from filterd.operations.reviews.terms import country_of
from filterd.policy.deadlines import resolve
from filterd.policy.jurisdictions import Ground
from filterd.web.accounts.agents import Agent
from filterd.web.regulator import registers
from filterd.web.regulator.registers import RegisterSeen
from filterd.web.regulator.room import PAGE, shown

_PROGRAM = "control"
"""the actor that adopts a list by its entry, without a person's word"""


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
    adopted_by: tuple[str, ...]
    """of a register's list those who adopted the register; empty: nobody, or the program by its entry"""
    by_entry: bool
    """True if no person adopted it: the program did, as its entry was in the operator's files"""
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
    values = {
        "lists": await _mandatory(agent.context),
        "registers": await registers.seen(agent.context),
    }
    return shown(request, agent, "lists.html", values)


def _seen(status: FeedStatus, known: Sequence[RegisterSeen]) -> ListSeen:
    """The list; of a register's with the people of the register, as they stand behind what is in it."""
    feed, version, adopted, hold = status.feed, status.version, status.adopted, status.hold
    terms = feed.mandatory
    people = next((each.people for each in known if each.feed == feed.id and each.adopted), ())
    by_program = adopted is not None and adopted.adopted_by == _PROGRAM
    if not people and adopted is not None and not by_program:
        people = (adopted.adopted_by,)
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
        adopted_by=people,
        by_entry=by_program and not people,
        adopted_at=0.0 if adopted is None else adopted.adopted_at,
        retired_by="" if adopted is None else adopted.retired_by,
        retired_at=0.0 if adopted is None else adopted.retired_at,
        held="" if hold is None else hold.reason,
        held_at=0.0 if hold is None else hold.at,
    )


async def _mandatory(context: Context) -> list[ListSeen]:
    known = await registers.seen(context)
    every = await listing.list_feeds(context)
    return [_seen(each, known) for each in every if each.feed.mandatory is not None]


async def grounds(request: Request, agent: Agent) -> Response:
    """``GET /regulator/grounds``: who added each ground, and what rests on it."""
    context, now = agent.context, agent.context.clock()
    orders = await showing.list_orders(context)
    feeds = await _mandatory(context)
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
    people |= {person for each in lists for person in each.adopted_by}
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
    every = await _mandatory(context)
    values = {
        "exceptions": (await exceptions.list_exceptions(context, everything=True))[:PAGE],
        "suspension": await suspension.present(context),
        "held": [each for each in every if each.held],
        "registers": await registers.held_now(context),
        "were_held": (await registers.held_before(context))[:PAGE],
        "waiting": [each for each in await showing.list_orders(context) if each.state == "quarantined"],
    }
    return shown(request, agent, "exceptions.html", values)

"""The regulator's desk as a room of its own, and what all its pages share."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.token import TokenRole
from filterd.operations.context import Context
from filterd.operations.reviews.terms import country_of
from filterd.policy.jurisdictions import Jurisdiction
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.rooms import Room
from filterd.web.accounts.views import room_page
from filterd.web.pages.state import language_of

REGULATOR = Room("regulator", (TokenRole.REGULATOR, TokenRole.OPERATOR))
PAGE = 100
"""rows of a page"""


def zone_of(context: Context) -> str:
    """The zone by whose clock times are shown."""
    return country_of(context).zone


def shown(
    request: Request,
    agent: Agent,
    name: str,
    values: Mapping[str, object],
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """A page of the desk. In it ``zone`` is that of the times, ``now`` the moment of which it tells, and
    ``titles`` has those of authorities and grounds by their ids, in the page's language."""
    context = agent.context
    titles = _titles(country_of(context), language_of(request))
    both = {"zone": zone_of(context), "now": context.clock(), "titles": titles, **values}
    return room_page(request, agent, name, both, status)


def _titles(country: Jurisdiction, language: str) -> dict[str, str]:
    texts = {each.id: each.title for each in country.authorities}
    texts |= {each.id: each.title for each in country.grounds}
    return {each: text.es if language == "es" else text.en for each, text in texts.items()}


def attached(body: bytes | str, name: str, media_type: str) -> Response:
    """A file to be kept."""
    return Response(body, media_type=media_type, headers=named(name))


def named(name: str) -> dict[str, str]:
    """The headers of a file to be kept."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}

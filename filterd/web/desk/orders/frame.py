"""The frame of the duty desk's pages."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.reviews.terms import country_of
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.views import room_page
from filterd.web.pages.state import language_of, state_of
from filterd.web.pages.translations import Words

HOME = "/desk/orders"


def duty_page(
    request: Request,
    agent: Agent,
    name: str,
    values: Mapping[str, object],
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """A template of the duty desk. In it ``now`` is the moment and ``zone`` the installation's."""
    more = {"now": agent.context.clock(), "zone": country_of(agent.context).zone}
    return room_page(request, agent, f"orders/{name}", {**more, **values}, status)


def words_of(request: Request) -> Words:
    """The words of the language of a request."""
    return state_of(request).templates.translations.of(language_of(request))

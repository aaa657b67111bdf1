"""The frame of the duty desk's pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.duty.requests import ground_of, title_of
from filterd.operations.reviews.terms import country_of
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.views import room_page
from filterd.web.pages.state import language_of, state_of
from filterd.web.pages.translations import Words

HOME = "/desk/orders"


@dataclass(frozen=True, slots=True)
class RefusedForm:
    """The reasons for which a form is shown again."""

    fault: str = ""
    """in the words of commands, which are English; empty where ``missing`` says all"""
    missing: frozenset[str] = frozenset()
    """the parts that are missing, in the words of commands"""


def duty_page(
    request: Request,
    agent: Agent,
    name: str,
    values: Mapping[str, object],
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """A template of the duty desk. In it ``now`` is the moment, ``zone`` the installation's, and ``title_of``
    and ``ground_of`` put an authority and a legal ground in words."""
    country, language = country_of(agent.context), language_of(request)
    more = {
        "now": agent.context.clock(),
        "zone": country.zone,
        "title_of": lambda authority: title_of(country, authority, language),
        "ground_of": lambda ground: ground_of(country, ground, language),
    }
    return room_page(request, agent, f"orders/{name}", {**more, **values}, status)


def words_of(request: Request) -> Words:
    """The words of the language of a request."""
    return state_of(request).templates.translations.of(language_of(request))

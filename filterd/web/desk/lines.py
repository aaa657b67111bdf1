"""``/desk`` and ``/desk/lines/ID``: a line by the id that the provider has for it, and what it chose."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.line import is_paused
from filterd.model.subscriber import Subscriber
from filterd.operations import subscribers
from filterd.operations.policies import policies
from filterd.policy.documents import Text
from filterd.web.desk.agents import Agent
from filterd.web.desk.views import desk_page
from filterd.web.pages.forms import query_of
from filterd.web.pages.state import see_other


def path_of(subscriber: str) -> str:
    """The path of the page of a line."""
    return f"/desk/lines/{quote(subscriber, safe='')}"


async def find(request: Request, agent: Agent) -> Response:
    """``GET /desk``: the form that asks for an id."""
    return desk_page(request, agent, "find.html", {})


async def found(request: Request, agent: Agent) -> Response:
    """``GET /desk/find?id=``: lead to the line, where there is one."""
    line = agent.require_line(query_of(request.query_params, "id", 128))
    return see_other(path_of((await subscribers.show(agent.context, line)).id))


async def show(request: Request, agent: Agent) -> Response:
    """``GET /desk/lines/ID``: one line."""
    identifier = agent.require_line(request.path_params["id"])
    line = await subscribers.show(agent.context, identifier)
    titles = {each.id: each.title for each in policies(agent.context).profiles}
    values = {
        "line": line,
        "choices": line.choices,
        "state_of_line": state_word(line, agent.context.clock()),
        "profile_title": in_both(titles.get(line.choices.profile)),
    }
    return desk_page(request, agent, "line.html", values)


def state_word(line: Subscriber, now: float) -> str:
    """``on``, ``off`` or ``paused``."""
    if not line.choices.opted_in:
        return "off"
    return "paused" if is_paused(line.choices.paused_until, int(now)) else "on"


def in_both(text: Text | None) -> dict[str, str] | None:
    """A text of the policies by language."""
    return None if text is None else {"es": text.es, "en": text.en}

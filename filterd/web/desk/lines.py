"""``/desk`` and ``/desk/lines/ID``: a line by the id that the provider has for it, and what it chose."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.token import Permission
from filterd.operations import consent_history, desk_scripts, subscribers, suspension, view_codes
from filterd.operations.context import Context, OperationError
from filterd.operations.held_profiles import policies_held
from filterd.operations.notices import keeping
from filterd.store.notices import NoticeFilter
from filterd.web.accounts.agents import Agent
from filterd.web.desk.acts import ACTS
from filterd.web.desk.line_views import chosen, path_of, read_aloud
from filterd.web.desk.room import reached_line
from filterd.web.desk.views import desk_page
from filterd.web.pages.forms import query_of, read_form
from filterd.web.pages.state import see_other

MOST_NOTICES = 20
MOST_CHANGES = 50
"""shown of a line, the newest"""


async def find(request: Request, agent: Agent) -> Response:
    """``GET /desk``: the form that asks for an id."""
    return desk_page(request, agent, "find.html", {})


async def found(request: Request, agent: Agent) -> Response:
    """``GET /desk/find?id=``: lead to the line, where there is one."""
    line = reached_line(agent, query_of(request.query_params, "id", 128))
    return see_other(path_of((await subscribers.show(agent.context, line)).id))


async def show(request: Request, agent: Agent) -> Response:
    """``GET /desk/lines/ID``: one line, and with ``?done=ACT`` what was done to it last."""
    context = agent.context
    record = await consent_history.record(context, reached_line(agent, request.path_params["id"]))
    if not agent.may(Permission.AUDIT_READ):
        record = consent_history.of_present_holder(record)
    now, line = context.clock(), record.subscriber
    done, suspended = request.query_params.get("done", ""), await suspension.present(context)
    values = {
        **chosen(line, await policies_held(context, line.choices), now),
        "suspended_until": 0 if suspended is None else suspended.until,
        "security": context.settings.security.enabled,
        "record": record,
        "changes": record.changes[-MOST_CHANGES:][::-1],
        "authorised": [(each, each.state(now).value) for each in record.authorisations],
        "notices": await _undelivered(agent, line.id),
        "identity": _identity_script(context),
        "done": done if done in ACTS else "",
        "acts": ACTS,
    }
    return desk_page(request, agent, "line.html", values)


async def own_names(request: Request, agent: Agent) -> Response:
    """``POST /desk/own-names``: the names that the line itself blocks or allows, by the holder's code, or for
    a token that may see them. Each look is on record."""
    form = await read_form(request, agent.csrf)
    line = reached_line(agent, form.one("line"))
    if agent.may(Permission.OWN_NAMES):
        seen = await view_codes.look(agent.context, line)
    else:
        seen = await view_codes.view(agent.context, line, form.one("code")[:32])
    return desk_page(request, agent, "own_names.html", {"line": seen, "choices": seen.choices})


async def _undelivered(agent: Agent, line: str) -> list[keeping.NoticeShown]:
    """The notices that the holder has not got."""
    if not agent.may(Permission.NOTICES_READ):
        return []
    wanted = NoticeFilter(undelivered=True, subscriber=line, begins=agent.token.lines)
    return await keeping.list_notices(agent.context, wanted, limit=MOST_NOTICES)


def _identity_script(context: Context) -> dict[str, list[str]] | None:
    """The text to be read before anything is done; None where the policies have none."""
    try:
        return read_aloud(desk_scripts.text_of(context, "identity").text)
    except OperationError:
        return None

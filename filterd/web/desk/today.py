"""``/desk/today``: what waits today, in numbers, for who looks after the desk."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.notice import NoticeState
from filterd.model.token import Permission
from filterd.operations.notices import keeping
from filterd.operations.privacy import arco
from filterd.operations.reviews import figures
from filterd.web.accounts.agents import Agent
from filterd.web.desk.views import desk_page

_UNDELIVERED = (NoticeState.WAITING, NoticeState.FAILED, NoticeState.KEPT)


async def show(request: Request, agent: Agent) -> Response:
    """``GET /desk/today``: the numbers that the token may see; one that is limited to some lines sees none
    that are of all lines."""
    context, all_lines = agent.context, not agent.token.lines
    values: dict[str, object] = {"reviews": None, "notices": None, "requests": None}
    if agent.may(Permission.REVIEWS_COUNT):
        values["reviews"] = await figures.count(context)
    if agent.may(Permission.NOTICES_READ) and all_lines:
        states = (await keeping.figures(context.store)).states
        values["notices"] = {each.value: states.get(each.value, 0) for each in _UNDELIVERED}
    if agent.may(Permission.RIGHTS) and all_lines:
        values["requests"] = await arco.list_requests(context)
    return desk_page(request, agent, "today.html", values)

"""``/regulator``: what matters now; ``/regulator/questions``: where each question is answered."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations import audit, nodes
from filterd.operations.context import Context
from filterd.operations.errors import UnknownError
from filterd.operations.feeds import listing
from filterd.operations.orders import due, showing, times
from filterd.operations.trail import checkpoints, statements
from filterd.store.statements import StatementRow
from filterd.web.accounts.agents import Agent
from filterd.web.regulator.room import shown

QUESTIONS = (
    ("never_asked", "command", "filterd consent prove ID"),
    ("who_opted_in", "command", "filterd consent show ID"),
    ("restore", "command", "filterd restore DIRECTORY"),
    ("marker", "command", "filterd retention prove"),
    ("lack_term", "page", "/regulator/orders?term=none"),
    ("who_added", "page", "/regulator/grounds"),
    ("reproducible", "page", "/regulator/published"),
    ("which_list", "page", "/regulator/lists-on-nodes"),
    ("since_when", "page", "/regulator/orders"),
    ("overdue", "page", "/regulator/deadlines"),
    ("proof", "page", "/regulator/downloads"),
    ("untouched", "page", "/regulator/verify"),
)
"""question -> a page, or the command that the provider runs before the inspector"""


async def show(request: Request, agent: Agent) -> Response:
    """``GET /regulator``."""
    context, now = agent.context, agent.context.clock()
    duties = await due.list_due(context)
    outstanding = await times.outstanding(context)
    values = {
        "orders": await showing.count(context),
        "in_force": sum(each.in_force(now) for each in await showing.list_orders(context)),
        "duties": len(duties),
        "overdue": sum(each.overdue(now) for each in duties),
        "behind": sum(len(each) for each in outstanding.waiting.values()),
        "contrary": len(outstanding.contrary),
        "nodes": await nodes.list_nodes(context),
        "lists": [each for each in await listing.list_feeds(context) if each.feed.mandatory is not None],
        "checkpoint": await checkpoints.newest(context),
        "entries": await audit.count(context),
        "statement": await _statement(context),
    }
    return shown(request, agent, "overview.html", values)


async def _statement(context: Context) -> StatementRow | None:
    try:
        return await statements.show(context)
    except UnknownError:
        return None


async def questions(request: Request, agent: Agent) -> Response:
    """``GET /regulator/questions``."""
    return shown(request, agent, "questions.html", {"questions": QUESTIONS})

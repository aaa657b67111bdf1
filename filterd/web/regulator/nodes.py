"""``/regulator/nodes`` and ``/regulator/lists-on-nodes``: what runs where, and which list ran when."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations import canaries, input_values, node_history, nodes
from filterd.operations.errors import OperationError
from filterd.web.accounts.agents import Agent
from filterd.web.pages.forms import query_of
from filterd.web.regulator.room import PAGE, shown, zone_of


async def show(request: Request, agent: Agent) -> Response:
    """``GET /regulator/nodes``: each node with what it has, and the probes of mandatory lists over DNS."""
    context = agent.context
    probes = [
        (each.label, each.node, each.state, each.tested_at) for each in await canaries.list_canaries(context)
    ]
    return shown(request, agent, "nodes.html", {"nodes": await nodes.list_nodes(context), "probes": probes})


async def history(request: Request, agent: Agent) -> Response:
    """``GET /regulator/lists-on-nodes?node=&list=&at=``: which list ran on which node at a time."""
    context = agent.context
    asked = {name: query_of(request.query_params, name, 128) for name in ("node", "list", "at")}
    moment = _moment(asked["at"], zone_of(context))
    wrong = bool(asked["at"]) and moment is None
    known = [each.report.name for each in await nodes.list_nodes(context)]
    try:
        found = await node_history.history(
            context,
            node=asked["node"] if asked["node"] in known else None,
            list_id=asked["list"] or None,
            at=moment,
        )
    except OperationError:
        found = ()
    values = {
        "asked": asked,
        "wrong": wrong,
        "moment": moment,
        "known": known,
        "periods": list(reversed(found))[:PAGE],
        "count": len(found),
    }
    return shown(request, agent, "lists_on_nodes.html", values)


def _moment(text: str, zone: str) -> float | None:
    """The Unix seconds of a date and time, as fields of a form give them, by the clock of a zone; None for
    what is none, or cannot be meant."""
    try:
        found = datetime.fromisoformat(text)
        at = (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).timestamp()
        return input_values.meant(at, "a time of the page", text)
    except (ValueError, OverflowError, OperationError):
        return None

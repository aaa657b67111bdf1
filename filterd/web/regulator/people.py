"""``/regulator/people``: take-up, complaints and the handling of data, in numbers of at least ten."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations import consent_report
from filterd.operations.privacy import retention
from filterd.operations.reviews import figures
from filterd.web.accounts.agents import Agent
from filterd.web.regulator.room import shown, told


async def show(request: Request, agent: Agent) -> Response:
    """``GET /regulator/people``. A small number is not told, nor one from which it could be computed."""
    context = agent.context
    evidence = await consent_report.by_evidence(context)
    opted_in = sum(evidence.values())
    parts = {name: told(count) for name, count in evidence.items()}
    if any(each is None for each in parts.values()):  # the total would tell the difference
        parts = {}
    reviews = await figures.count(context)
    values = {
        "opted_in": told(opted_in),
        "parts": parts,
        "reviews": {name: told(count) for name, count in reviews.items()},
        "halves": await figures.statistics(context),
        "classes": await retention.show(context),
    }
    return shown(request, agent, "people.html", values)

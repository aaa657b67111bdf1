"""``/desk/why``: what a name gets on a line, and why, in the words of an agent on the telephone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.token import Permission
from filterd.operations import input_values, inquiry
from filterd.operations.advice import deciding_stage
from filterd.operations.own_name_masks import OWN, QUIET, seen
from filterd.web.accounts.agents import Agent
from filterd.web.desk.room import reached_line
from filterd.web.desk.views import desk_page
from filterd.web.pages.forms import query_of, read_form

if TYPE_CHECKING:
    from filterd.operations.explain import ExplainedStage, Explanation

_LONGEST = 256
_GENERAL = {"own_deny": "line_closes", "own_allow": "line_opens"}
"""what is said of own names to one who may not see them"""


@dataclass(frozen=True, slots=True)
class WhyAnswer:
    """A check in keys of texts."""

    name: str
    verdict: str
    """ends a key ``desk.why.``"""
    reason: str
    """ends a key ``desk.why.reason.``"""
    what: str
    """the subject, application, list or order; empty where there is none, or it is not told"""
    remedy: str
    """ends a key ``desk.why.do.``"""
    tries: tuple[str, ...]
    """end keys ``desk.why.try.``"""
    stages: tuple[ExplainedStage, ...]
    """those that looked at something"""
    unsure: bool
    """nodes keep orders that are not seen here"""


async def show(request: Request, agent: Agent) -> Response:
    """``GET /desk/why``: the form. The line is of the query string, the name never is."""
    line = query_of(request.query_params, "line", 128)
    return desk_page(request, agent, "why.html", _asked(line, ""))


async def ask(request: Request, agent: Agent) -> Response:
    """``POST /desk/why``: the form with its answer. It changes nothing, so that no redirect follows."""
    form = await read_form(request, agent.csrf)
    line, name = form.one("line"), form.one("name")[:_LONGEST]
    if line:
        agent.require(Permission.CHECK_LINES)
        line = reached_line(agent, line)
    wanted = (input_values.site(name) if "/" in name else name).strip()
    if "." not in wanted.strip(".") or " " in wanted:  # an application's name, like TikTok, is no site
        return desk_page(request, agent, "why.html", _asked(line, name, unsited=True))
    found = await inquiry.ask(agent.context, wanted, subscriber=line or None)
    whole = agent.may(Permission.OWN_NAMES)
    found = await seen(agent.context, found, whole=whole)
    return desk_page(request, agent, "why.html", _asked(line, name, answered(found, whole=whole)))


def _asked(
    line: str, site: str, answer: WhyAnswer | None = None, *, unsited: bool = False
) -> dict[str, object]:
    """The values of the page. ``unsited``: what was typed is the name of no site."""
    return {"line": line, "site": site, "answered": answer, "unsited": unsited}


def answered(found: Explanation, *, whole: bool) -> WhyAnswer:
    """The explanation in keys of texts. Without ``whole`` nothing in it speaks of own names."""
    if not whole and found.reason in _GENERAL:
        return _generally(found)
    stage = deciding_stage(found)
    secret = stage is not None and stage.confidential
    blocks = found.verdict in ("block", "rewrite")
    remedy = "confidential" if secret else found.reason
    return WhyAnswer(
        found.name,
        found.verdict if found.verdict in ("block", "rewrite", "local") else "pass",
        "confidential" if secret else _reason(found),
        "" if stage is None or secret else _what(stage),
        remedy,
        tuple(_tries(found)) if blocks else (),
        tuple(
            each for each in found.stages if each.outcome not in QUIET and (whole or each.stage not in OWN)
        ),
        bool(found.kept_orders),
    )


def _generally(found: Explanation) -> WhyAnswer:
    """The answer where an own name decides, for one who may not see own names."""
    said = _GENERAL[found.reason]
    verdict = "block" if found.verdict == "block" else "pass"
    return WhyAnswer(found.name, verdict, said, "", said, (), (), bool(found.kept_orders))


def _reason(found: Explanation) -> str:
    """The reason; of a name that nothing closes, the state of the line that explains it best."""
    if found.reason != "none":
        return found.reason
    if found.identity.get("line") is None:
        return "no_line"
    if not found.identity.get("opted_in"):
        return "not_opted_in"
    if found.suspended_until:
        return "suspended"
    return "paused" if found.identity.get("paused") else "none"


def _what(stage: ExplainedStage) -> str:
    return stage.title or stage.order or stage.category or stage.list


def _tries(found: Explanation) -> Iterator[str]:
    for each in found.tried:
        yield each.act if each.verdict == "pass" else f"{each.act}_no"

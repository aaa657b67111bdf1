"""Figures with their charts, and the reports as files, of the regulator's desk.

Every figure is one of a report, which can be computed again from an evidence pack.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.context import Context
from filterd.operations.errors import OperationError
from filterd.operations.reports import making
from filterd.operations.reports.figures import COMPLIANCE, REPORTS
from filterd.operations.reports.making import AskedReport
from filterd.operations.reports.presets import presets
from filterd.operations.reports.ranges import AskedRange
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.views import View
from filterd.web.pages.forms import query_of
from filterd.web.pages.state import language_of
from filterd.web.pages.whole_reads import one_of_few
from filterd.web.published.reporting import rendering
from filterd.web.published.reporting.giving import MEDIA_TYPES, ReportForm, give
from filterd.web.published.reporting.view import ShownSection
from filterd.web.regulator.room import attached, shown

ENFORCEMENT = ("orders", "deadlines", "times", "coverage", "lists", "growth", "availability")
PEOPLE = ("take_up", "complaints", "privacy")
FORMS = (ReportForm.HTML, ReportForm.PDF, ReportForm.CSV, ReportForm.JSON)


def page_of(name: str, sections: tuple[str, ...]) -> View:
    """The view of a page with some sections of the compliance report."""

    async def show(request: Request, agent: Agent) -> Response:
        first, last = (query_of(request.query_params, each, 10) for each in ("first", "last"))
        with one_of_few(request):
            found, wrong = await _sections(request, agent.context, AskedRange(0, "", first, last))
        values = {
            "which": name,
            "sections": [each for each in found if each.id in sections],
            "first": first,
            "last": last,
            "wrong": wrong,
        }
        return shown(request, agent, "figures.html", values)

    return show


async def _sections(
    request: Request, context: Context, days: AskedRange
) -> tuple[tuple[ShownSection, ...], bool]:
    """The sections of the report of a range, in the reader's language; those of this year so far, and True,
    where the range is none."""
    try:
        report, _ = await making.make(context, AskedReport(COMPLIANCE, days))
        wrong = False
    except OperationError:
        report, _ = await making.make(context, AskedReport(COMPLIANCE))
        wrong = True
    language = language_of(request)
    titles = await asyncio.to_thread(rendering.titles_of, context, language)
    shown = await asyncio.to_thread(rendering.in_words, report, language, titles)
    return shown.sections, wrong


async def reports(request: Request, agent: Agent) -> Response:
    """``GET /regulator/reports``: which reports there are, for which range, in which forms."""
    values = {
        "kinds": sorted(REPORTS),
        "presets": [(each.id, each.title[language_of(request)]) for each in presets().values()],
        "forms": [each.value for each in FORMS],
    }
    return shown(request, agent, "reports.html", values)


async def report(request: Request, agent: Agent) -> Response:
    """``GET /regulator/reports/file?kind=&preset=&first=&last=&form=``: a report as a file."""
    asked = {name: query_of(request.query_params, name, 32) for name in ("kind", "preset", "first", "last")}
    form = query_of(request.query_params, "form", 8)
    chosen = ReportForm(form) if form in list(ReportForm) else ReportForm.PDF
    wanted = AskedReport(asked["kind"], AskedRange(0, "", asked["first"], asked["last"]), asked["preset"])
    with one_of_few(request):
        made = await give(agent.context, wanted, chosen, language_of(request))
    name = wanted.preset or wanted.kind  # there is such a one, since it was made
    return attached(made, f"{name}.{chosen.value}", MEDIA_TYPES[chosen])

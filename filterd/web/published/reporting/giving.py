"""Gives a report in the form that somebody asks for; the command, the API and the desks share it."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from filterd.operations.context import Context
from filterd.operations.reports import forms, making, paper
from filterd.operations.reports.making import AskedReport
from filterd.operations.reports.presets import Preset
from filterd.operations.reports.shape import RangeReport
from filterd.web.published.reporting import rendering


class ReportForm(StrEnum):
    """The forms in which a report is given."""

    TEXT = "text"
    HTML = "html"
    PDF = "pdf"
    CSV = "csv"
    JSON = "json"


MEDIA_TYPES = {
    ReportForm.TEXT: "text/plain; charset=utf-8",
    ReportForm.HTML: "text/html; charset=utf-8",
    ReportForm.PDF: "application/pdf",
    ReportForm.CSV: "text/csv; charset=utf-8",
    ReportForm.JSON: "application/json",
}


async def give(context: Context, asked: AskedReport, form: ReportForm, language: str) -> bytes:
    """The report that somebody asks for, as a file. Raises OperationError."""
    report, preset = await making.make(context, asked)
    return await written(context, report, form, language, preset)


async def sheet(context: Context, report: RangeReport, form: str, language: str) -> bytes:
    """A report as a file, for evidence packs. Raises OperationError where a PDF cannot be made."""
    return await written(context, report, ReportForm(form), language)


async def written(
    context: Context, report: RangeReport, form: ReportForm, language: str, preset: Preset | None = None
) -> bytes:
    """A report as a file, computed in a thread. Raises OperationError where a PDF cannot be made."""
    if form is ReportForm.JSON:
        return await asyncio.to_thread(forms.as_json, report)
    if form is ReportForm.CSV:
        return await asyncio.to_thread(forms.as_csv, report)
    titles = await asyncio.to_thread(rendering.titles_of, context, language)
    shown = await asyncio.to_thread(rendering.in_words, report, language, titles, preset)
    if form is ReportForm.HTML:
        return await asyncio.to_thread(rendering.as_html, shown)
    if form is ReportForm.PDF:
        sheet = await asyncio.to_thread(rendering.sheet, shown, context.settings.jurisdiction)
        return await paper.pdf_of(report, sheet)
    return "".join(f"{line}\n" for line in rendering.as_text(shown)).encode()

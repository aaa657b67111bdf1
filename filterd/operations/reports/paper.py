"""Sets the sheet of a report as a PDF/A-3 with the report's JSON attached, by typst in its own process."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib import resources
from typing import Any

from filterd.operations.receipts.typesetting import SECONDS, typeset
from filterd.operations.reports import forms
from filterd.operations.reports.shape import RangeReport

_OTHERS = "its HTML, CSV and JSON need no PDF"


async def pdf_of(report: RangeReport, sheet: dict[str, Any], *, seconds: float = SECONDS) -> bytes:
    """The PDF. ``sheet`` is the report in words (``web.published.reporting``). Raises UnusableError where
    typst is not installed, NotReachedError where it fails or does not end in time."""
    text = (await asyncio.to_thread(forms.as_json, report)).decode()
    job = {"template": _template(), "sheet": sheet, "receipt": text, "at": int(report.head.made_at)}
    return await typeset(job, text, _OTHERS, seconds)


@cache
def _template() -> str:
    return resources.files(__package__).joinpath("report.typ").read_text(encoding="utf-8")

"""``/api/v1/reports``: what a regulator and the public are told, for any range."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from filterd.model.token import Permission
from filterd.operations.reports.making import AskedReport
from filterd.operations.reports.ranges import AskedRange
from filterd.web.api.routing import Called, router, takes
from filterd.web.api.whole_reads import ONE_OF_FEW
from filterd.web.published.reporting.giving import MEDIA_TYPES, ReportForm, give

routes = router("reports")
_NO_SNIFF = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class ReportKind(StrEnum):
    """The kinds of reports."""

    COMPLIANCE = "compliance"
    TRANSPARENCY = "transparency"
    CATEGORIES = "categories"


class ReportLanguage(StrEnum):
    """The languages of reports that people read."""

    ES = "es"
    EN = "en"


_DAY = Query(max_length=10, description="Like 2026-07-01.")


@routes.get(
    "/reports/{kind}",
    responses={
        200: {
            "description": "The report, in the form asked for",
            "content": {t: {} for t in MEDIA_TYPES.values()},
        }
    },
    **takes(Permission.AUDIT_READ),
    **ONE_OF_FEW,
)
async def show_report(
    caller: Called,
    kind: Annotated[ReportKind, Path()],
    first: Annotated[str, _DAY] = "",
    last: Annotated[str, _DAY] = "",
    half: Annotated[str, Query(max_length=8, description="A half-year, like 2026-H2.")] = "",
    preset: Annotated[str, Query(max_length=32, description="For whom, such as lmtr-183-xii.")] = "",
    form: Annotated[ReportForm, Query(description="The form of the file.")] = ReportForm.JSON,
    language: Annotated[ReportLanguage, Query()] = ReportLanguage.ES,
) -> Response:
    """Report on a range of days, this year so far where none is given: no figure leads to a line."""
    asked = AskedReport(kind.value, AskedRange(0, half, first, last), preset)
    made = await give(caller.context, asked, form, language.value)
    headers = {**_NO_SNIFF, "Content-Disposition": f'attachment; filename="{kind.value}.{form.value}"'}
    return Response(made, headers=headers, media_type=MEDIA_TYPES[form])

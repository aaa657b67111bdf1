"""The transparency report of the last whole half-year, on the public site: a page, and files for machines.

It is made at the first look, and again after a day; between, every look gets the same. No cookie is set.
"""

from __future__ import annotations

import asyncio
import math
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filterd.operations.context import Context
from filterd.operations.publishing.openness import KeptOpenness
from filterd.operations.reports import figures, reading
from filterd.operations.reports.ranges import last_half
from filterd.operations.reports.shape import RangeReport
from filterd.operations.reports.take_up import midnight
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import page, state_of
from filterd.web.published.outline import FOLDERS, TRANSPARENCY
from filterd.web.published.reporting import rendering
from filterd.web.published.reporting.giving import MEDIA_TYPES, ReportForm, written

AGAIN = 86_400.0
"""seconds until it is read anew: what is deleted, and what an end of an order noted late, changes it"""
_CACHE = "public, max-age=3600"


class LastHalf:
    """The report of the last whole half-year, kept for a day. Owned by the event loop."""

    def __init__(self) -> None:
        self._report: RangeReport | None = None
        self._made_at = -math.inf
        self._openness = KeptOpenness()
        self._confidential = frozenset[str]()
        """the lists that were confidential when it was made"""
        self._failures = 0
        self._failed: StoreError | None = None
        """the last failure to read"""
        self._lock = asyncio.Lock()

    async def report(self, context: Context) -> RangeReport:
        """The report, made anew where a list became confidential; while the store cannot be read, the one
        before. Raises StoreError without any. Those who wait while a try fails take its outcome: each try
        may wait for the store as long."""
        failures = self._failures
        async with self._lock:
            if self._failed is not None and self._failures != failures:
                if self._report is None:
                    raise type(self._failed)(str(self._failed), self._failed.remedy)
                return self._report
            now, days = context.clock(), last_half(context.clock(), context.settings.zone)
            begins, ends = midnight(context, days.first), midnight(context, days.until)
            kept = self._report
            fresh = kept is not None and 0 <= now - self._made_at < AGAIN and kept.head.begins_at == begins
            try:
                confidential = (await self._openness.look(context)).confidential
                if kept is not None and fresh and confidential == self._confidential:
                    return kept
                made = figures.transparency(await reading.read(context, begins, ends))
            except StoreError as error:
                self._failures, self._failed = self._failures + 1, error
                if kept is None:
                    raise
                if fresh:
                    return kept
                log.get().warning("the transparency report cannot be read anew", reason=str(error))
                made, confidential = kept, self._confidential
            self._report, self._made_at, self._confidential = made, now, confidential
            return made


def routes() -> list[BaseRoute]:
    """The routes, in both languages."""
    last, found = LastHalf(), list[BaseRoute]()
    for language, folder in FOLDERS.items():
        path = f"/{folder}/{TRANSPARENCY[language]}"
        found += [
            Route(path, _page(last, language), methods=["GET"]),
            Route(f"{path}.csv", _file(last, ReportForm.CSV), methods=["GET"]),
            Route(f"{path}.json", _file(last, ReportForm.JSON), methods=["GET"]),
        ]
    return found


def _page(last: LastHalf, language: str) -> Any:
    async def show(request: Request) -> Response:
        context = state_of(request).context
        report = await _report(last, request)
        titles = await asyncio.to_thread(rendering.titles_of, context, language)
        other = "en" if language == "es" else "es"
        path = f"/{FOLDERS[language]}/{TRANSPARENCY[language]}"
        values = {
            "found": await asyncio.to_thread(rendering.in_words, report, language, titles),
            "home": f"/{FOLDERS[language]}/",
            "other_file": f"/{FOLDERS[other]}/{TRANSPARENCY[other]}",
            "csv_file": f"{path}.csv",
            "json_file": f"{path}.json",
        }
        response = page(request, "public/transparency.html", values, language=language)
        response.headers["Cache-Control"] = _CACHE
        return response

    return show


async def _report(last: LastHalf, request: Request) -> RangeReport:
    try:
        return await last.report(state_of(request).context)
    except StoreError as error:
        log.get().warning("the transparency report cannot be read anew", reason=str(error))
        raise PageRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "public.waiting") from error


def _file(last: LastHalf, form: ReportForm) -> Any:
    async def show(request: Request) -> Response:
        made = await written(state_of(request).context, await _report(last, request), form, "es")
        return Response(made, headers={"Cache-Control": _CACHE}, media_type=MEDIA_TYPES[form])

    return show

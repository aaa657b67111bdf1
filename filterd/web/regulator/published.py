"""``/regulator/published``: the public pages of any day, byte for byte, and the daily signed statements."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.errors import UnknownError
from filterd.operations.service_page import records
from filterd.operations.trail import statements
from filterd.web.accounts.agents import Agent
from filterd.web.pages.forms import query_of
from filterd.web.regulator.room import attached, shown, zone_of

SHOWN = 31
_OLDEST = (1980, 1, 1, 0, 0, 0)
"""the time of every file in an archive, so that the same record is the same archive"""


async def show(request: Request, agent: Agent) -> Response:
    """``GET /regulator/published?day=2026-03-03``: the record that was published at the end of a day."""
    context, day = agent.context, query_of(request.query_params, "day", 10)
    record, wrong = None, False
    if day:
        moment = _end_of(day, zone_of(context))
        wrong = moment is None
        try:
            record = None if moment is None else (await records.recorded(context, at=moment)).record
        except UnknownError:
            record = None
    values = {
        "day": day,
        "wrong": wrong,
        "record": record,
        "records": await records.records(context),
        "statements": await statements.listed(context, SHOWN),
    }
    return shown(request, agent, "published.html", values)


def _end_of(day: str, zone: str) -> float | None:
    """The last second of a day by the clock of a zone, Unix seconds."""
    try:
        begins = datetime.combine(date.fromisoformat(day), time(), ZoneInfo(zone))
        return (begins + timedelta(days=1)).timestamp() - 1
    except (ValueError, OverflowError):
        return None


async def archive(request: Request, agent: Agent) -> Response:
    """``GET /regulator/published/7.zip``: the files of a record, exactly as they were published."""
    found = await records.recorded(agent.context, number=request.path_params["number"])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as packed:
        for path, body in sorted(found.files.items()):
            packed.writestr(zipfile.ZipInfo(path, _OLDEST), body)
    return attached(made.getvalue(), f"pages-{found.record.stamp.number}.zip", "application/zip")


async def statement(request: Request, agent: Agent) -> Response:
    """``GET /regulator/statements/2026-03-03.json``: the signed statement of a day, byte for byte."""
    row = await statements.show(agent.context, request.path_params["day"])
    return attached(row.text, f"statement-{row.day}.json", "application/json")

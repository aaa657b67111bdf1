"""``/api/v1/public-pages``: the facts of the public pages, their records, and their files."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated

from fastapi import Path

from filterd.model.token import Permission
from filterd.operations.plain_values import with_times
from filterd.operations.service_page import drift, records
from filterd.operations.service_page.gathering import service_facts
from filterd.operations.service_page.records import RecordedPages
from filterd.operations.service_page.shown import plain_check, plain_record
from filterd.web.api.fields import ListPart, Plain
from filterd.web.api.routing import Called, router, takes
from filterd.web.published.site import render

routes = router("pages")


@routes.get("/public-pages/facts", **takes(Permission.PAGES_READ))
async def show_facts(caller: Called) -> Plain:
    """Show the facts of the service as the public pages tell them, with their digest."""
    found = await service_facts(caller.context)
    return {"digest": found.digest, "facts": found.plain}


@routes.get("/public-pages/records", **takes(Permission.PAGES_READ))
async def list_records(caller: Called) -> ListPart[Plain]:
    """List the newest records of the pages: which files they were, and since when each says what it says."""
    found = await records.records(caller.context)
    return ListPart(items=[with_times(plain_record(each)) for each in found], next=None)


@routes.get("/public-pages/records/{number}", **takes(Permission.PAGES_READ))
async def show_record(caller: Called, number: Annotated[int, Path(ge=1, le=2**53)]) -> Plain:
    """Show a record with its files, as base64: the bytes that were published."""
    return _with_files(await records.recorded(caller.context, number=number))


@routes.post("/public-pages/export", **takes(Permission.PAGES_WRITE))
async def export(caller: Called) -> Plain:
    """Record the pages as they are now, and reply with their files, as base64, for another web server."""
    return _with_files(await records.publish(caller.context, render, exported=True))


@routes.get("/public-pages/check", **takes(Permission.PAGES_READ))
async def check(caller: Called) -> Plain:
    """Say where the pages that were exported last differ from what runs."""
    return plain_check(await drift.check_exported(caller.context, render))


def _with_files(found: RecordedPages) -> Plain:
    shown: Plain = with_times(plain_record(found.record))
    for path, body in found.files.items():
        shown["files"][path]["content"] = b64encode(body).decode()
    return shown

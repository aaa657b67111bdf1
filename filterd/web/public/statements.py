"""The daily signed statement and the public keys, on the public site: a page, and files for machines.

The file of a day never changes once it is there, so that anybody may copy it. No cookie is set.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filterd.operations.errors import UnknownError
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating, statements
from filterd.store.statements import StatementRow
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import page, state_of
from filterd.web.published.outline import FOLDERS, STATEMENTS

KEYS = {"es": "claves", "en": "keys"}
"""the stem of the file of keys, below the folder of each language"""
RECEIPT_KEYS = {"es": "claves-constancias", "en": "receipt-keys"}
"""the stem of the file of the keys of receipts: who is given both cannot tell what a key may sign"""
SHOWN = 31
"""days that the page leads to"""
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_LATEST = "latest"
_SHORT, _LONG = "public, max-age=300", "public, max-age=31536000, immutable"


def routes() -> list[BaseRoute]:
    """The routes, in both languages."""
    found: list[BaseRoute] = []
    for language, folder in FOLDERS.items():
        name, keys = STATEMENTS[language], KEYS[language]
        found += [
            Route(f"/{folder}/{name}", _page(language), methods=["GET"]),
            Route(f"/{folder}/{name}/{{file}}.json", _file, methods=["GET"]),
            Route(f"/{folder}/{keys}.pem", _keys(Purpose.CHECKPOINT), methods=["GET"]),
            Route(f"/{folder}/{RECEIPT_KEYS[language]}.pem", _keys(Purpose.RECEIPT), methods=["GET"]),
        ]
    return found


def _page(language: str) -> Any:
    async def show(request: Request) -> Response:
        context = state_of(request).context
        try:
            row = await statements.show(context)
        except UnknownError:
            return page(
                request, "public/statement.html", {"body": None, **_links(language)}, language=language
            )
        days = await statements.listed(context, SHOWN)
        body = json.loads(row.text)["body"]
        values = {
            "body": body,
            "digest": row.digest,
            "at": datetime.fromisoformat(body["at"]).astimezone(ZoneInfo(body["zone"])),
            "days": days,
            **_links(language),
        }
        response = page(request, "public/statement.html", values, language=language)
        response.headers["Cache-Control"] = _SHORT
        return response

    return show


def _links(language: str) -> dict[str, Any]:
    other = "en" if language == "es" else "es"
    name, keys = STATEMENTS[language], KEYS[language]
    return {
        "other_file": f"/{FOLDERS[other]}/{STATEMENTS[other]}",
        "folder": f"/{FOLDERS[language]}/{name}",
        "keys_file": f"/{FOLDERS[language]}/{keys}.pem",
        "home": f"/{FOLDERS[language]}/",
    }


async def _file(request: Request) -> Response:
    """The signed text of a day, byte for byte, or that of the newest."""
    name = request.path_params["file"]
    if name != _LATEST and not _is_day(name):
        raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found")
    row = await _row(request, "" if name == _LATEST else name)
    headers = {"ETag": f'"{row.digest[:32]}"', "Cache-Control": _SHORT if name == _LATEST else _LONG}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(row.text.encode(), headers=headers, media_type="application/json")


async def _row(request: Request, day: str) -> StatementRow:
    try:
        return await statements.show(state_of(request).context, day)
    except UnknownError as error:
        raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found") from error


def _is_day(name: str) -> bool:
    try:
        return bool(_DAY.match(name)) and bool(date.fromisoformat(name))
    except ValueError:
        return False


def _keys(purpose: Purpose) -> Any:
    async def show(request: Request) -> Response:
        """Every public key that signs or signed for this purpose."""
        try:
            text = await rotating.public_pem(state_of(request).context, purpose)
        except UnknownError as error:
            raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found") from error
        return Response(text, headers={"Cache-Control": _SHORT}, media_type="application/x-pem-file")

    return show

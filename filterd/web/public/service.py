"""Serves the pages of the newest record as they are: a request is a lookup, and no cookie is set.

The files are read from the store once for each record. Where the store cannot be read, those that were read
last go on being served.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from filterd.operations.context import Context, OperationError
from filterd.operations.service_page import records
from filterd.store.errors import StoreError
from filterd.telemetry import log
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import language_of, state_of
from filterd.web.published.outline import FOLDERS

LOOK_SECONDS = 2.0
"""between two looks at whether there is a newer record"""
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
}
_CACHE = "public, max-age=60"


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file as it is served."""

    body: bytes
    media_type: str
    tag: str
    language: str
    """empty: of none"""


class PublishedPages:
    """The files of the newest record, by path. Owned by the event loop."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        """``ticks`` does not go back."""
        self._ticks = ticks
        self._files: dict[str, ServedFile] = {}
        self._number = 0
        self._looked_at = -LOOK_SECONDS
        self._told = False

    async def file(self, context: Context, path: str) -> ServedFile | None:
        """The file at a path; without ``.html`` too. None: there is none. Raises PageRefusedError while
        nothing was published yet."""
        tick = self._ticks()
        if tick - self._looked_at >= LOOK_SECONDS:
            self._looked_at = tick  # before it is read: of many requests one looks
            await self._look(context)
        if not self._files:
            raise PageRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "public.waiting")
        return self._files.get(path) or self._files.get(f"{path}.html")

    async def _look(self, context: Context) -> None:
        try:
            number = await records.newest_number(context)
            if number and number != self._number:
                found = await records.recorded(context, number=number)
                digests = {path: each.digest for path, each in found.record.files.items()}
                self._files = {path: _served(path, body, digests[path]) for path, body in found.files.items()}
                self._number = number
        except (StoreError, OperationError) as error:
            if not self._told:
                log.get().warning("the public pages cannot be read from the store", reason=str(error))
            self._told = True
            return
        self._told = False


def _served(path: str, body: bytes, digest: str) -> ServedFile:
    folder, _, name = path.rpartition("/")
    media_type = _TYPES[name.rpartition(".")[2]]
    language = next((each for each, known in FOLDERS.items() if known == folder), "")
    return ServedFile(body, media_type, f'"{digest[:32]}"', language if name.endswith(".html") else "")


def routes() -> list[BaseRoute]:
    """The routes of the service's pages, over files of their own."""
    pages = PublishedPages()

    async def show(request: Request) -> Response:
        folder = request.url.path.strip("/").partition("/")[0]
        found = await pages.file(
            state_of(request).context, f"{folder}/{request.path_params.get('file') or 'index'}"
        )
        if found is None:
            raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found")
        return _reply(request, found)

    found: list[BaseRoute] = [Route("/", _first, methods=["GET"])]
    for folder in FOLDERS.values():
        found.append(Route(f"/{folder}", _within, methods=["GET"]))
        found.append(Route(f"/{folder}/", show, methods=["GET"]))
        found.append(Route(f"/{folder}/{{file}}", show, methods=["GET"]))
    return found


async def _first(request: Request) -> Response:
    """The address that can be spoken leads to the page of the service, in the browser's language."""
    folder = FOLDERS[language_of(request)]
    return RedirectResponse(f"{folder}/", HTTPStatus.SEE_OTHER, headers={"Vary": "Accept-Language, Cookie"})


async def _within(request: Request) -> Response:
    """Links of the pages are relative, and begin at the folder."""
    return RedirectResponse(f"{request.url.path.strip('/')}/", HTTPStatus.PERMANENT_REDIRECT)


def _reply(request: Request, found: ServedFile) -> Response:
    headers = {"ETag": found.tag, "Cache-Control": _CACHE}
    if found.language:
        headers["Content-Language"] = found.language
    if request.headers.get("if-none-match") == found.tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers["Content-Type"] = found.media_type
    return Response(found.body, headers=headers)

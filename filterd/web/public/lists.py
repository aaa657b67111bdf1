"""Published lists on the public site: a page, and the signed files for machines. No cookie is set.

A list is served while it is in force and not confidential, whatever lies in the directory: see
:mod:`filterd.operations.publishing.openness`. While the store cannot be read, none is.

A file is opened behind the link that leads to the newest edition: what began to be sent goes on from the same
edition when the next one is published.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from filterd.operations.publishing import editions, key_files, leftovers, manifests
from filterd.operations.publishing.manifests import ListManifest
from filterd.operations.publishing.openness import KeptOpenness
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import page, state_of
from filterd.web.published.outline import FOLDERS, LISTS
from filterd.web.published.reporting import rendering

SHOWN = 500
"""lists that the page shows"""
_CACHE = "public, no-cache"
"""each request asks whether it still holds: what is withdrawn is not served by a cache for minutes"""
_OF_WITHDRAWAL = frozenset((manifests.NAME, manifests.SIGNATURE))
_TYPES = {".json": "application/json", ".minisig": "text/plain; charset=utf-8"}


def routes() -> list[BaseRoute]:
    """The routes, in both languages."""
    found: list[BaseRoute] = []
    kept = KeptOpenness()
    for language, folder in FOLDERS.items():
        base = f"/{folder}/{LISTS[language]}"
        found += [
            Route(base, _page(kept, language), methods=["GET"]),
            Route(f"{base}/{{file}}", _key, methods=["GET"]),
            Route(f"{base}/{{list}}/{{file}}", _file(kept), methods=["GET"]),
        ]
    return found


def _directory(request: Request) -> Path:
    directory = state_of(request).context.settings.publish.directory
    if directory is None:
        raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found")
    return directory


def _page(kept: KeptOpenness, language: str) -> Any:
    other = "en" if language == "es" else "es"

    async def show(request: Request) -> Response:
        directory = _directory(request)
        told = await kept.look(state_of(request).context)
        found, key = await asyncio.to_thread(_standing, directory, told.open)
        keys = await asyncio.to_thread(key_files.file_in, directory, key_files.INDEX)
        titles = await asyncio.to_thread(rendering.titles_of, state_of(request).context, language)
        values = {
            "lists": [each.body for each in found],
            "titles": titles,
            "public_key": key,
            "folder": f"/{FOLDERS[language]}/{LISTS[language]}",
            "key_file": f"/{FOLDERS[language]}/{LISTS[language]}/{key_files.PUBLIC_KEY}",
            "keys_file": f"/{FOLDERS[language]}/{LISTS[language]}/{key_files.INDEX}" if keys else "",
            "other_file": f"/{FOLDERS[other]}/{LISTS[other]}",
            "home": f"/{FOLDERS[language]}/",
        }
        response = page(request, "public/lists.html", values, language=language)
        response.headers["Cache-Control"] = _CACHE
        return response

    return show


def _standing(directory: Path, open_lists: frozenset[str]) -> tuple[list[ListManifest], str]:
    """The manifests of open lists that stand there, and the public key; empty where nothing was published."""
    public = (
        each
        for each in editions.published(directory)
        if each.body["list"] in open_lists and not each.withdrawn
    )
    found = [each for each, _ in zip(public, range(SHOWN), strict=False)]
    try:
        text = editions.small(directory / key_files.PUBLIC_KEY).decode("ascii", "replace")
    except OSError:
        text = ""
    return found, (text.splitlines() or [""])[-1]


def _file(kept: KeptOpenness) -> Any:
    async def give(request: Request) -> Response:
        directory, identifier = _directory(request), request.path_params["list"]
        name = request.path_params["file"]
        told = await kept.look(state_of(request).context)
        path = await asyncio.to_thread(_served, directory, identifier, name, identifier in told.open)
        return await _sent(request, path)

    return give


def _served(directory: Path, identifier: str, name: str, is_open: bool) -> Path | None:
    """The file that may be sent: of a list that may not be public, the manifest that it is withdrawn. Raises
    PageRefusedError for the rest of such a list."""
    path = editions.file_in(directory, identifier, name)
    if is_open and path is not None:
        return path
    if leftovers.withdrawal(directory, identifier):
        if name in _OF_WITHDRAWAL:
            return path
    elif path is None:
        return None
    if name not in editions.FILES:
        return None
    raise PageRefusedError(HTTPStatus.GONE, "lists.withdrawn")


async def _key(request: Request) -> Response:
    directory, name = _directory(request), request.path_params["file"]
    return await _sent(request, await asyncio.to_thread(key_files.file_in, directory, name))


async def _sent(request: Request, path: Path | None) -> Response:
    """The file with its ETag, or the answer that the client has it."""
    if path is None:
        raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found")
    kind = _TYPES.get(path.suffix, "text/plain; charset=utf-8")
    try:
        status = await asyncio.to_thread(path.stat)
    except OSError as error:
        raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found") from error
    tag = f'"{path.parent.name}-{path.name}-{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {"ETag": tag, "Cache-Control": _CACHE}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return FileResponse(path, headers=headers, media_type=kind, stat_result=status)

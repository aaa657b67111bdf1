"""Published lists on the public site: a page, and the signed files for machines. No cookie is set.

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

from filterd.operations.publishing import editions, key_files
from filterd.operations.publishing.manifests import ListManifest
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import page, state_of
from filterd.web.published.outline import FOLDERS, LISTS
from filterd.web.published.reporting import rendering

SHOWN = 500
"""lists that the page shows"""
_CACHE = "public, max-age=300"
_TYPES = {".json": "application/json", ".minisig": "text/plain; charset=utf-8"}


def routes() -> list[BaseRoute]:
    """The routes, in both languages."""
    found: list[BaseRoute] = []
    for language, folder in FOLDERS.items():
        base = f"/{folder}/{LISTS[language]}"
        found += [
            Route(base, _page(language), methods=["GET"]),
            Route(f"{base}/{{file}}", _key, methods=["GET"]),
            Route(f"{base}/{{list}}/{{file}}", _file, methods=["GET"]),
        ]
    return found


def _directory(request: Request) -> Path:
    directory = state_of(request).context.settings.publish.directory
    if directory is None:
        raise PageRefusedError(HTTPStatus.NOT_FOUND, "house.refused.not_found")
    return directory


def _page(language: str) -> Any:
    other = "en" if language == "es" else "es"

    async def show(request: Request) -> Response:
        directory = _directory(request)
        found, key = await asyncio.to_thread(_standing, directory)
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


def _standing(directory: Path) -> tuple[list[ListManifest], str]:
    """The manifests that stand there, and the public key; empty where nothing was published."""
    found = [each for each, _ in zip(editions.published(directory), range(SHOWN), strict=False)]
    try:
        text = editions.small(directory / key_files.PUBLIC_KEY).decode("ascii", "replace")
    except OSError:
        text = ""
    return found, (text.splitlines() or [""])[-1]


async def _file(request: Request) -> Response:
    directory = _directory(request)
    name = request.path_params["file"]
    path = await asyncio.to_thread(editions.file_in, directory, request.path_params["list"], name)
    return await _sent(request, path)


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

"""Reads published pages from where they are: a directory, or a web server."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from filterd.operations.context import OperationError
from filterd.operations.service_page import drift
from filterd.operations.service_page.facts import FACTS_FILE

LARGEST = 4 * 1024**2
"""bytes of one file"""
MOST_FILES = 200
SECONDS = 20.0
"""for one file"""
_PATH = re.compile(r"(?:[a-z0-9-]+/)?[a-z0-9-]+\.[a-z]+")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def read_directory(folder: Path) -> dict[str, bytes]:
    """The files of an export, by path. Raises OperationError where they cannot be read."""
    found: dict[str, bytes] = {}
    try:
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            if len(found) == MOST_FILES or path.stat().st_size > LARGEST:
                message = f"{folder} holds more than public pages"
                raise OperationError(message, "give the directory of an export alone")
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}"
        raise OperationError(message, "give the directory of: filterd page export") from None
    return found


async def read_site(address: str) -> dict[str, bytes]:
    """The files that a web server has, by path. ``address``: of what an export's directory became, above
    ``servicio/``. What the server does not have is left out; raises OperationError where it has no facts."""
    base = _base(address)
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=True) as session:
        facts = await _fetch(session, f"{base}/{FACTS_FILE}")
        if facts is None:
            message = f"{base}/{FACTS_FILE} is not there"
            raise OperationError(message, "give the address above servicio/, where the pages are published")
        found = {FACTS_FILE: facts}
        for path in plain_paths(facts):
            body = await _fetch(session, f"{base}/{path}")
            if body is not None:
                found[path] = body
    return found


def _base(address: str) -> str:
    base = address.rstrip("/")
    for ending in ("/index.html", "/servicio", "/service"):
        base = base.removesuffix(ending)
    found = urlsplit(base)
    if found.scheme != "https" and (found.scheme, found.hostname in _LOOPBACK) != ("http", True):
        message = f"no address of a web server: {address[:100]!r}"
        raise OperationError(message, "write https://HOST/PATH (http:// is for loopback alone)")
    return base


def plain_paths(facts: bytes) -> list[str]:
    """The files that published facts name. Raises OperationError for one that leads elsewhere."""
    paths = drift.wanted_files(facts)[:MOST_FILES]
    for path in paths:
        if not _PATH.fullmatch(path):
            message = f"the published facts name a file that no export has: {path[:60]!r}"
            raise OperationError(message, "publish the pages anew: filterd page export DIRECTORY")
    return list(paths)


async def _fetch(session: aiohttp.ClientSession, address: str) -> bytes | None:
    """The body; None where the server says that there is none."""
    remedy = "see whether the server can be reached from here, and try again"
    try:
        async with session.get(address, allow_redirects=False) as response:
            if response.status in (404, 410):
                return None
            if response.status != 200:
                message = f"{address} answers with status {response.status}"
                raise OperationError(message, remedy)
            body = await response.content.read(LARGEST + 1)
            while len(body) <= LARGEST and (more := await response.content.read(LARGEST + 1)):
                body += more
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        message = f"{address} cannot be read: {type(error).__name__}"
        raise OperationError(message, remedy) from None
    if len(body) > LARGEST:
        message = f"{address} is larger than a page is"
        raise OperationError(message, "give the address above servicio/, where the pages are published")
    return body

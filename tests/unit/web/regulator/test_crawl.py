"""Nothing about any line, ever: each page and each download is read for what was planted."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filterd.operations import subscribers
from filterd.web import regulator
from filterd.web.accounts.agents import Agent
from filterd.web.accounts.views import in_room
from filterd.web.pages.application import make_pages
from filterd.web.regulator.room import REGULATOR, shown
from filterd.web.regulator.routes import PAGES
from tests.unit.web.regulator.conftest import PLANTED, Desk, Visitor

_LINK = re.compile(r'href="(/regulator[^"]*|\?[^"]*)"')
_FORM = re.compile(r'<form method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
LARGEST = 150_000
WRITES = ("/regulator/sign-out", "/regulator/passkeys", "/regulator/passkeys/new")
"""forms that the crawl does not send: they change the account of the one who reads, and show nothing"""


def leaks(body: bytes) -> set[str]:
    """The planted words that stand in a body."""
    text = "\n".join(each.decode(errors="replace") for each in _parts(body)).lower()
    return {each for each in PLANTED if each in text}


def _parts(body: bytes) -> Iterator[bytes]:
    """A file as it is, and what is packed in it: the files of an archive, the streams of a PDF."""
    yield body
    if zipfile.is_zipfile(io.BytesIO(body)):
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            for name in packed.namelist():
                yield name.encode()
                yield from _parts(packed.read(name))
    with suppress(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(body), mode="r:") as packed:
        for each in packed:
            found = packed.extractfile(each)
            yield from _parts(b"" if found is None else found.read())
    for stream in _STREAM.findall(body) if body.startswith(b"%PDF") else ():
        with suppress(zlib.error):
            yield zlib.decompress(stream)


async def crawl(visitor: Visitor) -> dict[str, httpx.Response]:
    """Every page and download that can be reached, by path; the forms of downloads are sent."""
    found: dict[str, httpx.Response] = {}
    waiting = ["/regulator"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        reply = found[path] = await visitor.get(path)
        if not reply.headers.get("content-type", "").startswith("text/html"):
            continue
        waiting += _links(path, reply.text)
        for action, fields in _forms(reply.text):
            name = f"POST {action} {sorted(fields.items())}"
            if action not in WRITES and name not in found:
                found[name] = await visitor.post(action, **fields)
    return found


def _links(path: str, text: str) -> Iterator[str]:
    for each in _LINK.findall(text):
        link = unescape(each)
        if "lang=" in link:
            continue
        yield link if link.startswith("/") else urlsplit(path).path + link


def _forms(text: str) -> Iterable[tuple[str, dict[str, str]]]:
    for action, inside in _FORM.findall(text):
        days = {"from": "2027-01-15", "to": "2027-01-15"} if "pack-from" in inside else {}
        yield action, days | {name: value for name, value in _FIELD.findall(inside) if name != "csrf"}


@pytest.mark.ring("night")
async def test_no_page_and_no_download_tells_of_a_line_or_a_confidential_name(desk: Desk) -> None:
    found = await crawl(await desk.browser())
    reached = {urlsplit(path.removeprefix("POST ").split(" ")[0]).path for path in found}
    for method, path in PAGES:
        if path not in WRITES and "passkeys/revoke" not in path:
            pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$")
            assert any(map(pattern.match, reached)), (method, path)
    for path, reply in found.items():
        assert reply.status_code == 200, (path, reply.text[:300])
        assert not leaks(reply.content), path
        assert len(reply.content) <= LARGEST or "attachment" in reply.headers.get("content-disposition", "")
    assert any("ordered.example" in each.text for each in found.values())  # what is public is there


@pytest.mark.ring("night")
async def test_the_crawl_finds_what_is_planted(desk: Desk) -> None:
    async def leaking(request: Request, agent: Agent) -> Response:
        line = await subscribers.show(agent.context, PLANTED[0])
        return shown(request, agent, "failed.html", {"message": line.id, "remedy": ""})

    routes = [each for each in regulator.routes() if getattr(each, "path", "") != "/regulator/verify"]
    desk.app = make_pages([*routes, Route("/regulator/verify", in_room(REGULATOR, leaking))], desk.state)
    found = await crawl(await desk.browser())
    assert [path for path, reply in found.items() if leaks(reply.content)] == ["/regulator/verify"]


@pytest.mark.ring("night")
@pytest.mark.parametrize("language", ["es", "en"])
async def test_both_languages_have_each_page(desk: Desk, language: str) -> None:
    visitor = await desk.browser(language=language)
    for method, path in PAGES:
        if method == "GET" and "{" not in path and not path.endswith(".py"):
            reply = await visitor.get(path)
            told = 409 if path.endswith("/file") else 200  # of which report, nobody said
            assert reply.status_code == told and f'<html lang="{language}">' in reply.text, path

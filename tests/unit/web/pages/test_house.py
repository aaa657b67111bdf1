"""The house of the pages: its words, its components, what every response has."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from filterd.config.service_settings import ReachSettings, ServiceSettings
from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations.errors import OperationError, UnusableError
from filterd.store.errors import StoreBusyError
from filterd.telemetry import log
from filterd.web.pages import forms
from filterd.web.pages.application import make_pages
from filterd.web.pages.forms import read_form
from filterd.web.pages.numbers import number_of
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import PagesState, page
from filterd.web.pages.templating import FOLDER, Templates
from filterd.web.pages.translations import LANGUAGES, MissingTextError, Translations
from tests.worlds.installation import Installation

BASE = "http://portal.test"
LISTEN = Endpoint(ip_address("127.0.0.1"), 8080)
_KEY = re.compile(r"""\b_n?\(\s*["']([a-z_.0-9]+)["']""")
_MARKUP = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<!--.*?-->|<[^>]*>|&\w+;", re.DOTALL)
_PLACE = re.compile(r"%\((\w+)\)s")


@pytest.fixture(scope="module")
def translations() -> Translations:
    return Translations()


async def _components(request: Request) -> Response:
    return page(request, "house/components.html")


async def _form(request: Request) -> Response:
    return PlainTextResponse((await read_form(request, "the token")).one("name"))


async def _later(_: Request) -> Response:
    raise FAULTS[0]


FAULTS: list[Exception] = []
"""the one that ``/later`` raises"""


@pytest.fixture
async def client(installation: Installation, translations: Translations) -> AsyncIterator[httpx.AsyncClient]:
    web = WebSettings(None, None, portal=PagesSettings(LISTEN, 100))
    routes = [
        Route("/dev/components", _components),
        Route("/form", _form, methods=["POST"]),
        Route("/broken", lambda _: 1 / 0),
        Route("/later", _later, methods=["GET", "POST"]),
        Route("/number/{it:number}", lambda _: PlainTextResponse("a page")),
    ]
    service = ServiceSettings(contact=ReachSettings(phone="800 123 4567"))
    installation.settings = replace(installation.settings, service=service)
    async with installation.open() as context:
        app = make_pages(routes, PagesState(context, web, Templates(translations)))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as made:
            yield made


def test_each_language_has_each_text(translations: Translations) -> None:
    spanish, english = (translations.of(each) for each in LANGUAGES)
    assert spanish.keys == english.keys
    assert spanish.keys
    for key in spanish.keys:
        texts = [translations.of(each).raw(key) for each in LANGUAGES]
        assert all(texts), f"{key} is empty"
        places = [{name for form in forms for name in _PLACE.findall(form)} - {"n"} for forms in texts]
        assert places[0] == places[1], f"{key}: other values in one language"


def test_each_text_of_a_template_is_there(translations: Translations) -> None:
    missing = []
    for path in sorted(FOLDER.rglob("*.html")):
        keys = [key for key in _KEY.findall(path.read_text()) if not key.endswith(".")]
        missing += [
            f"{path.relative_to(FOLDER)}: {key}" for key in keys if not translations.of("es").has(key)
        ]
    assert not missing


def test_no_template_has_words_of_its_own() -> None:
    words = []
    for path in sorted(FOLDER.rglob("*.html")):
        text = _MARKUP.sub(" ", path.read_text())
        found = re.findall(r"[^\W\d_]{3,}", text)
        if found:
            words.append(f"{path.relative_to(FOLDER)}: {found[:5]}")
    assert not words, "these belong into the locale files"


def test_a_missing_text_is_an_error(translations: Translations) -> None:
    with pytest.raises(MissingTextError):
        translations.of("es").text("no.such.text")


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "es"), ("en-GB,en;q=0.9", "en"), ("fr, en;q=0.3", "en"), ("es-MX,es;q=0.9,en;q=0.8", "es"),
     ("fr", "es"), ("en;q=0, *;q=1", "es"), ("en;q=abc", "es")],
)  # fmt: skip
def test_the_language_is_the_browsers(translations: Translations, header: str, language: str) -> None:
    assert translations.negotiated(header) == language


async def test_a_page_is_sent_with_a_strict_policy(client: httpx.AsyncClient) -> None:
    reply = await client.get("/dev/components", headers={"Accept-Language": "en"})
    assert reply.status_code == 200
    assert '<html lang="en">' in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert reply.headers["cache-control"] == "no-store"
    assert "<script" not in reply.text and " style=" not in reply.text
    assert "set-cookie" not in reply.headers


async def test_a_choice_of_the_language_stays(client: httpx.AsyncClient) -> None:
    await client.get("/dev/components?lang=en")
    assert '<html lang="en">' in (await client.get("/dev/components")).text


async def test_a_form_is_taken_from_our_pages_alone(client: httpx.AsyncClient) -> None:
    good = {"csrf": "the token", "name": " a name "}
    assert (await client.post("/form", data=good)).text == "a name"
    assert (await client.post("/form", data={"name": "x"})).status_code == 403
    for headers in (
        {"Origin": "http://elsewhere.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
    ):
        assert (await client.post("/form", data=good, headers=headers)).status_code == 403
    assert (await client.post("/form", json=good)).status_code == 415
    assert (await client.post("/form", data={**good, "name": "x" * 70_000})).status_code == 413


async def test_more_percent_signs_than_escapes_have_room_are_not_parsed(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60,000 of them took the parser 20 ms, without any session."""
    parsed: list[str] = []

    def parse(body: str, **more: Any) -> list[tuple[str, str]]:
        parsed.append(body)
        return parse_qsl(body, **more)

    monkeypatch.setattr(forms, "parse_qsl", parse)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await client.post("/form", content=b"name=" + b"%" * 60_000, headers=headers)).status_code == 400
    assert parsed == []
    escaped = b"csrf=the%20token&name=" + b"%41" * 10_000
    assert (await client.post("/form", content=escaped, headers=headers)).text == "A" * 10_000
    assert len(parsed) == 1


async def test_a_fault_says_nothing_of_the_request(client: httpx.AsyncClient) -> None:
    for path, status in (("/broken", 500), ("/nowhere/marker.example", 404)):
        reply = await client.get(path)
        assert reply.status_code == status
        assert "marker" not in reply.text
        assert "default-src 'none'" in reply.headers["content-security-policy"]


async def test_the_icon_is_one_that_the_policy_allows(client: httpx.AsyncClient) -> None:
    reply = await client.get("/dev/components")
    assert "img-src 'self';" in reply.headers["content-security-policy"]
    found = re.search(r'<link rel="icon"[^>]* href="([^"]+)">', reply.text)
    assert found is not None
    icon = await client.get(found[1])
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")
    assert len(icon.content) < 500


def test_the_stylesheet_is_small() -> None:
    assert (Path(FOLDER).parent / "static" / "house.css").stat().st_size < 20_000


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        (StoreBusyError("the store is locked"), "lsof"),
        (UnusableError("the key is damaged", "restore the key"), "restore the key"),
        (OperationError("marker.example is closed", "ask for marker.example"), ""),
    ],
    ids=["store", "installation", "other"],
)
async def test_what_cannot_be_served_now_says_whom_to_call_and_logs_the_remedy(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, fault: Exception, remedy: str
) -> None:
    FAULTS[:] = [fault]
    stream = io.StringIO()
    monkeypatch.setattr(log, "_log", log.Log("web", stream))
    reply = await client.get("/later")
    assert reply.status_code == 503
    assert 'href="tel:8001234567"' in reply.text
    assert 'href="/later"' in reply.text
    reply = await client.post("/later")
    assert 'href="/later"' in reply.text
    written = stream.getvalue()
    assert "a page could not be served" in written
    assert remedy in written
    assert "marker" not in written + reply.text


def test_a_number_of_a_form_has_few_digits() -> None:
    given = ("7", "999999999", "1000000000", "9" * 5_000, "", "-1", "\u0663", "1.5")
    assert [number_of(each) for each in given] == [7, 999_999_999, -1, -1, -1, -1, -1, -1]


async def test_a_path_with_a_number_that_is_too_long_is_no_page(client: httpx.AsyncClient) -> None:
    assert (await client.get("/number/123456789")).status_code == 200
    for number in ("1234567890", "1" * 5_000, "-1", "x"):
        assert (await client.get(f"/number/{number}")).status_code == 404


async def test_a_form_that_breaks_off_is_refused_and_no_fault() -> None:
    async def gone() -> dict[str, object]:
        return {"type": "http.disconnect"}

    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"host", b"portal.test")]
    scope = {"type": "http", "method": "POST", "path": "/form", "headers": headers, "scheme": "http",
             "query_string": b"", "server": ("portal.test", 80)}  # fmt: skip
    with pytest.raises(PageRefusedError) as refused:
        await read_form(Request(scope, gone), "the token")
    assert refused.value.status == 400
    with pytest.raises(ClientDisconnect):
        await Request(scope, gone).body()  # what it would be else

"""The daily statement on the public site: the page in both languages, its files, and the public keys."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from ipaddress import ip_address
from zoneinfo import ZoneInfo

import httpx
import pytest

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating, statements
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from filterd.web.public import routes
from tests.worlds.installation import Installation
from tests.worlds.page_words import templates

LISTEN = Endpoint(ip_address("127.0.0.1"), 21000)


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        yield context


@pytest.fixture
async def client(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    web = WebSettings(None, None, public=PagesSettings(LISTEN, 100))
    app = make_pages(routes(), PagesState(context, web, templates()))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://public.test") as made:
        yield made


async def test_before_the_first_the_page_says_so(client: httpx.AsyncClient) -> None:
    reply = await client.get("/servicio/declaracion")
    assert reply.status_code == 200
    assert "Todavía no hay" in reply.text
    assert (await client.get("/servicio/declaracion/latest.json")).status_code == 404
    assert (await client.get("/servicio/claves.pem")).status_code == 404


@pytest.mark.parametrize(
    ("page", "keys", "of_receipts", "language"),
    [
        ("/servicio/declaracion", "/servicio/claves.pem", "/servicio/claves-constancias.pem", "es"),
        ("/service/statement", "/service/keys.pem", "/service/receipt-keys.pem", "en"),
    ],
)
async def test_the_files_are_what_was_signed(
    context: Context, client: httpx.AsyncClient, page: str, keys: str, of_receipts: str, language: str
) -> None:
    await updating.update(context)
    made = await statements.make(context)
    shown = await client.get(page, headers={"Accept-Language": "fr"})
    assert shown.status_code == 200
    assert f'<html lang="{language}">' in shown.text
    assert f"{page}/{made.day}.json" in shown.text
    assert made.digest in shown.text
    assert "set-cookie" not in shown.headers
    assert len(shown.content) < 150_000
    for name in (made.day, "latest"):
        reply = await client.get(f"{page}/{name}.json")
        assert reply.content == made.text.encode()
        assert reply.headers["content-type"] == "application/json"
        again = await client.get(f"{page}/{name}.json", headers={"If-None-Match": reply.headers["etag"]})
        assert again.status_code == 304
    assert "immutable" in (await client.get(f"{page}/{made.day}.json")).headers["cache-control"]
    for file, purpose in ((keys, Purpose.CHECKPOINT), (of_receipts, Purpose.RECEIPT)):
        pem = (await client.get(file)).text
        assert pem == await rotating.public_pem(context, purpose)
        assert (pem.count("BEGIN"), pem.startswith(f"# {purpose} ")) == (1, True)
    for wrong in ("2020-01-01", "2027-99-99", "..", "x"):
        assert (await client.get(f"{page}/{wrong}.json")).status_code == 404


async def test_the_page_says_of_which_hour_it_is_and_for_whom_each_list_holds(
    context: Context, client: httpx.AsyncClient
) -> None:
    await updating.update(context)
    made = await statements.make(context)
    body = json.loads(made.text)["body"]
    assert {each["kind"] for each in body["lists"]} == {"category", "mandatory"}
    shown = (await client.get("/servicio/declaracion")).text
    at = datetime.fromisoformat(body["at"]).astimezone(ZoneInfo(body["zone"]))
    assert f"a las {at:%H:%M} (hora de {body['zone']})" in shown
    parts = shown.split("<h3>")[1:]
    kinds = ("mandatory", "security", "category")
    titles = ("Listas obligatorias", "Listas de seguridad", "Listas de temas")
    for kind, title, part in zip(kinds, titles, parts, strict=True):
        ids = [each["id"] for each in body["lists"] if each["kind"] == kind]
        assert part.startswith(title)
        assert re.findall(r"<tr><td>([^<]+)</td>", part) == ids
        assert ("Ninguna." in part) is not bool(ids)

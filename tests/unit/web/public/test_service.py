"""The newest record is served as it is: by its names with and without .html, with a tag, without a cookie."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address

import httpx
import pytest

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations.context import Context
from filterd.operations.service_page import records
from filterd.operations.service_page.records import RecordedPages
from filterd.web.pages.application import make_pages
from filterd.web.pages.refusals import PageRefusedError
from filterd.web.pages.state import PagesState
from filterd.web.public import routes
from filterd.web.public.service import LOOK_SECONDS, PublishedPages
from filterd.web.published.site import render
from tests.worlds.installation import Installation
from tests.worlds.page_words import templates
from tests.worlds.service import provided

LISTEN = Endpoint(ip_address("127.0.0.1"), 21300)


@pytest.fixture
async def context(installation: Installation) -> AsyncIterator[Context]:
    async with installation.open() as context:
        yield provided(context)


@pytest.fixture
async def published(context: Context) -> RecordedPages:
    return await records.publish(context, render)


@pytest.fixture
async def client(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    web = WebSettings(None, None, public=PagesSettings(LISTEN, 100))
    app = make_pages(routes(), PagesState(context, web, templates()))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://public.test") as made:
        yield made


async def test_every_file_of_the_record_is_served_as_it_is(
    published: RecordedPages, client: httpx.AsyncClient
) -> None:
    for path, body in published.files.items():
        reply = await client.get(f"/{path}")
        assert (reply.status_code, reply.content) == (200, body), path
        assert "set-cookie" not in reply.headers
        assert "default-src 'none'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "file"),
    [("/servicio/", "servicio/index.html"), ("/servicio/temas", "servicio/temas.html"),
     ("/service/", "service/index.html"), ("/service/families", "service/families.html")],
)  # fmt: skip
async def test_pages_go_by_their_short_names_too(
    published: RecordedPages, client: httpx.AsyncClient, path: str, file: str
) -> None:
    reply = await client.get(path)
    assert reply.content == published.files[file]
    assert reply.headers["content-language"] == ("es" if file.startswith("servicio") else "en")


async def test_the_spoken_address_leads_to_the_page_in_the_browsers_language(
    published: RecordedPages, client: httpx.AsyncClient
) -> None:
    for language, folder in (("es-MX", "servicio/"), ("en", "service/"), ("fr", "servicio/")):
        reply = await client.get("/", headers={"Accept-Language": language})
        assert (reply.status_code, reply.headers["location"]) == (303, folder)
    reply = await client.get("/servicio")
    assert (reply.status_code, reply.headers["location"]) == (308, "servicio/")


async def test_a_page_that_the_browser_has_is_not_sent_again(
    published: RecordedPages, client: httpx.AsyncClient
) -> None:
    first = await client.get("/servicio/temas")
    again = await client.get("/servicio/temas", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/servicio/nada", "/servicio/..%2f..%2fetc%2fpasswd", "/service/temas"])
async def test_what_is_not_there_is_said_kindly(
    published: RecordedPages, client: httpx.AsyncClient, path: str
) -> None:
    assert (await client.get(path)).status_code == 404


async def test_before_anything_was_published_the_page_says_so(client: httpx.AsyncClient) -> None:
    reply = await client.get("/servicio/")
    assert reply.status_code == 503
    assert "Vuelve en un minuto" in reply.text


async def test_a_newer_record_is_served_at_the_next_look(
    published: RecordedPages, context: Context, installation: Installation
) -> None:
    ticks = [0.0]
    pages = PublishedPages(lambda: ticks[0])
    before = await pages.file(context, "servicio/index")
    named = replace(context.settings.service, name="Otra")
    await records.publish(provided(context, named), render)
    assert await pages.file(context, "servicio/index") is before
    ticks[0] += LOOK_SECONDS
    after = await pages.file(context, "servicio/index")
    assert after is not None and b"Otra" in after.body


async def test_without_the_store_the_pages_that_were_read_go_on(
    published: RecordedPages, context: Context, installation: Installation
) -> None:
    ticks = [0.0]
    pages = PublishedPages(lambda: ticks[0])
    before = await pages.file(context, "servicio/index")
    installation.database.rename(installation.base / "gone.db")
    ticks[0] += LOOK_SECONDS
    assert await pages.file(context, "servicio/index") is before
    with pytest.raises(PageRefusedError):
        await PublishedPages().file(context, "servicio/index")

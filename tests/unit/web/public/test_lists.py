"""Published lists on the public site: the page in both languages, and their files as they were signed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations.context import Context
from filterd.operations.feeds import adoption, updating
from filterd.operations.publishing import withdrawing
from filterd.operations.publishing.publish import publish
from filterd.operations.service_page.gathering import service_facts
from filterd.store.engine import database_path
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from filterd.web.public import routes
from tests.worlds.installation import POLICIES, Installation, as_person
from tests.worlds.page_words import templates
from tests.worlds.service import SHIPPED

LISTEN = Endpoint(ip_address("127.0.0.1"), 21800)


@pytest.fixture
async def context(installation: Installation, tmp_path: Path) -> AsyncIterator[Context]:
    async with installation.open() as context:
        own = replace(context.settings.publish, directory=tmp_path / "published")
        yield replace(context, settings=replace(context.settings, publish=own))


def client(context: Context) -> httpx.AsyncClient:
    web = WebSettings(None, None, public=PagesSettings(LISTEN, 100))
    app = make_pages(routes(), PagesState(context, web, templates()))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://public.test")


@pytest.mark.parametrize("base", ["/servicio/listas", "/service/lists"])
async def test_what_was_published_is_served_as_it_was_signed(context: Context, base: str) -> None:
    directory = context.settings.publish.directory
    assert directory is not None
    async with client(context) as asks:
        assert (await asks.get(base)).status_code == 200  # nothing there yet
        await updating.update(context)
        (done,) = await publish(context, ("adult-starter",))
        shown = await asks.get(base)
        assert f"{base}/adult-starter/manifest.json" in shown.text
        assert done.public_key in shown.text
        assert "set-cookie" not in shown.headers
        for name in ("names.txt", "names.txt.sha256", "list.rpz", "manifest.json.minisig"):
            reply = await asks.get(f"{base}/adult-starter/{name}")
            assert reply.content == (directory / "adult-starter" / name).read_bytes()
            same = {"If-None-Match": reply.headers["etag"]}
            assert (await asks.get(f"{base}/adult-starter/{name}", headers=same)).status_code == 304
        assert done.public_key in (await asks.get(f"{base}/minisign.pub")).text
        for name in ("keys.json", "keys.json.minisig"):
            assert (await asks.get(f"{base}/{name}")).content == (directory / name).read_bytes()
        assert f"{base}/keys.json" in shown.text
        (directory / "secret.txt").write_text("secret")
        for path in (
            "adult-starter/secret.txt",
            "_editions/names.txt",
            "..%2Fadult-starter/names.txt",
            "adult-starter/..%2F..%2Fsecret.txt",
            "worst-of/names.txt",
            "secret.txt",
        ):
            assert (await asks.get(f"{base}/{path}")).status_code == 404


async def test_an_authority_is_named_by_its_title(installation: Installation, context: Context) -> None:
    pack = "jurisdictions/pl.yaml"
    installation.write_policy(pack, (SHIPPED / pack).read_text())
    for name, authority in (("court", "mf"), ("own-words", "The Court")):
        installation.write_policy(f"lists/{name}.txt", f"{name}.example\n")
        entry = f"{{id: {name}, source: lists/{name}.txt, format: domains"
        entry += f", mandatory: {{authority: {authority}, ground: law}}}}"
        feeds = (installation.base / "policies/feeds.yaml").read_text() if name != "court" else ""
        installation.write_policy("feeds.yaml", f"{feeds}- {entry}\n")
    await updating.update(context)
    await publish(context, ("court", "own-words"))
    async with client(context) as asks:
        shown = (await asks.get("/servicio/listas")).text
    assert not (await service_facts(context)).links.lists  # the public pages are served under no URL
    assert "<td>Ministerio de Finanzas de Polonia</td>" in shown
    assert "<td>The Court</td>" in shown
    assert "<td>mf</td>" not in shown


async def test_lists_are_linked_once_one_is_published_where_they_are_served(context: Context) -> None:
    web = WebSettings(None, None, public=PagesSettings(LISTEN, 100, "https://filtro.operator.example"))
    served = replace(context, settings=replace(context.settings, web=web))
    assert not (await service_facts(served)).links.lists
    await updating.update(context)
    await publish(context, ("adult-starter",))
    assert (await service_facts(served)).links.lists
    assert not (await service_facts(context)).links.lists


async def test_without_a_directory_there_is_no_page(installation: Installation) -> None:
    async with installation.open() as context, client(context) as asks:
        assert (await asks.get("/service/lists")).status_code == 404
        assert (await asks.get("/service/lists/adult-starter/names.txt")).status_code == 404


OPEN = POLICIES["feeds.yaml"].replace(", confidential: true", "")
WITHOUT = POLICIES["feeds.yaml"].split("- id: worst-of")[0]
FILES = ("names.txt", "names.txt.sha256", "list.rpz", "manifest.json", "manifest.json.minisig")


async def statuses(asks: httpx.AsyncClient) -> list[int]:
    """Of every file of the list; no answer has its name, nor the word of its authority."""
    replies = [await asks.get(f"/servicio/listas/worst-of/{each}") for each in FILES]
    assert not any("worst.example" in each.text or "INTERPOL" in each.text for each in replies)
    assert "worst-of" not in (await asks.get("/servicio/listas")).text
    return [each.status_code for each in replies]


async def open_worst(installation: Installation, context: Context) -> None:
    installation.write_policy("feeds.yaml", OPEN)
    await updating.update(context)
    await publish(context, ("worst-of", "adult-starter"))


GONE, WITHDRAWN = [410] * 5, [410] * 3 + [200] * 2


async def test_a_list_that_became_confidential_is_not_served_any_more(
    installation: Installation, context: Context, tmp_path: Path
) -> None:
    await open_worst(installation, context)
    async with client(context) as asks:
        assert (await asks.get("/servicio/listas/worst-of/names.txt")).text == "worst.example\n"
        assert "worst-of" in (await asks.get("/servicio/listas")).text
        installation.write_policy("feeds.yaml", POLICIES["feeds.yaml"])
    async with client(context) as asks:  # which saw the file; no command was run
        assert await statuses(asks) == GONE
        await updating.update(context)
        assert await statuses(asks) == WITHDRAWN
        assert (await asks.get("/servicio/listas/adult-starter/names.txt")).status_code == 200
    left = [path for path in (tmp_path / "published").rglob("*") if path.is_file()]
    assert not any(b"worst.example" in path.read_bytes() for path in left)


@pytest.mark.ring("night")
async def test_a_retired_list_is_not_served_any_more(installation: Installation, context: Context) -> None:
    await open_worst(installation, context)
    async with client(context) as asks:
        assert (await asks.get("/servicio/listas/worst-of/names.txt")).status_code == 200
        installation.write_policy("feeds.yaml", WITHOUT)
        await adoption.retire(context, "worst-of", reason="the authority withdrew it")
        assert (await asks.get("/servicio/listas/worst-of/names.txt")).status_code == 200  # it is in force
        await adoption.retire(as_person(context, "bob"), "worst-of", reason="seen the letter")
        assert await statuses(asks) == GONE, "at the very next request"
        await withdrawing.sweep(context)
        assert await statuses(asks) == WITHDRAWN


async def test_no_list_is_served_while_the_store_cannot_be_read(
    installation: Installation, context: Context
) -> None:
    await open_worst(installation, context)
    async with client(context) as asks:
        assert (await asks.get("/servicio/listas/worst-of/names.txt")).status_code == 200
        store = database_path(context.settings.store.url)
        store.rename(store.with_suffix(".away"))
        for path in ("worst-of/names.txt", "adult-starter/names.txt"):
            assert (await asks.get(f"/servicio/listas/{path}")).status_code == 503

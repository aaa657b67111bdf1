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
from filterd.operations.feeds import updating
from filterd.operations.publishing.publish import publish
from filterd.operations.service_page.gathering import service_facts
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import Translations
from filterd.web.public import routes
from tests.worlds.installation import Installation
from tests.worlds.service import SHIPPED

LISTEN = Endpoint(ip_address("127.0.0.1"), 21800)


@pytest.fixture
async def context(installation: Installation, tmp_path: Path) -> AsyncIterator[Context]:
    async with installation.open() as context:
        own = replace(context.settings.publish, directory=tmp_path / "published")
        yield replace(context, settings=replace(context.settings, publish=own))


def client(context: Context) -> httpx.AsyncClient:
    web = WebSettings(None, None, public=PagesSettings(LISTEN, 100))
    app = make_pages(routes(), PagesState(context, web, Templates(Translations())))
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

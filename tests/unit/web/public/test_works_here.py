"""``/funciona``: the page, the stylesheets by which a browser tells itself what is open, and the facts."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from filterd.model.subscriber import RequestEvidence
from filterd.operations import subscribers, suspension
from filterd.operations.context import Context
from filterd.operations.works_here import ConnectionKind
from filterd.web.pages.application import make_pages
from filterd.web.public.works_here import WorksHere
from tests.unit.web.public.conftest import BASE, TRANSLATIONS, ZONE, PublicPages

PORT = ":21298"


async def test_the_page_asks_for_one_name_and_allows_the_zone_alone(pages: PublicPages) -> None:
    reply = await pages.client().get("/funciona")
    assert reply.status_code == 200
    assert f'<link rel="stylesheet" href="//abierto.{ZONE}{PORT}/funciona/p/abierto.css">' in reply.text
    assert f"style-src 'self' *.{ZONE}{PORT};" in reply.headers["content-security-policy"]
    assert "unsafe" not in reply.headers["content-security-policy"]
    for title in ("Adultos", "Apuestas", "Sitios que sirven para saltarse el filtro"):
        assert title in reply.text
    assert "<script" not in reply.text
    assert "set-cookie" not in reply.headers
    assert len(reply.content) < 150_000


async def test_the_outer_stylesheet_imports_every_part(pages: PublicPages) -> None:
    client = pages.client()
    outer = await client.get("/funciona/p/abierto.css", headers={"Host": f"abierto.{ZONE}{PORT}"})
    assert outer.headers["content-type"].startswith("text/css")
    assert outer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert outer.headers["cache-control"] == "no-store"
    for label in ("filtro", "adult", "gambling", "atajos"):
        assert f'@import url("//{label}.{ZONE}{PORT}/funciona/p/{label}.css");' in outer.text
        inner = await client.get(f"/funciona/p/{label}.css")
        assert f".probe-{label} .probe-open" in inner.text
    assert outer.text.rindex("@import") < outer.text.index(".probe-wait")


@pytest.mark.parametrize("label", ["other", "adult%0a", "..%2f..%2fetc", "x{}y", "ADULT"])
async def test_what_is_no_part_has_no_stylesheet(pages: PublicPages, label: str) -> None:
    assert (await pages.client().get(f"/funciona/p/{label}.css")).status_code == 404


async def test_without_a_zone_the_page_says_so(pages: PublicPages) -> None:
    assert pages.state.web.public is not None
    public = replace(pages.state.web.public, test_zone="")
    pages.state.web = replace(pages.state.web, public=public)
    reply = await pages.client().get("/funciona")
    assert "no ha puesto la prueba automática" in reply.text
    assert TRANSLATIONS.of("es").text("works.why.private.a") in reply.text
    assert "/p/abierto.css" not in reply.text
    assert (await pages.client().get("/funciona/p/filtro.css")).status_code == 404


async def test_by_hand_a_name_says_whether_it_should_open(pages: PublicPages) -> None:
    client = pages.client()
    closed = await client.get("/funciona/abierta", headers={"Host": f"filtro.{ZONE}{PORT}"})
    assert "este aparato no pasa por el filtro" in closed.text
    control = await client.get("/funciona/abierta", headers={"Host": f"abierto.{ZONE}{PORT}"})
    assert "siempre se abre" in control.text


@pytest.mark.parametrize("kind", ConnectionKind)
@pytest.mark.parametrize("language", ["es", "en"])
async def test_each_connection_has_words(pages: PublicPages, kind: ConnectionKind, language: str) -> None:
    asked: list[str] = []

    async def tell(_context: Context, address: str) -> ConnectionKind:
        asked.append(address)
        return kind

    app = make_pages(WorksHere(tell).routes(), pages.state)
    transport = httpx.ASGITransport(app, client=("192.0.2.9", 40_000))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        reply = await client.get("/funciona", headers={"Accept-Language": language})
    words = TRANSLATIONS.of(language)
    for answer in ("yes", "no"):
        assert words.text(f"works.{answer}.{kind.value}") in reply.text.replace("&#39;", "'")
    assert (asked, "192.0.2.9" in reply.text) == (["192.0.2.9"], False)


async def test_a_filter_that_is_stopped_for_all_is_not_said_to_be_on(pages: PublicPages) -> None:
    await subscribers.add(pages.context, "home", prefixes=("10.0.0.1/32",))
    evidence = RequestEvidence("the holder", "counter", pages.context.clock(), "1", "ticket 1")
    await subscribers.opt_in(pages.context, "home", "child", evidence)
    on = await pages.client("10.0.0.1").get("/funciona")
    assert TRANSLATIONS.of("es").text("works.no.filtered") in on.text
    await suspension.suspend(pages.context, 3_600, reason="a list closed too much")
    stopped = await pages.client("10.0.0.1").get("/funciona")
    assert TRANSLATIONS.of("es").text("works.no.suspended") in stopped.text

"""Hosts: pages answer under names of ours alone, so that a site that rebinds its name to us reads nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from filterd.config.service_settings import ServiceSettings
from filterd.config.value_types import Endpoint, parse_public_url
from filterd.config.web_settings import ApiSettings, PagesSettings, WebSettings
from filterd.web.api.application import make_api
from filterd.web.listening.connections import listen, server
from filterd.web.listening.hosts import answering, own_hosts
from filterd.web.sites import page_sites
from tests.worlds.examples import examples
from tests.worlds.installation import Installation

OURS = "https://filtro.isp.example"
LISTEN = Endpoint(ip_address("127.0.0.1"), 8080)
EVIL = "rebound.evil.example"


async def _told(scope: Scope, receive: Receive, send: Send) -> None:
    """A page that says what it was asked for."""
    request = Request(scope)
    await PlainTextResponse(f"the page {request.url.path} of {request.headers['host']}")(scope, receive, send)


Ask = Callable[[bytes], Awaitable[tuple[int, bytes]]]


@asynccontextmanager
async def served(app: ASGIApp, address: str = "127.0.0.1") -> AsyncIterator[Ask]:
    """The application behind the real server; what asks it with the bytes of a request head."""
    made = server(app, 8)
    with listen(address, 0) as bound:
        task = asyncio.create_task(made.serve(sockets=[bound]))

        async def ask(head: bytes) -> tuple[int, bytes]:
            reader, writer = await asyncio.open_connection(address, bound.getsockname()[1])
            writer.write(head.replace(b"\n", b"\r\n") + b"\r\nConnection: close\r\n\r\n")
            reply = await reader.read()
            writer.close()
            return int(reply.split(b" ", 2)[1]), reply

        yield ask
        made.should_exit = True
        await task


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /inicio HTTP/1.1\nHost: filtro.isp.example", 200),
        (b"GET /inicio HTTP/1.1\nHost: FILTRO.isp.Example", 200),
        (b"GET /inicio HTTP/1.1\nHost: filtro.isp.example.", 200),
        (b"GET /inicio HTTP/1.1\nHost: filtro.isp.example:8443", 200),
        (b"GET /inicio HTTP/1.1\nHost: filtro.isp.example:", 200),
        (b"GET /inicio HTTP/1.0\nHost: filtro.isp.example", 200),
        (b"GET http://filtro.isp.example/inicio HTTP/1.1\nHost: filtro.isp.example", 200),
        (b"GET HTTPS://Filtro.isp.example:8443/inicio HTTP/1.1\nHost: filtro.isp.example", 200),
        (b"GET /inicio HTTP/1.1\nHost: juegos.prueba.isp.example", 200),
        (b"GET /inicio HTTP/1.1\nHost: prueba.isp.example:80", 200),
        (b"GET /inicio HTTP/1.1\nHost: rebound.evil.example", 421),
        (b"HEAD /inicio HTTP/1.1\nHost: rebound.evil.example", 421),
        (b"GET /inicio HTTP/1.1\nHost: filtro.isp.example.evil.example", 421),
        (b"GET /inicio HTTP/1.1\nHost: xfiltro.isp.example", 421),
        (b"GET /inicio HTTP/1.1\nHost: x.filtro.isp.example", 421),
        (b"GET /inicio HTTP/1.1\nHost: xprueba.isp.example", 421),
        (b"GET /inicio HTTP/1.1\nHost: 127.0.0.1", 421),
        (b"GET /inicio HTTP/1.1\nHost: localhost", 421),
        (b"GET /inicio HTTP/1.1\nHost: [::1]:8080", 421),
        (b"GET http://rebound.evil.example/inicio HTTP/1.1\nHost: filtro.isp.example", 421),
        (b"GET http://filtro.isp.example/inicio HTTP/1.1\nHost: rebound.evil.example", 421),
        (b"GET /inicio HTTP/1.1\nHost: rebound.evil.example\nX-Forwarded-Host: filtro.isp.example", 421),
        (b"GET /inicio HTTP/1.1\nHost: rebound.evil.example\nForwarded: host=filtro.isp.example", 421),
        (b"GET /inicio HTTP/1.0\nAccept: */*", 400),
        (b"GET /inicio HTTP/1.1\nAccept: */*", 400),
        (b"GET /inicio HTTP/1.1\nHost:", 400),
        (b"GET /inicio HTTP/1.1\nHost: filtro.isp.example\nHost: filtro.isp.example", 400),
        (b"GET /inicio HTTP/1.0\nHost: filtro.isp.example\nHost: rebound.evil.example", 400),
        (b"GET /inicio HTTP/1.1\nHost: a@filtro.isp.example", 400),
        (b"GET /inicio HTTP/1.1\nHost: filtro.isp.example, rebound.evil.example", 400),
        (b"GET /inicio HTTP/1.1\nHost: filtro.isp.example:80:80", 400),
        (b"GET /inicio HTTP/1.1\nHost: filtro.isp.example/", 400),
        (b"GET /inicio HTTP/1.1\nHost: <script>alert(1)</script>", 400),
        (b"GET filtro.isp.example HTTP/1.1\nHost: filtro.isp.example", 400),
        (b"GET ftp://filtro.isp.example/ HTTP/1.1\nHost: filtro.isp.example", 400),
        (b"OPTIONS * HTTP/1.1\nHost: filtro.isp.example", 400),
    ],
)
async def test_pages_answer_under_their_own_names_alone(head: bytes, status: int) -> None:
    async with served(answering(_told, own_hosts([OURS], "prueba.isp.example"))) as ask:
        found, reply = await ask(head)
    assert found == status
    assert (b"the page /inicio of " in reply) == (status == 200)
    assert b"evil" not in reply
    assert b"script" not in reply


@pytest.mark.parametrize(
    ("address", "host", "status"),
    [
        ("127.0.0.1", b"127.0.0.1", 200),
        ("127.0.0.1", b"127.0.0.1:9", 200),
        ("127.0.0.1", b"localhost:9", 200),
        ("127.0.0.1", b"LOCALHOST.", 200),
        ("127.0.0.1", b"[::ffff:127.0.0.1]", 200),
        ("127.0.0.1", b"127.0.0.2", 421),
        ("127.0.0.1", b"[::1]", 421),
        ("127.0.0.1", b"a.localhost", 421),
        ("127.0.0.1", b"rebound.evil.example", 421),
        ("::1", b"[::1]:9", 200),
        ("::1", b"[0:0:0:0:0:0:0:1]", 200),
        ("::1", b"localhost", 200),
        ("::1", b"[::2]", 421),
        ("::1", b"::1", 400),
        ("::1", b"[::1", 400),
    ],
)
async def test_without_a_public_url_the_address_of_the_connection_counts(
    address: str, host: bytes, status: int
) -> None:
    async with served(answering(_told, own_hosts([""])), address) as ask:
        found, reply = await ask(b"GET / HTTP/1.1\nHost: " + host)
    assert found == status
    assert (b"the page / of " in reply) == (status == 200)


@pytest.mark.parametrize("url", ["http://127.0.0.1:5380", "http://localhost:5382", "http://[::1]:5380"])
@pytest.mark.parametrize("server_address", ["127.0.0.1", "192.0.2.10"])
async def test_a_demonstration_opens_by_loopback_and_by_the_address_of_the_network(
    url: str, server_address: str
) -> None:
    own = own_hosts([url])
    assert own.has("localhost", ip_address(server_address))
    assert own.has(ip_address(server_address), ip_address(server_address))
    assert not own.has("rebound.evil.example", ip_address(server_address))
    assert not own.has(ip_address("192.0.2.11"), ip_address(server_address))


def _get(app: ASGIApp, host: str, path: str, **headers: str) -> Awaitable[httpx.Response]:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"https://{host}")
    return client.get(path, headers=headers)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("portal", "/portal"),
        ("public", "/funciona"),
        ("desk", "/desk"),
        ("regulator", "/regulator"),
        ("portal", "/static/house.css"),
    ],
)
async def test_each_site_of_pages_gives_a_rebound_name_nothing(
    installation: Installation, name: str, path: str
) -> None:
    installation.settings = replace(
        installation.settings, service=ServiceSettings(public_url="https://spoken.isp.example")
    )
    async with installation.open() as context:
        portal, public, desk, regulator = (
            PagesSettings(Endpoint(LISTEN.address, LISTEN.port + at), 8, f"https://{each}.isp.example")
            for at, each in enumerate(("portal", "public", "desk", "regulator"))
        )
        public = replace(public, test_zone="prueba.isp.example")
        web = WebSettings(
            None,
            None,
            (ip_network("127.0.0.0/8"),),
            portal=portal,
            public=public,
            desk=desk,
            regulator=regulator,
        )
        sites = {site.name: site for site in page_sites(context, web)[0]}
        app = sites[name].app
        own = await _get(app, f"{name}.isp.example", path)
        assert own.status_code in {200, 303}
        for foreign in (EVIL, "other.isp.example", "127.0.0.1", "localhost"):
            reply = await _get(app, foreign, path, **{"X-Forwarded-Host": f"{name}.isp.example"})
            assert reply.status_code == 421
            assert "public_url" in reply.text
            assert "isp.example" not in reply.text
            assert reply.headers["content-type"] == "text/plain; charset=utf-8"
        also = await _get(app, "spoken.isp.example", path)
        assert also.status_code == (own.status_code if name == "public" else 421)
        test_name = await _get(app, "abierto.prueba.isp.example", path)
        assert test_name.status_code == (own.status_code if name == "public" else 421)
        counts = sites[name].counts
        assert counts is not None
        assert counts.copied()["421"] >= 4


async def test_pages_that_share_a_listener_answer_under_the_names_of_both(installation: Installation) -> None:
    async with installation.open() as context:
        web = WebSettings(
            None,
            None,
            portal=PagesSettings(LISTEN, 8, "https://portal.isp.example"),
            public=PagesSettings(LISTEN, 8, "https://public.isp.example"),
        )
        (site,), _ = page_sites(context, web)
        for host, status in (("portal.isp.example", 200), ("public.isp.example", 200), (EVIL, 421)):
            assert (await _get(site.app, host, "/portal")).status_code == status


@pytest.mark.ring("night")
async def test_the_api_answers_under_any_name_to_who_has_a_token(installation: Installation) -> None:
    async with installation.open() as context:
        app, _ = make_api(context, 50, WebSettings(ApiSettings(LISTEN, 8, 50), None))
        assert (await _get(app, EVIL, "/api/v1/profiles")).status_code == 401
        assert (await _get(app, EVIL, "/api/openapi.json")).status_code == 200


LABELS = st.text("aZ09-._\u00f1", min_size=0, max_size=4)
URLS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["https", "http"]),
    st.one_of(
        st.builds("{}.isp.example".format, LABELS),
        st.text("aA01.:[]-_%@\u00f1\u3002 \t", max_size=8),
        st.ip_addresses(v=4).map(str),
        st.ip_addresses(v=6).map("[{}]".format),
        st.lists(st.integers(0, 300).map(str), min_size=1, max_size=5).map(".".join),
        st.text("0:f.", max_size=6).map("[{}]".format),
    ),
    st.sampled_from(["", ":", ":443", ":8443", ":0", ":65536", ":99999"]),
    st.sampled_from(["", "/", "//", "/a", "?", "#"]),
)


async def _status(public_url: str, host: str) -> int:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"host", host.encode("ascii"))],
        "server": ("192.0.2.10", 443),
    }
    await answering(_told, own_hosts([public_url]))(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize("url", ["https://[::1]x", "https://x[::1]", "https://[::1].", "https://[::1]x:443"])
def test_nothing_stands_beside_the_brackets(url: str) -> None:
    with pytest.raises(ValueError, match="not a public URL"):
        parse_public_url(url)


@settings(max_examples=examples(200))
@given(URLS)
@example("https://[1.2.3.4]")
@example("https://[:::]")
@example("https://[::1]")
@example("https://....")
@example("https://.")
@example("https://-.example")
@example("https://1.2.3")
@example("https://filtro.0x10")
@example("https://filtro.isp.example:65536")
@example("https://b\u00fasqueda.isp.example:8443/")
@example("https://Filtro.ISP.example./")
def test_what_the_configuration_takes_is_the_host_that_browsers_name(url: str) -> None:
    """Pages start with each URL that is taken. They answer the host that a browser sends for it, and no
    other."""
    try:
        taken = parse_public_url(url)
    except ValueError as error:
        assert "not a public URL" in str(error)
        return
    host = URL(url).host_subcomponent or ""
    assert asyncio.run(_status(taken, host)) == 200
    assert asyncio.run(_status(taken, f"{host}:8443")) == 200
    assert URL(taken).host_subcomponent == host.removesuffix(".")
    own = asyncio.run(_status(taken, "192.0.2.10"))
    assert own == (200 if host == "192.0.2.10" or URL(taken).host in ("127.0.0.1", "::1") else 421)
    for other in (
        EVIL,
        f"x{host.strip('[]').replace(':', '')}",
        f"{host.strip('[]').replace(':', '')}.example",
    ):
        assert asyncio.run(_status(taken, other)) == 421

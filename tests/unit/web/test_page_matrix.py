"""Every page with every visitor: the rows below say who may open it or send its form, and are complete.

The paths come from the routing tables of the applications, so that a page without a row fails. The API has
its own table (``api/test_matrix.py``), by whose roles the pages of the desk go.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import product

import httpx
import pytest
from starlette.routing import Route
from starlette.types import ASGIApp

from filterd.config.portal_settings import PortalSettings
from filterd.config.value_types import parse_endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.model.token import TokenRole
from filterd.operations import snapshots, subscribers, tokens
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.portal import links
from filterd.operations.service_page import records
from filterd.operations.tokens import TokenRequest
from filterd.telemetry.http import HttpReply, HttpServer, health_routes
from filterd.web.block.application import BlockApp
from filterd.web.block.kinds import PageKind
from filterd.web.block.rendering import BlockReply
from filterd.web.desk.room import DESK
from filterd.web.pages.form_pages import page_of_form
from filterd.web.pages.translations import LANGUAGES
from filterd.web.published.site import render
from filterd.web.regulator.room import REGULATOR
from filterd.web.sites import ROUTES, page_sites
from tests.meta.test_known_failures import ROOT
from tests.unit.web.api.test_matrix import MATRIX
from tests.unit.web.desk.test_desk_roles import ALIKE, OPEN
from tests.worlds.installation import NOW, Installation
from tests.worlds.locked import locked
from tests.worlds.page_words import translations
from tests.worlds.service import provided

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PORTS = {"portal": 21_400, "public": 21_298, "desk": 21_500, "regulator": 21_600}
HOLDER, ELSEWHERE = "holder of home", "holder of another line"
ANYBODY = frozenset({"anybody"})
HOLDERS = frozenset({HOLDER})
AGENTS = frozenset(each.value for each in DESK.roles)
OVERSEERS = frozenset(each.value for each in REGULATOR.roles)
Call = tuple[str, str]
"""method and path"""

PORTAL = """
GET /portal
GET POST /portal/entrar
POST /portal/pin
GET /portal/openid
GET /portal/openid/empezar
POST /portal/salir
GET /portal/quitado
"""
LINE = """
GET
GET POST /encender
GET /listo
POST /aceptar
GET POST /quitar
GET POST /pausa
POST /seguir
GET POST /cerrar
POST /abrir
GET /edad
GET POST /edad/nueva
GET POST /temas
GET POST /aplicaciones
GET POST /busqueda
GET POST /atajos
GET POST /sitios
POST /sitios/quitar
GET /horas
GET /horas/nueva
GET /horas/{slot:number}
POST /horas/guardar
POST /horas/quitar
POST /horas/lista
POST /horas/como-edad
POST /horas/dias
POST /horas/reloj
GET /cambios
GET POST /pin
GET POST /proteccion
GET POST /codigo
GET /cartel
GET /datos
POST /datos/copia
"""
PUBLIC = """
GET /
GET /servicio
GET /servicio/
GET /servicio/{file}
GET /servicio/declaracion
GET /servicio/declaracion/{file}.json
GET /servicio/claves.pem
GET /servicio/claves-constancias.pem
GET /servicio/transparencia
GET /servicio/transparencia.csv
GET /servicio/transparencia.json
GET /servicio/listas
GET /servicio/listas/{file}
GET /servicio/listas/{list}/{file}
GET /service
GET /service/
GET /service/{file}
GET /service/statement
GET /service/statement/{file}.json
GET /service/keys.pem
GET /service/receipt-keys.pem
GET /service/transparency
GET /service/transparency.csv
GET /service/transparency.json
GET /service/lists
GET /service/lists/{file}
GET /service/lists/{list}/{file}
GET POST /revision
GET POST /revision/folio
POST /revision/inconformidad
GET /revision/inconformidad
GET /funciona
GET /funciona/abierta
GET /funciona/p/{label}.css
"""
SIGN_IN = """
GET POST /{room}/sign-in
POST /{room}/sign-in/passkey
"""
OVERSIGHT = """
GET /regulator
GET /regulator/questions
GET /regulator/orders
GET /regulator/orders/{reference}
POST /regulator/orders/{reference}/receipt
GET /regulator/deadlines
GET /regulator/nodes
GET /regulator/lists-on-nodes
GET /regulator/lists
GET /regulator/grounds
GET /regulator/exceptions
GET /regulator/enforcement
GET /regulator/people
GET /regulator/reports
GET /regulator/reports/file
GET /regulator/published
GET /regulator/published/{number:number}.zip
GET /regulator/statements/{day}.json
GET /regulator/downloads
POST /regulator/downloads/audit
POST /regulator/downloads/pack
GET /regulator/downloads/keys/{purpose}.pem
GET /regulator/downloads/verify-export.py
GET /regulator/verify
POST /regulator/sign-out
GET POST /regulator/passkeys
POST /regulator/passkeys/new
GET POST /regulator/passkeys/revoke
"""


def _calls(text: str, base: str = "") -> Iterator[Call]:
    for row in text.strip().splitlines():
        words = row.split()
        path = words.pop() if words[-1].startswith("/") else ""
        yield from ((method, base + path) for method in words)


def _rows() -> dict[str, dict[Call, frozenset[str]]]:
    """Room -> its calls, each with the visitors who may make it."""
    rooms: dict[str, dict[Call, frozenset[str]]] = {
        "portal": dict.fromkeys(_calls(PORTAL), ANYBODY)
        | {("GET", "/portal/filtro"): HOLDERS}
        | dict.fromkeys(_calls(LINE, "/portal/filtro/{place:number}"), HOLDERS),
        "public": dict.fromkeys(_calls(PUBLIC), ANYBODY),
        "desk": dict.fromkeys(OPEN, AGENTS)
        | {page: AGENTS & {role.value for role in MATRIX[call].roles} for page, call in ALIKE.items()},
        "regulator": dict.fromkeys(_calls(OVERSIGHT), OVERSEERS),
    }
    for room in ("desk", "regulator"):
        rooms[room] |= dict.fromkeys(_calls(SIGN_IN.format(room=room)), ANYBODY)
    return rooms


ROWS = _rows()
LATER = ("Nothing was changed", "No se cambió nada")
FILLED = {
    "{place:number}": "1",
    "{slot:number}": "0",
    "{number:number}": "1",
    "{id:path}": "home",
    "{reference}": "O-1",
    "{day}": "2027-01-15",
    "{purpose}": "checkpoint",
    "{file}": "index",
    "{list}": "adult-starter",
    "{label}": "x",
}


def filled(path: str, place: str = "1") -> str:
    """The path of a page with its parts; ``place``: of the line among the holder's."""
    for name, value in (FILLED | {"{place:number}": place}).items():
        path = path.replace(name, value)
    return path


_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
NOTED = ("portal_session", "token")
"""tables that have when something was used last"""


@dataclass
class Visitor:
    """Somebody with a browser for each room."""

    name: str
    clients: dict[str, httpx.AsyncClient]
    csrf: dict[str, str] = field(default_factory=dict)
    """of the session of a room, where there is one"""

    def may(self, who: frozenset[str]) -> bool:
        """Return whether the visitor is among these."""
        return who == ANYBODY or self.name in who


@dataclass
class House:
    """The sites of the web process over one installation, and those who come to them."""

    context: Context
    installation: Installation
    sites: dict[str, ASGIApp]
    open: AsyncExitStack
    visitors: dict[str, Visitor] = field(default_factory=dict)

    async def visitor(self, name: str, headers: dict[str, str] | None = None) -> Visitor:
        """Somebody who is signed in nowhere."""
        clients = {}
        for room, app in self.sites.items():
            transport = httpx.ASGITransport(app, client=("203.0.113.7", 40_000))
            client = httpx.AsyncClient(transport=transport, base_url=f"https://{room}.test", headers=headers)
            clients[room] = await self.open.enter_async_context(client)
        self.visitors[name] = made = Visitor(name, clients)
        return made

    async def agent(self, role: TokenRole) -> Visitor:
        """Somebody with a token of a role, who has tried to sign in to both rooms with it."""
        made = await self.visitor(role.value)
        secret = (await tokens.add(self.context, TokenRequest("daemon", role))).secret
        for room in (DESK, REGULATOR):
            client = made.clients[room.name]
            reply = await client.post(room.sign_in, data={"token": secret})
            assert (reply.status_code == 303) == (role in room.roles), (role, room.name)
            if role in room.roles:
                found = _CSRF.search((await client.get(f"/{room.name}/passkeys")).text)
                made.csrf[room.name] = found[1] if found else ""
        return made

    async def holder(self, name: str, line: str) -> Visitor:
        """Somebody who is signed in to the portal for a line."""
        made = await self.visitor(name)
        client = made.clients["portal"]
        issued = await links.issue(self.context, line)
        shown = await client.get(issued.url.removeprefix("https://portal.test"))
        form = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', shown.text))
        reply = await client.post("/portal/entrar", data=form)
        assert reply.status_code == 303, reply.text
        found = _CSRF.search((await client.get("/portal/filtro/1/pausa")).text)
        assert found is not None
        made.csrf["portal"] = found[1]
        return made

    async def ask(self, visitor: Visitor, room: str, call: Call, place: str = "1") -> httpx.Response:
        """Open a page, or send a form that has the token of the visitor's own session."""
        self.installation.now += 0.1  # a session has a limit of requests in a second
        method = call[0]
        path = filled(call[1], place)
        client = visitor.clients[room]
        if method == "GET":
            return await client.get(path, params={"line": "home", "id": "home", "edad": "child"})
        line = "" if path == "/desk/why" else "home"
        form = {"csrf": visitor.csrf.get(room, ""), "line": line}
        return await client.request(method, path, data=form if method == "POST" else None)

    def state(self) -> str:
        """A digest of what the store holds, but for when something was used last."""
        with closing(sqlite3.connect(self.installation.database)) as store:
            names = store.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            tables = [name for (name,) in names if name not in NOTED]
            rows = [store.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables]  # noqa: S608 - names of the schema
        return hashlib.sha256(repr(rows).encode()).hexdigest()


async def _furnish(context: Context) -> None:
    """Two lines, of which one opted in; lists, an order, a snapshot and the published pages."""
    evidence = RequestEvidence("holder", "counter", NOW, "2026-11", "ticket 1")
    for line in ("home", "other"):
        await subscribers.add(context, line, zone="America/Mexico_City")
        await subscribers.opt_in(context, line, "child", evidence)
    await updating.update(context)
    order = OrderRequest("sat", "A. Official", "D-1", "liva-18h", "demanded", (("a.example", Scope.SUBTREE),))
    await taking.add(context, order)
    await snapshots.build(context)
    await records.publish(context, render)


@asynccontextmanager
async def furnished(
    installation: Installation, prepared: Callable[[Context], Context] = provided
) -> AsyncIterator[House]:
    """The sites over an installation, and visitors of every kind."""
    for name in ("consent/2026-11.yaml", "desk/2026-11.yaml", "jurisdictions/mx.yaml"):
        installation.write_policy(name, (ROOT / "policies" / name).read_text())
    pages = {
        room: PagesSettings(parse_endpoint(f"127.0.0.1:{port}"), 100, f"https://{room}.test")
        for room, port in PORTS.items()
    }
    web = WebSettings(
        None,
        None,
        portal=pages["portal"],
        public=pages["public"],
        desk=pages["desk"],
        regulator=pages["regulator"],
        sign_in=PortalSettings("https://portal.test"),
    )
    installation.settings = replace(installation.settings, web=web)
    async with AsyncExitStack() as stack:
        context = prepared(await stack.enter_async_context(installation.open(approvals=1)))
        await _furnish(context)
        sites, _ = page_sites(context, web)
        made = House(context, installation, {each.name: each.app for each in sites}, stack)
        await _invite(made)
        yield made


@pytest.fixture
async def house(installation: Installation) -> AsyncIterator[House]:
    """The sites, and visitors of every kind."""
    async with furnished(installation) as made:
        yield made


async def _invite(house: House) -> None:
    await house.visitor("nobody")
    for role in TokenRole:
        await house.agent(role)
    await house.holder(HOLDER, "home")
    await house.holder(ELSEWHERE, "other")
    secret = (await tokens.add(house.context, TokenRequest("daemon", TokenRole.OPERATOR))).secret
    await house.visitor("token as bearer", {"Authorization": f"Bearer {secret}"})
    jars = {
        room: dict(house.visitors[who].clients[room].cookies)
        for room, who in (("portal", HOLDER), ("desk", "operator"), ("regulator", "regulator"))
    }
    names = [name for jar in jars.values() for name in jar]
    await house.visitor("token as cookie", {"Cookie": "; ".join(f"{name}={secret}" for name in names)})
    made = await house.visitor("session of another room")
    for room, other in (("portal", "desk"), ("desk", "regulator"), ("regulator", "portal")):
        for value in jars[other].values():
            made.clients[room].headers["Cookie"] = "; ".join(f"{name}={value}" for name in names)


def _every(house: House) -> Iterable[tuple[Visitor, str, Call, bool]]:
    for visitor in house.visitors.values():
        for room, calls in ROWS.items():
            for call, who in calls.items():
                yield visitor, room, call, visitor.may(who)


def _routes(room: str) -> list[Route]:
    found = [each for each in ROUTES[room]() if isinstance(each, Route)]
    assert len(found) == len(ROUTES[room]()), "a route of a kind that the table does not know"
    return found


@pytest.mark.parametrize("room", ROUTES)
def test_the_table_has_every_page_and_no_other(room: str) -> None:
    routed = {
        (method, each.path)
        for each in _routes(room)
        for method in (each.methods or METHODS)
        if each.endpoint is not page_of_form and (method != "HEAD" or "GET" not in (each.methods or ()))
    }
    assert routed == ROWS[room].keys()


async def test_who_may_not_gets_nothing_and_changes_nothing(house: House) -> None:
    """Nor does a form without the token of its own session, as another site would send it, and no page takes
    another method than its own."""
    before = house.state()
    for visitor, room, call, may in _every(house):
        if not may:
            reply = await house.ask(visitor, room, call, "2" if visitor.name == ELSEWHERE else "1")
            assert reply.status_code in (303, 403, 404), (visitor.name, room, call, reply.status_code)
    assert house.state() == before
    await _forms_are_forged(house)
    assert house.state() == before
    await _other_methods_are_refused(house)
    assert house.state() == before


async def _forms_are_forged(house: House) -> None:
    for visitor, room, call, may in _every(house):
        if may and call[0] == "POST" and ROWS[room][call] != ANYBODY:
            visitor.csrf[room] = "forged"
            reply = await house.ask(visitor, room, call)
            assert 400 <= reply.status_code < 500, (visitor.name, room, call, reply.status_code)


async def _other_methods_are_refused(house: House) -> None:
    for room in ROUTES:
        visitor = house.visitors[HOLDER if room == "portal" else "operator"]
        taken: dict[str, set[str]] = {}
        for route in _routes(room):
            taken.setdefault(route.path, set()).update(route.methods or ())
        for path, methods in taken.items():
            for method in (each for each in METHODS if each not in methods):
                reply = await house.ask(visitor, room, (method, path))
                assert reply.status_code == 405, (room, method, path, reply.status_code)


@pytest.mark.ring("merge")
async def test_who_may_gets_an_answer_and_with_a_locked_store_after_one_wait(house: House) -> None:
    """Pages are shown as ever; what writes says to try again, and that nothing was changed."""
    calls = [(room, call, who) for room, rows in ROWS.items() for call, who in rows.items()]
    calls.sort(key=lambda each: (each[1][1].endswith("sign-out"), each[:2]))
    ways = [(room, call, one_of(house, room, who)) for room, call, who in calls]
    shown = {}
    for room, call, visitor in ways:
        if call[0] == "GET":
            shown[room, call] = (await house.ask(visitor, room, call)).status_code
            assert shown[room, call] < 500, (room, call)
    before = house.state()
    waited = 0
    with locked(house.context.store, house.installation.database) as tries:
        for room, call, visitor in ways:
            tries.clear()
            reply = await house.ask(visitor, room, call)
            assert len(tries) <= 1, (room, call)
            waited += len(tries)
            if reply.status_code == 503:
                assert "Retry-After" in reply.headers, (room, call)
                assert any(each in reply.text for each in LATER), (room, call, reply.text)
            else:
                assert reply.status_code < 500, (room, call, reply.status_code)
                found = shown.get((room, call), 404)  # 404: another call may have made it since
                assert found in (404, reply.status_code), (room, call, reply.status_code)
    assert house.state() == before
    assert waited > 10
    for visitor, room, call, may in _every(house):
        if may and call[0] == "POST" and not call[1].endswith(("sign-out", "salir")):
            reply = await house.ask(visitor, room, call)
            assert reply.status_code < 500, (visitor.name, room, call, reply.status_code)


def one_of(house: House, room: str, who: frozenset[str]) -> Visitor:
    """A visitor who may make a call."""
    able = house.visitors["nobody"] if who == ANYBODY else None
    return able or next(each for each in house.visitors.values() if each.name in who and each.csrf.get(room))


def _reply() -> HttpReply:
    return HttpReply(b"", HTTPStatus.OK)


async def test_health_pages_are_read_alone() -> None:
    """Nobody is known on their listener: they show what they show, and take nothing."""
    routes = health_routes(_reply, list)
    server = HttpServer("127.0.0.1", 0, routes)
    server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            for path, method in product([*routes, "/none"], METHODS):
                reply = await client.request(method, path)
                read = 200 if path in routes else 404
                assert reply.status_code == (read if method in ("GET", "HEAD") else 405), (method, path)
    finally:
        server.stop()


async def test_a_block_page_says_the_same_to_everybody() -> None:
    """Whatever the path, and whoever asks: it is never a page that was found, and takes nothing."""
    pages = {(kind, language): BlockReply(403, (), b"page") for kind in PageKind for language in LANGUAGES}
    transport = httpx.ASGITransport(BlockApp(pages, {}, translations()))
    known = {"Accept": "text/html", "Authorization": "Bearer x", "Cookie": "filterd_desk=x"}
    async with httpx.AsyncClient(transport=transport, base_url="http://blocked.example") as client:
        for path, method in product(
            ("/", "/desk", "/portal/filtro/1", "/api/v1/orders", "/healthz"), METHODS
        ):
            plain = await client.request(method, path, headers={"Accept": "text/html"})
            again = await client.request(method, path, headers=known)
            assert plain.status_code == again.status_code == (403 if method in ("GET", "HEAD") else 405)
            assert plain.content == again.content

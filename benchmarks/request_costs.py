"""What the worst requests cost: each call of the API, each page and each listener of the web process.

``make request-costs`` opens the API and the pages over an installation with 2,000 lines, 1,000 orders (one
of 10,000 names) and 500 reviews, without sockets, and sends each call the requests that are generated for it:
the largest that may be right, wrong ones as large as they may be, what is no document, long paths, queries
and headers, and those without a right. Each is sent several times and the least of its figures counts; the
tables have the worst of the requests that were accepted (2xx, 3xx) and the worst of those that were refused:

- ``processor``: milliseconds of the process, the threads of the store among them;
- ``loop``: milliseconds of processor for which the event loop did one thing, the longest such time of the
  request. Whatever else the process serves waits for it.

Listeners get theirs over a socket, from a client that is another process. ``--write`` puts the tables into
``docs/request-costs.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from asyncio import events
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import httpx
from starlette.types import ASGIApp

from filterd.model.rule import Scope
from filterd.model.token import TokenRole
from filterd.operations import tokens
from filterd.operations.context import Context
from filterd.operations.kept_meanings import KeptMeanings
from filterd.operations.kept_snapshot import KeptSnapshot
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.policies import KeptPolicies
from filterd.operations.tokens import TokenRequest
from filterd.web.api.application import make_api
from filterd.web.api.docs_page import METHODS
from filterd.web.api.limits import LARGEST_BODY
from filterd.web.api.routing import LARGEST
from filterd.web.api.streaming import LARGEST_STREAM, NDJSON
from filterd.web.block.application import BlockApp
from filterd.web.block.kinds import PageKind
from filterd.web.block.rendering import BlockReply
from filterd.web.listening.connections import listen, server
from filterd.web.listening.framing import LARGEST_HEAD
from filterd.web.pages.forms import LARGEST_FORM, MOST_FIELDS
from filterd.web.pages.translations import LANGUAGES
from tests.unit.web.api.test_matrix import MATRIX
from tests.unit.web.test_page_matrix import ROWS, House, filled, furnished, one_of
from tests.worlds.hostile_bodies import JSON, MANY_PARTS, NO_DOCUMENTS, Schema, hostile_bodies, resolved
from tests.worlds.installation import install
from tests.worlds.page_words import translations
from tests.worlds.service import provided

PAGE = Path(__file__).parents[1] / "docs" / "request-costs.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
LINES, ORDERS, REVIEWS = 2_000, 1_000, 500
MOST_NAMES = 10_000
ACCEPTED_MS, REFUSED_MS = 100.0, 20.0
FORM = "application/x-www-form-urlencoded"
LONG = 8_000
"""characters of a long path, query or header"""
PARTS = {
    "version": "2026-11", "authorisation": "A-1", "evidence": "E-1", "number": "1", "review": "1",
    "request": "R-7", "hold": "H-7", "profile": "child", "contact": "ana", "kind": "compliance",
    "register": "none", "passkey": "none", "run": "1",
}  # fmt: skip
QUERIES = {
    "/api/v1/reports/{kind}": ({"half": "2026-2"}, {"half": "2026-2", "form": "html"}),
    "/api/v1/audit/export": ({"order": "O-1"},),
    "/api/v1/evidence/pack": ({"order": "O-1"}, {"order": "O-1", "receipts": "both", "pdf": "true"}),
    "/api/v1/check": ({"name": "adult.example", "subscriber": "line-7"},),
}
"""more queries of calls that read much"""
FIELDS = ("Authorization", "If-Match", "Idempotency-Key", "Accept-Language", "X-Forwarded-For", "Cookie")
STREAMS = (
    b"\n".join(b'{"id":"w-{turn}-%d"}' % number for number in range(20_000)),
    b"\n" * 900_000,
    b"[" * 900_000,
    b"{}\n" * 100_000,
    b'{"id":1}\n' * 50_000,
)
"""rows of an import: right ones, and others"""
WORDS = (
    "id=" + "a" * LONG,
    "&" * LONG,
    "line=" + "%F0%9F" * (LONG // 8),
    "=" * LONG,
    "after=" + "9" * 300,
)
"""queries of pages"""
PAGE_HEADS = (
    ("Accept-Language", "es-MX;q=0.1," * (LONG // 13)),
    ("X-Forwarded-For", "1," * (LONG // 2)),
    ("Cookie", "a=b; " * (LONG // 5)),
    ("Accept", "text/html;q=0.1," * (LONG // 16)),
)
NO_FORMS = (
    b"a" * LARGEST_FORM,
    b"&" * LARGEST_FORM,
    b"%" * LARGEST_FORM,
    b"a=" + b"%F0" * (LARGEST_FORM // 3 - 1),
    b"a=b&" * (LARGEST_FORM // 4),
    b"a" * (LARGEST_FORM + 1),
)
Known = dict[tuple[str, str], list[tuple[str, str]]]
"""room and path -> the fields of the form that goes there"""
ITEMS = {
    "names": "n{}.list.example", "prefixes": "10.{}.{}.{}", "subscribers": "line-{}", "also": "line-{}",
    "lists": "adult-starter", "categories": "adult", "services": "chat", "add": "category:adult",
    "take": "category:gambling", "as_profile": "category:adult", "holidays": "2026-12-25",
    "workdays": "2026-12-24", "classes": "consent", "addresses": "10.200.{}.{}",
}  # fmt: skip
"""an item of each array that is right, with a number where no two may be the same"""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a row. ``{turn}`` in its path and body is another number each time it is sent,
    ``{line}`` and ``{order}`` that of a line and an order that there are."""

    row: str
    client: httpx.AsyncClient
    method: str
    path: str
    content: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """For the progress and for looking after a row that is too dear."""
        return f"{self.method} {self.path[:60]} {len(self.content)} bytes {self.content[:40]!r}"


@dataclass(slots=True)
class Cost:
    """Milliseconds of one request, or the worst of several."""

    processor: float = 0.0
    loop: float = 0.0
    title: str = ""

    def least(self, other: Cost) -> None:
        """Keep the smaller figures."""
        self.processor, self.loop = min(self.processor, other.processor), min(self.loop, other.loop)

    def most(self, other: Cost) -> None:
        """Keep the larger figures."""
        self.processor = max(self.processor, other.processor)
        if other.loop > self.loop:
            self.loop, self.title = other.loop, other.title


@dataclass(slots=True)
class Row:
    """What is known of a call, a page or a listener."""

    body: int
    """bytes of its largest body"""
    reply: int = 0
    """bytes of its largest reply"""
    accepted: Cost | None = None
    refused: Cost | None = None

    def count(self, reply: int, found: dict[bool, Cost]) -> None:
        """Add what one request cost when it was accepted (True) and when it was refused."""
        self.reply = max(self.reply, reply)
        for accepted, cost in found.items():
            name = "accepted" if accepted else "refused"
            if getattr(self, name) is None:
                setattr(self, name, Cost())
            getattr(self, name).most(cost)


class Watch:
    """The processor time of the longest step of the event loop, and of the process."""

    def __init__(self) -> None:
        self._longest = 0.0
        run = events.Handle._run  # each step of the loop goes through it

        def timed(handle: events.Handle) -> None:
            began = time.thread_time()
            run(handle)
            self._longest = max(self._longest, time.thread_time() - began)

        mock.patch.object(events.Handle, "_run", timed).start()
        self._began = 0.0

    def begin(self) -> None:
        """Measure from now on."""
        self._longest = 0.0
        self._began = time.process_time()

    def end(self) -> Cost:
        """The cost since the beginning."""
        return Cost((time.process_time() - self._began) * 1e3, self._longest * 1e3)


@dataclass
class World:
    """The applications of a web process, and their clients."""

    house: House
    api: ASGIApp
    operator: httpx.AsyncClient
    support: httpx.AsyncClient
    nobody: httpx.AsyncClient
    watch: Watch
    turns: Iterator[int]
    repeats: int


@asynccontextmanager
async def world(base: Path, repeats: int) -> AsyncIterator[World]:
    """An installation of some size, as the web process opens it."""

    def prepared(context: Context) -> Context:
        return replace(
            provided(context),
            kept_policies=KeptPolicies(),
            kept_snapshot=KeptSnapshot(),
            kept_meanings=KeptMeanings(),
        )

    async with furnished(await install(base), prepared) as house:
        api, _ = make_api(house.context, 10**9, house.context.settings.web)
        clients = []
        for role in (TokenRole.OPERATOR, TokenRole.SUPPORT, None):
            head = {}
            if role is not None:
                made = await tokens.add(house.context, TokenRequest("daemon", role))
                head = {"Authorization": f"Bearer {made.secret}"}
            transport = httpx.ASGITransport(api, client=("127.0.0.1", 40_000))
            client = httpx.AsyncClient(transport=transport, base_url="http://api.test", headers=head)
            clients.append(await house.open.enter_async_context(client))
        operator, support, nobody = clients
        turns = itertools.count(10)
        found = World(house, api, operator, support, nobody, Watch(), turns, repeats)
        await _fill(found)
        gc.collect()
        gc.freeze()
        yield found


def _line(number: int) -> dict[str, Any]:
    evidence = {
        "who": f"holder {number}",
        "channel": "portal",
        "text_version": "2026-11",
        "reference": f"contract {number}",
        "at": f"2026-11-{1 + number % 28:02}T10:{number % 60:02}:00Z",
    }
    prefix = f"10.1.{number // 250}.{number % 250}"
    line = {"id": f"line-{number}", "prefixes": [prefix]}
    return {**line, "profile": "child", "evidence": evidence} if number % 2 else line


async def _fill(world: World) -> None:
    content = b"\n".join(json.dumps(_line(number)).encode() for number in range(1, LINES + 1))
    kind = {"Content-Type": NDJSON}
    reply = await world.operator.post("/api/v1/import/subscribers", content=content, headers=kind)
    _require(f'"added":{LINES}' in reply.text.replace(" ", ""), reply)
    for number in range(ORDERS):
        names = [f"o{number}.example"] if number else [f"n{each}.first.example" for each in range(MOST_NAMES)]
        entries = tuple((name, Scope.SUBTREE) for name in names)
        request = OrderRequest("sat", "A. Official", f"D-{number}", "liva-18h", "demanded", entries)
        await taking.add(world.house.context, request)
    for number in range(REVIEWS):
        reply = await world.operator.post("/api/v1/reviews", json={"site": f"https://s{number}.example/"})
        _require(reply.status_code == 201, reply)


def _require(held: bool, reply: httpx.Response) -> None:
    if not held:
        message = f"{reply.request.method} {reply.request.url}: {reply.status_code} {reply.text[-300:]}"
        raise SystemExit(message)


async def measured(world: World, call: Call) -> tuple[int, dict[bool, Cost]]:
    """Bytes of the largest reply, and the least costs when it was accepted and when it was refused."""
    found: dict[bool, Cost] = {}
    largest = 0
    for _ in range(world.repeats):
        turn = next(world.turns)
        path, content = call.path, call.content
        for name, number in {"turn": turn, "line": 1 + turn % LINES, "order": 1 + turn % ORDERS}.items():
            path = path.replace(f"{{{name}}}", str(number))
            content = content.replace(f"{{{name}}}".encode(), str(number).encode())
        world.house.installation.now += 0.1
        world.watch.begin()
        reply = await call.client.request(
            call.method, path, content=content, headers=dict(call.headers), timeout=None
        )
        cost = world.watch.end()
        cost.title = f"{reply.status_code} {call.title}"
        _require(reply.status_code < 500 or reply.status_code == 503, reply)
        largest = max(largest, len(reply.content))
        accepted = reply.status_code < 400
        if accepted in found:
            found[accepted].least(cost)
        else:
            found[accepted] = cost
    return largest, found


def filled_bodies(example: Any, schema: Schema, largest: int) -> Iterator[bytes]:
    """Bodies that may be right: the example with its arrays full, its texts long, and both."""
    fields = schema.get("properties", {})
    full, long = {}, {}
    for name, inner in fields.items():
        for each in [inner, *inner.get("anyOf", ())]:
            if each.get("type") == "array" and name in ITEMS:
                most = min(each["maxItems"], largest // 30)
                full[name] = [_item(ITEMS[name], number) for number in range(most)]
            elif each.get("type") == "string" and "enum" not in each and "maxLength" in each:
                long[name] = "a" * min(each["maxLength"], largest // 2)
    example = example or {}
    bodies: list[dict[str, Any]] = [
        example,
        {**example, **full},
        {**example, **long},
        {**example, **full, **long},
    ]
    bodies += [{**example, name: value} for name, value in (full | long).items()]
    for body in bodies:
        content = json.dumps(body, separators=(",", ":")).encode()
        if len(content) <= largest:
            yield content


def _item(pattern: str, number: int) -> str:
    places = pattern.count("{}")
    if places < 2:
        return pattern.format("{turn}-" + str(number)) if "list" in pattern else pattern.format(number)
    return pattern.format(*(number // 250**place % 250 for place in reversed(range(places))))


def api_calls(world: World, document: Schema) -> Iterator[tuple[str, int, list[Call]]]:
    """Name, largest body and requests of each call of the API."""
    for path, calls in document["paths"].items():
        for method, described in calls.items():
            if method in METHODS:
                row = f"{method.upper()} {path}"
                content = described.get("requestBody", {}).get("content", {})
                largest = described.get(LARGEST, LARGEST_BODY) if content else 0
                stream = NDJSON in content
                requests = list(_of_call(world, row, method, path, described, document, largest))
                yield row, LARGEST_STREAM if stream else largest, requests


def _of_call(
    world: World, row: str, method: str, path: str, described: Schema, document: Schema, largest: int
) -> Iterator[Call]:
    """Each request of one call: by its query, its path and headers, its callers, then by its body."""
    example = MATRIX[method, path]
    subject = "adult-starter" if "/feeds/" in path else "line-{line}"
    order = "O-1" if method == "get" else "O-{order}"  # the first one has the most names
    at = path
    for name, value in (PARTS | {"id": subject, "name": "blue.example", "reference": order}).items():
        at = at.replace("{" + name + "}", value)
    head = (("Content-Type", JSON),)

    def call(content: bytes = b"", more: Mapping[str, str] | None = None, **changed: Any) -> Call:
        words = urlencode({**example.query, **(more or {})}, safe="{}")
        fields = {"client": world.operator, "path": f"{at}?{words}" if words else at, "headers": head}
        return Call(row, method=method.upper(), content=content, **{**fields, **changed})

    one = json.dumps(example.body).encode() if example.body is not None else b""
    yield from (call(one, query) for query in _queries(path, described))
    yield call(one, path="/".join("a" * LONG if each[:1] == "{" else each for each in path.split("/")))
    yield call(one, path=re.sub(r"\{[a-z]+\}", "%FF" * (LONG // 4), path))
    yield from (call(one, headers=(*head, (name, "a," * (LONG // 2)))) for name in FIELDS)
    yield from (call(one, client=client) for client in (world.nobody, world.support))
    content = described.get("requestBody", {}).get("content", {})
    if JSON in content:
        schema = resolved(content[JSON]["schema"], document)
        wrong = (json.dumps(each, separators=(",", ":")).encode() for each in hostile_bodies(schema, largest))
        for body in (*filled_bodies(example.body, schema, largest), *wrong, *NO_DOCUMENTS, *MANY_PARTS):
            yield call(body)
        yield call(b" " * (largest + 1))
        yield call(b"[" * largest, client=world.nobody)
    elif NDJSON in content:
        yield from (call(body, headers=(("Content-Type", NDJSON),)) for body in STREAMS)


def _queries(path: str, described: Schema) -> Iterator[dict[str, str]]:
    parameters = [each for each in described.get("parameters", ()) if each["in"] == "query"]
    yield {}
    yield {
        each["name"]: str(each["schema"]["maximum"])
        for each in parameters
        if each["name"] in ("limit", "count")
    }
    yield from QUERIES.get(path, ())
    for each in parameters:
        yield from ({each["name"]: value} for value in ("a" * LONG, "9" * 300, "0"))
    yield {f"x{number}": "" for number in range(2_000)}


class Forms(HTMLParser):
    """The forms of a page: where each goes, and its fields with the longest values that they take."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a form, or a field of the last one."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("action", ""), []))
        elif self.found and (name := given.get("name")):
            fields = self.found[-1][1]
            if tag == "input" and given.get("type") in ("hidden", "checkbox", "radio", "submit"):
                fields.append((name, given.get("value", "on")))
            elif tag in ("input", "textarea"):
                fields.append((name, given.get("value") or "a" * int(given.get("maxlength", 100))))
            elif tag == "button":
                fields.append((name, given.get("value", "")))


async def page_calls(world: World) -> list[tuple[str, int, list[Call]]]:
    """Name, largest body and requests of each page."""
    house = world.house
    forms: Known = {}
    for room, calls in ROWS.items():
        for call, who in calls.items():
            if call[0] == "GET":
                forms |= _forms_of(room, await house.ask(one_of(house, room, who), room, call))
    found = []
    for room, calls in ROWS.items():
        for method, path in sorted(calls, key=lambda each: each[1].endswith(("sign-out", "salir"))):
            visitor = one_of(house, room, calls[method, path])
            sender = Sender(
                f"{method} {path}",
                visitor.clients[room],
                house.visitors["nobody"].clients[room],
                visitor.csrf.get(room, ""),
            )
            at = filled(path)
            requests = sender.forms(at, forms.get((room, at), ())) if method == "POST" else sender.looks(at)
            found.append((sender.row, LARGEST_FORM if method == "POST" else 0, list(requests)))
    return found


def _forms_of(room: str, reply: httpx.Response) -> Known:
    parser = Forms()
    if "html" in reply.headers.get("content-type", ""):
        parser.feed(reply.text)
    return {(room, (action or reply.url.path).partition("?")[0]): fields for action, fields in parser.found}


@dataclass(frozen=True, slots=True)
class Sender:
    """Those who ask for a page: somebody who may, and somebody who is signed in nowhere."""

    row: str
    able: httpx.AsyncClient
    nobody: httpx.AsyncClient
    csrf: str
    """of the session of the one who may"""

    def looks(self, path: str) -> Iterator[Call]:
        """Requests for a page that is shown."""
        at = f"{path}?line=home&id=home&edad=child"
        yield Call(self.row, self.able, "GET", at)
        yield from (Call(self.row, self.able, "GET", f"{path}?{words}") for words in WORDS)
        yield from (Call(self.row, self.able, "GET", at, headers=(head,)) for head in PAGE_HEADS)
        yield Call(self.row, self.nobody, "GET", at)

    def forms(self, path: str, known: Iterable[tuple[str, str]]) -> Iterator[Call]:
        """Requests that send a form, whose fields are known where a page has it."""
        own = [("csrf", self.csrf)]
        fields = [each for each in known if each[0] != "csrf"]
        sent = [own, [*own, ("line", "home")], [*own, *fields], [("csrf", "forged"), *fields]]
        sent.append([*own, *((f"f{number}", "a") for number in range(MOST_FIELDS - 1))])
        for name in {name for name, _ in fields}:
            sent.append([*own, *((each, "a" * 20_000 if each == name else value) for each, value in fields)])
            sent.append([*own, *((each, "\U0001f600" * 1_000) for each, _ in fields if each == name)])
            sent.append([*own, *fields, *((name, f"x{number}.example") for number in range(900))])
        bodies = [urlencode(each).encode() for each in sent]
        kind = ("Content-Type", FORM)
        for body in (*(each for each in bodies if len(each) <= LARGEST_FORM), *NO_FORMS):
            yield Call(self.row, self.able, "POST", path, body, (kind,))
        for head in PAGE_HEADS:
            yield Call(self.row, self.able, "POST", path, urlencode(own).encode(), (kind, head))
        yield Call(self.row, self.nobody, "POST", path, b"a=b", (kind,))


FIRST = {
    "api": "/api/openapi.json",
    "portal": "/portal",
    "public": "/servicio/",
    "desk": "/desk/sign-in",
    "regulator": "/regulator/sign-in",
    "block page": "/",
}
"""a page of each listener"""
CLIENT = """
import socket, sys
for line in sys.stdin:
    port, path = line.split()
    sent, got = open(path, "rb").read(), b""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as to:
        to.settimeout(3)
        try:
            to.sendall(sent)
            while piece := to.recv(1 << 20):
                got += piece
        except OSError:
            pass
    print(got[9:12].decode() or "0", len(got), flush=True)
"""


def _heads(host: str, path: str) -> Iterator[bytes]:
    """What a client sends on a connection, at the end of which it is closed."""
    named = f" HTTP/1.1\r\nHost: {host}\r\n".encode()
    close = b"Connection: close\r\n"
    get = f"GET {path}".encode() + named
    post = f"POST {path}".encode() + named + close
    room = LARGEST_HEAD - len(get) - 100
    yield get + close + b"\r\n"
    yield get + close + b"X: " + b"a" * room + b"\r\n\r\n"
    yield get + close + b"a:\r\n" * (room // 4) + b"\r\n"
    yield get + close + b"X: " + b"a" * LARGEST_HEAD + b"\r\n\r\n"
    yield b"GET /" + b"a" * (LARGEST_HEAD - 200) + named + close + b"\r\n"
    yield b"\r\n" * 8_000 + get + close + b"\r\n"
    yield b"\x00" * 30_000
    yield b"\x16\x03\x01" + b"\xff" * 16_000
    yield (get + b"\r\n") * 20 + get + close + b"\r\n"
    chunked = post + b"Transfer-Encoding: chunked\r\n\r\n"
    yield chunked + b"1\r\na\r\n" * 150_000 + b"0\r\n\r\n"
    yield chunked + b"20;" + b"x" * 8_000 + b"\r\n" + b"a" * 32 + b"\r\n0\r\n\r\n"
    yield chunked + b"100000\r\n" + b"a" * 0x100000 + b"\r\n0\r\n\r\n"
    yield post + b"Content-Length: 1000000\r\n\r\n" + b"[" * 1_000_000


async def listeners(world: World, base: Path) -> dict[str, Row]:
    """The rows of the listeners of the web process, and of the block page's."""
    pages = {(kind, language): BlockReply(403, (), b"page") for kind in PageKind for language in LANGUAGES}
    block_page = BlockApp(pages, {}, translations())
    sites: dict[str, ASGIApp] = {"api": world.api, **world.house.sites, "block page": block_page}
    found = {}
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    for name, app in sites.items():
        served = server(app, 100, own_host=name != "block page")
        bound = listen("127.0.0.1", 0)
        serving = asyncio.create_task(served.serve(sockets=[bound]))
        row = found[name] = Row(LARGEST_STREAM if name == "api" else LARGEST_FORM)
        for number, sent in enumerate(_heads(f"{name}.test".replace(" ", "."), FIRST[name])):
            at = base / f"{name.split()[0]}-{number}"
            at.write_bytes(sent)
            await _over_socket(world, row, client, f"{bound.getsockname()[1]} {at}")
        served.should_exit = True
        await serving
    client.kill()
    await client.wait()
    return found


async def _over_socket(world: World, row: Row, client: asyncio.subprocess.Process, told: str) -> None:
    if client.stdin is None or client.stdout is None:
        raise TypeError
    least: dict[bool, Cost] = {}
    for _ in range(world.repeats):
        world.house.installation.now += 1
        world.watch.begin()
        client.stdin.write(f"{told}\n".encode())
        status, size = map(int, (await client.stdout.readline()).split())
        cost = world.watch.end()
        cost.title = f"{status} {told}"
        least.setdefault(100 <= status < 400, cost).least(cost)
        row.reply = max(row.reply, size)
    row.count(0, least)


async def survey(only: str, repeats: int, base: Path) -> dict[str, dict[str, Row]]:
    """The rows of each table. ``only``: a pattern of the rows that are measured."""
    async with world(base / "filterd", repeats) as made:
        document = (await made.nobody.get("/api/openapi.json")).json()
        tables: dict[str, dict[str, Row]] = {}
        parts = {"calls": list(api_calls(made, document)), "pages": await page_calls(made)}
        for table, rows in parts.items():
            tables[table] = {}
            for number, (name, largest, requests) in enumerate(rows):
                if not re.search(only, name):
                    continue
                row = tables[table][name] = Row(largest)
                for call in requests:
                    row.count(*await measured(made, call))
                _tell(f"{table} {number + 1} of {len(rows)}", name, row)
        tables["listeners"] = {}
        if re.search(only, "listener"):
            tables["listeners"] = await listeners(made, base)
            for name, row in tables["listeners"].items():
                _tell("listener", name, row)
        return tables


def _tell(place: str, name: str, row: Row) -> None:
    sys.stderr.write(f"{place}: {name}\n")
    for cost, bound in ((row.accepted, ACCEPTED_MS), (row.refused, REFUSED_MS)):
        if cost is not None and cost.loop > bound:
            sys.stderr.write(f"  {cost.loop:.0f} ms of the loop, {bound:.0f} are the bound: {cost.title}\n")


FIGURES = ("accepted: processor", "loop", "refused: processor", "loop")
HEADS = {"calls": "call", "pages": "page", "listeners": "listener"}


def written(tables: dict[str, dict[str, Row]]) -> str:
    """The tables in Markdown."""
    out = []
    for table, rows in tables.items():
        out.append(f"| {HEADS[table]} | largest body | largest reply | {' | '.join(FIGURES)} |")
        out.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for name, row in rows.items():
            costs = (row.accepted, row.refused)
            figures = [f"{cost.processor:.1f} | {cost.loop:.1f}" if cost else " | " for cost in costs]
            out.append(f"| `{name}` | {row.body or ''} | {row.reply} | {' | '.join(figures)} |")
        out.append("")
    return "\n".join(out)


def main() -> None:
    """Measure, print, and write the page where that is wanted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="a pattern of the rows that are measured: all")
    parser.add_argument("--repeats", type=int, default=3, help="of each request")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/request-costs.md")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fd-") as base:
        text = written(asyncio.run(survey(chosen.only, chosen.repeats, Path(base))))
    sys.stdout.write("load of the machine {:.1f} {:.1f} {:.1f}\n".format(*os.getloadavg()) + text)
    if chosen.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()

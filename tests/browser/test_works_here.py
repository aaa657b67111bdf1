"""``/funciona`` in a real browser without JavaScript: it says what the filter does to its names."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from filterd.config.value_types import parse_endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations import snapshots, subscribers
from filterd.operations.explain import explain
from filterd.operations.feeds import updating
from filterd.web import public
from filterd.web.listening.connections import listen, server
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState
from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import Translations
from tests.e2e.authority import free_port
from tests.worlds.backups import EVIDENCE
from tests.worlds.installation import Installation, install
from tests.worlds.system import command

ZONE = "prueba.isp.example"
PAGE = "publico.isp.example"
LABELS = ("filtro", "adult", "gambling", "atajos", "abierto")
WORDS = Translations()
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
OFF = "AsyncDns,DnsOverHttps,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable"
pytestmark = pytest.mark.system("chromium")


@dataclass
class World:
    """The public pages on a port, a block page on another, and which labels each line has closed."""

    port: int
    block_port: int
    closed: dict[str, set[str]]

    @property
    def url(self) -> str:
        """The test page."""
        return f"http://{PAGE}:{self.port}/funciona"

    def rules(self, line: str, to: str) -> str:
        """The browser's names as the line gets them; what is closed leads ``to`` somewhere else."""
        closed = [f"MAP {each}.{ZONE}:{self.port} {to}" for each in sorted(self.closed[line])]
        return ", ".join([*closed, f"MAP *.{ZONE} 127.0.0.1", f"MAP {PAGE} 127.0.0.1"])


class _BlockPage(BaseHTTPRequestHandler):
    """The reply of a sinkhole to every path."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>x</title><p>.probe-closed{display:none}</p>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(base: Path, port: int) -> Iterator[dict[str, set[str]]]:
    """The pages on a port, from a thread with a loop of its own; yields what is closed by line."""
    closed: dict[str, set[str]] = {}
    ready, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        public_pages = PagesSettings(parse_endpoint(f"127.0.0.1:{port}"), 100, test_zone=ZONE)
        web = WebSettings(None, None, public=public_pages)
        made = await install(base)
        installation = replace(made, settings=replace(made.settings, web=web))
        async with installation.open() as context:
            closed.update(await verdicts(installation))
            app = make_pages(public.routes(), PagesState(context, web, Templates(WORDS)))
            pages = server(app, 100)
            task = asyncio.get_running_loop().create_task(pages.serve(sockets=[listen("127.0.0.1", port)]))
            ready.set()
            await asyncio.to_thread(ended.wait)
            pages.should_exit = True
            await task

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield closed
    finally:
        ended.set()
        thread.join(30)


async def verdicts(installation: Installation) -> dict[str, set[str]]:
    """The labels that each line has closed, as the code says that answers queries."""
    closed: dict[str, set[str]] = {}
    async with installation.open() as context:
        await updating.update(context)
        await snapshots.build(context)
        for line in ("child", "teen", "plain"):
            await subscribers.add(context, line)
            if line != "plain":
                await subscribers.opt_in(context, line, line, EVIDENCE)
            found = {each: await explain(context, f"{each}.{ZONE}", subscriber=line) for each in LABELS}
            closed[line] = {each for each, answer in found.items() if answer.verdict == "block"}
    return closed


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything but the browser."""
    sinkhole = ThreadingHTTPServer(("127.0.0.1", 0), _BlockPage)
    thread = threading.Thread(target=sinkhole.serve_forever)
    thread.start()
    port = free_port()
    with serving(tmp_path_factory.mktemp("pages"), port) as closed:
        yield World(port, sinkhole.server_port, closed)
    sinkhole.shutdown()
    sinkhole.server_close()
    thread.join()


@contextmanager
def browser(rules: str) -> Iterator[Browser]:
    """Debian's browser, whose names are these."""
    flags = ["--no-sandbox", "--disable-gpu", f"--disable-features={OFF}", f"--host-resolver-rules={rules}"]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(command("chromium")), args=flags)
        try:
            yield found
        finally:
            found.close()


@contextmanager
def shown(rules: str, url: str, language: str = "es", *, scripts: bool = False) -> Iterator[Page]:
    """The page at 320 pixels."""
    with browser(rules) as found:
        context = found.new_context(
            java_script_enabled=scripts, locale=language, viewport={"width": 320, "height": 800}
        )
        page = context.new_page()
        page.goto(url, wait_until="load")
        yield page
        context.close()


def texts_of(page: Page) -> str:
    """The texts of the accessibility tree, as a screen reader finds them."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    texts = [node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == "StaticText"]
    return "\n".join(texts)


@pytest.mark.parametrize("language", ["es", pytest.param("en", marks=pytest.mark.ring("night"))])
@pytest.mark.parametrize(
    ("line", "how", "says"),
    [
        ("child", "no such name", "works.yes"),
        ("child", "block page", "works.yes"),
        ("teen", "nobody listens", "works.yes"),
        ("plain", "no such name", "works.no"),
    ],
)
def test_it_says_what_the_filter_does(world: World, line: str, how: str, says: str, language: str) -> None:
    to = {"no such name": "~NOTFOUND", "block page": f"127.0.0.1:{world.block_port}"}.get(how, "127.0.0.1:9")
    with shown(world.rules(line, to), world.url, language) as page:
        page.locator("summary").first.click()
        seen, heard = page.inner_text("main"), texts_of(page)
    words = WORDS.of(language)
    for key in ("works.wait", "works.yes", "works.no"):
        assert (words.text(key) in seen) is (words.text(key) in heard) is (key == says), key
    count = len(world.closed[line] - {"filtro"})
    assert heard.count(words.text("works.part.closed")) == count
    lines = heard.split("\n")
    assert lines.count(words.text("works.part.open")) == 3 - count


def test_where_nothing_can_be_tested_it_says_so(world: World) -> None:
    rules = f"MAP *.{ZONE} ~NOTFOUND, MAP {PAGE} 127.0.0.1"
    with shown(rules, world.url) as page:
        heard = texts_of(page)
    words = WORDS.of("es")
    assert words.text("works.wait") in heard
    assert words.text("works.yes") not in heard
    assert words.text("works.no") not in heard


def test_by_hand_the_link_leads_to_the_same_answer(world: World) -> None:
    with shown(world.rules("plain", "~NOTFOUND"), world.url) as page:
        page.get_by_text(WORDS.of("es").text("works.by_hand.filtro")).click()
        page.wait_for_url("**/funciona/abierta")
        assert WORDS.of("es").text("works.no") in page.inner_text("main")


@pytest.mark.parametrize("path", ["/funciona", "/revision", "/revision/folio"])
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.ring("night"))])
def test_the_pages_fit_and_break_no_rule(world: World, path: str, scheme: str) -> None:
    with shown(world.rules("teen", "~NOTFOUND"), world.url.replace("/funciona", path), scripts=True) as page:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        width = page.evaluate("document.documentElement.scrollWidth")
        options = {"runOnly": {"type": "tag", "values": [*RULES]}, "resultTypes": ["violations"]}
        found = Axe().run(page, options=options).response["violations"]
    assert width <= 320
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []


def test_a_request_is_made_and_seen_without_javascript(world: World) -> None:
    words = WORDS.of("es")
    with shown(world.rules("plain", "~NOTFOUND"), world.url.replace("/funciona", "/revision")) as page:
        page.fill("#site", "https://clinic.example/salud")
        page.check("input[name=claim][value=closed]")
        page.get_by_role("button").click()
        assert words.text("review.made.title") in page.inner_text("main")
        folio, code = (each.inner_text() for each in page.locator("dd.code").all())
        page.click(f"text={words.text('review.have_folio')}")
        page.fill("#folio", folio)
        page.fill("#code", code)
        page.get_by_role("button").click()
        assert words.text("review.status.waits") in page.inner_text("main")
        assert code not in page.url

"""The block page: which page an address has, who is shown it, and that nothing of a request comes back."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from html.parser import HTMLParser
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from filterd.config.block_settings import BlockPageSettings, SinkholeSettings
from filterd.config.policies import load_policies
from filterd.web.block.application import BlockApp
from filterd.web.block.kinds import PageKind, pages_by_address, plain_address
from filterd.web.block.rendering import HELP, Pages, render
from filterd.web.pages.translations import LANGUAGES
from tests.worlds.page_words import translations
from tests.worlds.service import SHIPPED

PORTAL, PUBLIC = "https://filtro.isp.example", "https://servicio.isp.example"
MARKER = "zq0marker"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
ADDRESSES = {
    "127.0.9.1": PageKind.PARENTAL,
    "127.0.9.2": PageKind.SECURITY,
    "127.0.9.3": PageKind.MANDATORY,
    "127.0.9.4": PageKind.CONFIDENTIAL,
    "2001:db8::1": PageKind.PARENTAL,
}
TITLES = {
    PageKind.PARENTAL: "El filtro de este Internet no abre esta página",
    PageKind.SECURITY: "Esta página puede ser peligrosa",
    PageKind.MANDATORY: "Esta página está cerrada por una orden",
    PageKind.CONFIDENTIAL: "Esta página no se puede abrir",
    PageKind.GENERAL: "Esta página no se abre aquí",
}


def test_its_help_lines_are_those_of_the_policies() -> None:
    """This process reads no policies: the numbers stand in its texts, and are those of all pages."""
    lines = {each.id: each for each in load_policies(SHIPPED).help_lines}
    same = {"emergency": "emergency", "police": "guardia-nacional", "life": "linea-de-la-vida"}
    assert HELP["mx"] == {key: lines[each].phone.replace(" ", "") for key, each in same.items()}
    for language in LANGUAGES:
        for key, each in same.items():
            words = translations().of(language).text(f"block.help.mx.{key}")
            assert words.endswith(f": {lines[each].phone}"), words
            assert lines[each].country == "mx"


class Document(HTMLParser):
    """Title, links, text and whatever would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title, self.text, self.style = "", "", ""
        self.links: list[str] = []
        self.tags: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.tags.append(tag)
        self._inside = tag
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")

    def handle_data(self, data: str) -> None:
        """Note the text."""
        if self._inside == "style":
            self.style += data
        else:
            self.text += data
        if self._inside == "title":
            self.title += data

    def handle_endtag(self, _tag: str) -> None:
        """Leave the element."""
        self._inside = ""


@pytest.fixture(scope="module")
def pages() -> Pages:
    return render(PORTAL, PUBLIC, "mx")


@pytest.fixture
def app(pages: Pages) -> BlockApp:
    return BlockApp(pages, ADDRESSES, translations())


def ask(
    app: BlockApp,
    address: str = "127.0.9.1",
    path: str = f"/{MARKER}/index.html",
    query: str = f"q={MARKER}",
    method: str = "GET",
    **headers: str,
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the reply to a request for a page."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        pytest.fail("the body of a request is not read")

    given = {"host": f"www.{MARKER}.example", "accept": BROWSER, "user_agent": "Mozilla/5.0", **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "server": (address, 80),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(app(scope, receive, send))
    start, body = sent
    return start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, body["body"].decode()


@pytest.mark.parametrize(
    ("address", "kind"),
    [*ADDRESSES.items(), ("127.0.9.5", PageKind.GENERAL), ("::ffff:127.0.9.3", PageKind.MANDATORY), ("", 4)],
)
def test_the_page_of_an_address(app: BlockApp, address: str, kind: PageKind) -> None:
    status, headers, body = ask(app, address)
    assert status == (451 if kind in (PageKind.MANDATORY, PageKind.CONFIDENTIAL) else 403)
    assert Document(body).title == TITLES[kind]
    assert int(headers["content-length"]) == len(body.encode()) < 150_000
    assert app.counts[PageKind(kind).word] == app.counts.total() == 1


def test_what_the_client_says_of_the_host_changes_nothing(app: BlockApp) -> None:
    for host in ("127.0.9.4", "confidential", "127.0.9.4:80"):
        assert ask(app, host=host, x_forwarded_host="127.0.9.4")[2] == ask(app)[2]


def test_a_parental_page_speaks_of_no_order_and_an_order_s_of_no_home(app: BlockApp) -> None:
    texts = {kind: Document(ask(app, address)[2]).text for address, kind in ADDRESSES.items()}
    assert "No hiciste nada malo" in texts[PageKind.PARENTAL]
    assert "ilegal" not in texts[PageKind.PARENTAL]
    assert "orden" not in texts[PageKind.PARENTAL].replace("ordena", "")
    assert "autoridad" in texts[PageKind.MANDATORY]
    assert "autoridad" not in texts[PageKind.CONFIDENTIAL], "whose it is stays unsaid"
    assert "filtro" not in texts[PageKind.CONFIDENTIAL]


@pytest.mark.parametrize("kind", PageKind)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_needs_nothing_else_and_runs_nothing(pages: Pages, kind: PageKind, language: str) -> None:
    reply = pages[kind, language]
    headers, found = dict(reply.headers), Document(reply.body.decode())
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in headers[b"content-security-policy"].decode()
    assert not {"script", "img", "iframe", "form", "object"} & set(found.tags)
    assert not re.search(rb"\son\w+=|\sstyle=|url\(|@import", reply.body)
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"referrer-policy"] == b"no-referrer"
    assert b"set-cookie" not in headers
    assert b"strict-transport-security" not in headers, "it would lock a foreign name to our certificate"
    assert headers[b"content-language"] == language.encode()
    assert found.links[0] == f"?lang={'en' if language == 'es' else 'es'}"
    assert all(each.startswith((PORTAL, PUBLIC, "tel:")) for each in found.links[1:])
    assert "tel:911" in found.links
    assert f"{PUBLIC}/revision" in found.links
    assert "088" in found.text


@pytest.mark.parametrize("kind", PageKind)
def test_without_addresses_of_other_pages_it_says_whom_to_ask(kind: PageKind) -> None:
    for language in LANGUAGES:
        found = Document(render("", "", "it")[kind, language].body.decode())
        assert len(found.links) == 1
        assert re.search("proveedor de Internet|Internet provider", found.text)
        assert "088" not in found.text, "a line of another country helps nobody"


def test_nothing_of_a_request_stands_in_the_reply(app: BlockApp) -> None:
    for method in ("GET", "HEAD", "POST"):
        status, headers, body = ask(app, method=method, referer=f"http://{MARKER}.example/", cookie=MARKER)
        assert status in (403, 405)
        assert MARKER not in body + repr(headers)


@pytest.mark.parametrize(
    ("accepted", "query", "language"),
    [
        ("", "", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "", "es"),
        ("en-US,en;q=0.9,es;q=0.8", "", "en"),
        ("en;q=0.1,es;q=0.9", "", "es"),
        ("fr,de", "", "es"),
        ("x" * 10_000, "", "es"),
        ("\xff\xfe;q=a", "", "es"),
        ("es", "lang=en", "en"),
        ("en", "lang=es", "es"),
        ("en", "lang=fr", "en"),
    ],
)
def test_the_language(app: BlockApp, accepted: str, query: str, language: str) -> None:
    for _ in range(2):
        assert ask(app, query=query, accept_language=accepted)[1]["content-language"] == language


def test_languages_are_remembered_within_bounds(app: BlockApp) -> None:
    for number in range(2000):
        assert ask(app, accept_language=f"en, x{number}")[1]["content-language"] == "en"
    assert len(app._languages) == 256


@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "*/*"},
        {"accept": "image/avif,image/webp,*/*;q=0.8"},
        {"accept": "application/json"},
        {"accept": ""},
        {"sec_fetch_dest": "iframe"},
        {"sec_fetch_dest": "image"},
        {"sec_fetch_dest": "script"},
    ],
)
def test_what_others_pages_load_gets_no_page(app: BlockApp, headers: dict[str, str]) -> None:
    status, replied, body = ask(app, **headers)
    assert (status, body, replied["content-length"]) == (403, "", "0")


@pytest.mark.parametrize("path", ["/generate_204", "/hotspot-detect.html", "/connecttest.txt"])
def test_a_probe_for_a_captive_portal_finds_none(app: BlockApp, path: str) -> None:
    status, _, body = ask(app, path=path)
    assert (status, body) == (403, ""), "2xx and 3xx would be taken for a portal"


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt", "/.well-known/assetlinks.json"])
def test_there_is_nothing_beside_the_page(app: BlockApp, path: str) -> None:
    status, _, body = ask(app, path=path)
    assert (status, body) == (404, "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "BREW"])
def test_other_methods(app: BlockApp, method: str) -> None:
    status, headers, body = ask(app, method=method)
    assert (status, headers["allow"], body) == (405, "GET, HEAD", "")


def test_a_head_has_the_page_s_length_and_no_body(app: BlockApp) -> None:
    whole, head = ask(app), ask(app, method="HEAD")
    assert head[:2] == whole[:2]
    assert head[2] == ""


def test_an_order_s_page_names_who_blocks(app: BlockApp) -> None:
    """RFC 7725, 4: whoever carries the block out, and not whoever asked for it."""
    assert ask(app, "127.0.9.3")[1]["link"] == f'<{PUBLIC}/servicio>; rel="blocked-by"'
    assert "link" not in ask(app)[1]


def test_addresses_that_kinds_share_have_the_general_page() -> None:
    own = SinkholeSettings(IPv4Address("192.0.2.81"), IPv6Address("2001:db8::80"))
    rest = SinkholeSettings(IPv4Address("192.0.2.80"), IPv6Address("2001:db8::80"))
    last = SinkholeSettings(IPv4Address("192.0.2.84"), None)
    assert pages_by_address(BlockPageSettings(own, rest, rest, last)) == {
        "192.0.2.81": PageKind.PARENTAL,
        "192.0.2.80": PageKind.GENERAL,
        "192.0.2.84": PageKind.CONFIDENTIAL,
        "2001:db8::80": PageKind.GENERAL,
    }
    assert pages_by_address(None) == {}


def test_the_address_of_a_socket() -> None:
    assert plain_address("::ffff:192.0.2.1") == "192.0.2.1"
    assert plain_address("fe80::1%eth0") == "fe80::1"
    assert plain_address("/run/socket") == "/run/socket"

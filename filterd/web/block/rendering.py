"""The block pages as bytes: one for each kind and language, made once and served for ever.

Neither host nor path nor anything else of a request stands in them, and they need no second request: the
stylesheet is inside, allowed by its digest alone.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from filterd.web.block.kinds import PageKind
from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import LANGUAGES, Translations

STYLESHEET = Path(__file__).parents[1] / "static" / "house.css"
HELP = {"mx": ("emergency", "police", "life")}
"""country -> its help lines, by the ends of their texts' keys"""
FORBIDDEN = 403
LEGAL = 451
"""unavailable for legal reasons (RFC 7725)"""
_LEGAL_KINDS = frozenset((PageKind.MANDATORY, PageKind.CONFIDENTIAL))

Headers = tuple[tuple[bytes, bytes], ...]
COMMON: Headers = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"connection", b"close"),
)
"""of every reply: nothing of it is kept, no link tells where the client came from, and the connection ends:
nobody stays with us who could reach the site again"""


@dataclass(frozen=True, slots=True)
class Links:
    """The places that a page leads to. An empty one is not offered: the text says "your provider"."""

    portal: str = ""
    review: str = ""
    public: str = ""


def links_of(portal_url: str, public_url: str, language: str) -> Links:
    """The links, where the portal and the public pages have addresses that people reach."""
    service = "servicio" if language == "es" else "service"
    return Links(
        portal=f"{portal_url}/portal" if portal_url else "",
        review=f"{public_url}/revision" if public_url else "",
        public=f"{public_url}/{service}" if public_url else "",
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply."""

    status: int
    headers: Headers
    body: bytes


Pages = dict[tuple[PageKind, str], Reply]


def render(portal_url: str, public_url: str, country: str) -> Pages:
    """Every page. ``portal_url``, ``public_url``: where people reach these, empty where they do not;
    ``country``: the jurisdiction, whose help lines are named. Raises OSError or ValueError where a file of
    texts cannot be read."""
    templates = Templates(Translations())
    return {
        (kind, language): _reply(
            kind, language, links_of(portal_url, public_url, language), templates, country
        )
        for kind in PageKind
        for language in LANGUAGES
    }


def _reply(kind: PageKind, language: str, links: Links, templates: Templates, country: str) -> Reply:
    helps = [f"block.help.{country}.{each}" for each in HELP.get(country, ())]
    text = templates.render(
        "block/page.html", language, kind=kind.word, links=links, style=_style(), helps=helps
    )
    body = text.strip().encode()
    status = LEGAL if kind in _LEGAL_KINDS else FORBIDDEN
    more = (
        ((b"link", f'<{links.public}>; rel="blocked-by"'.encode()),)
        if status == LEGAL and links.public
        else ()
    )
    return Reply(status, (*_headers(len(body), language), *more), body)


def _headers(length: int, language: str) -> Headers:
    policy = (
        f"default-src 'none'; style-src 'sha256-{_digest()}'; img-src data:; form-action 'none'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(length).encode()),
        (b"content-language", language.encode()),
        (b"vary", b"accept-language"),
        (b"content-security-policy", policy.encode()),
        *COMMON,
    )


@cache
def _style() -> str:
    """The house's stylesheet, without what lets its lines be read."""
    lines = STYLESHEET.read_text().splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


@cache
def _digest() -> str:
    return base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()

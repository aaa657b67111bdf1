"""The answers to requests that a sinkhole leads here: a lookup by address and language, and nothing else.

The page comes for a document alone. What a page of others loads from here (pictures, scripts, frames), what
programs ask for, and the probes by which devices look for a captive portal get the status and no body.
Nothing of a request is kept, logged or repeated; its body is not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from filterd.web.block.kinds import PageKind, plain_address
from filterd.web.block.rendering import COMMON, FORBIDDEN, Pages, Reply
from filterd.web.pages.translations import LANGUAGES, Translations

EMPTY = Reply(FORBIDDEN, ((b"content-length", b"0"), *COMMON), b"")
"""for what shows no page"""
NOT_ALLOWED = Reply(405, ((b"allow", b"GET, HEAD"), (b"content-length", b"0"), *COMMON), b"")
NOT_FOUND = Reply(404, ((b"content-length", b"0"), *COMMON), b"")
"""for what sites have beside their pages: there is none of it here"""

_DOCUMENTS = (b"text/html", b"application/xhtml+xml")
_DESTINATION = b"document"
_BESIDE = ("/favicon.ico", "/robots.txt", "/.well-known/", "/apple-touch-icon")
_PROBES = frozenset(
    (
        "/generate_204",
        "/gen_204",
        "/hotspot-detect.html",
        "/library/test/success.html",
        "/connecttest.txt",
        "/ncsi.txt",
        "/success.txt",
        "/canonical.html",
    )
)
"""a page in the place of their answers would be shown as a portal to sign in to"""
MOST_ACCEPTED = 200
"""bytes of Accept-Language that are looked at"""
MOST_REMEMBERED = 256
"""values of Accept-Language whose language is remembered"""


class BlockApp:
    """The application of all listeners. Owned by one event loop."""

    def __init__(self, pages: Pages, addresses: Mapping[str, PageKind], translations: Translations) -> None:
        self.counts: Counter[str] = Counter({kind.word: 0 for kind in PageKind})
        """requests, by the word of the kind"""
        self._translations = translations
        self._languages: dict[bytes, str] = {}
        self.serve(pages, addresses)

    def serve(self, pages: Pages, addresses: Mapping[str, PageKind]) -> None:
        """Serve these from now on."""
        self._pages, self._addresses = pages, addresses

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        reply = self._reply(scope)
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})

    def _reply(self, scope: Scope) -> Reply:
        kind = self._kind(scope)
        self.counts[kind.word] += 1
        if scope["method"] not in ("GET", "HEAD"):
            return NOT_ALLOWED
        path = scope["path"]
        if path.startswith(_BESIDE):
            return NOT_FOUND
        accept = languages = destination = b""
        for name, value in scope["headers"]:
            if name == b"accept":
                accept = value
            elif name == b"accept-language":
                languages = value[:MOST_ACCEPTED]
            elif name == b"sec-fetch-dest":
                destination = value
        if path in _PROBES or destination not in (b"", _DESTINATION) or not _reads_html(accept):
            return EMPTY
        return self._pages[kind, self._language(scope["query_string"], languages)]

    def _kind(self, scope: Scope) -> PageKind:
        """The kind of the address that the client came to. Host and SNI are what it says itself."""
        server = scope.get("server")
        address = server[0] if server else ""
        found = self._addresses.get(address)
        if found is None:
            found = self._addresses.get(plain_address(address), PageKind.GENERAL)
        return found

    def _language(self, query: bytes, accepted: bytes) -> str:
        for language in LANGUAGES:
            if query == b"lang=" + language.encode():
                return language
        found = self._languages.get(accepted)
        if found is None:
            found = self._translations.negotiated(accepted.decode("latin-1"))
            if len(self._languages) < MOST_REMEMBERED:
                self._languages[accepted] = found
        return found


def _reads_html(accept: bytes) -> bool:
    lowered = accept.lower()
    return any(each in lowered for each in _DOCUMENTS)

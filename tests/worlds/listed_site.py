"""An authority's site with a page, a list and its control file, whose addresses move with each update."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from enum import StrEnum

from tests.worlds.threaded_https import Reply

PAGE = "/portale/siti-inibiti"


class ListedFault(StrEnum):
    """The ways in which the site misbehaves, until told otherwise."""

    NONE = "none"
    MOVES_MIDWAY = "moves_midway"
    """once: between the reading of the page and that of the list there is an update"""
    WRONG_CONTROL = "wrong_control"
    SERVER_ERROR = "server_error"
    SHORT = "short"
    """the list breaks off, as its length shows"""
    NO_LINK = "no_link"
    TWO_LINKS = "two_links"
    PAGE_FOR_LIST = "page_for_list"
    """an HTML page with 200, and a control file that fits it"""


@dataclass
class ListedSite:
    """Serves ``names``; each update has other addresses, and those of before are gone."""

    names: tuple[str, ...]
    fault: ListedFault = ListedFault.NONE
    updates: int = 1
    asked: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def update(self, *names: str) -> None:
        """Publish other names, at other addresses."""
        with self._lock:
            self._update(names)

    def _update(self, names: tuple[str, ...]) -> None:
        self.names, self.updates = names, self.updates + 1

    def content(self) -> bytes:
        """The list."""
        if self.fault is ListedFault.PAGE_FOR_LIST:
            return b"<!DOCTYPE html><p>Try again later"
        return "".join(f"{each}\r\n" for each in (f"{self.updates:07}_2026.11.27", *self.names)).encode()

    def answer(self, method: str, path: str, body: bytes, login: str) -> Reply:
        """As the site answers now."""
        del method, body, login
        with self._lock:
            self.asked.append(path)
            if self.fault is ListedFault.SERVER_ERROR:
                return Reply(500)
            if path == PAGE:
                return Reply(200, self._page(), "text/html")
            if self.fault is ListedFault.MOVES_MIDWAY:
                self.fault = ListedFault.NONE
                self._update(self.names)
            return self._file(path)

    def _file(self, path: str) -> Reply:
        content, place = self.content(), f"/documents/{self.updates}"
        if path == f"{place}/elenco_siti.txt":
            lies = 100 if self.fault is ListedFault.SHORT else 0
            return Reply(200, content, lies=lies)
        if path == f"{place}/elenco_siti.sha-256":
            wrong = b"x" if self.fault is ListedFault.WRONG_CONTROL else b""
            return Reply(200, f"{hashlib.sha256(content + wrong).hexdigest()}\r\n".encode())
        return Reply(404)

    def _page(self) -> bytes:
        files = ["pdf", "txt", "sha-256"]
        if self.fault is ListedFault.NO_LINK:
            files = ["pdf"]
        links = [f'<a href="/documents/{self.updates}/elenco_siti.{each}">{each}</a>' for each in files]
        if self.fault is ListedFault.TWO_LINKS:
            links.append('<a href="/documents/0/elenco_siti.txt">other</a>')
        return f"<!DOCTYPE html><title>Elenco</title>{' '.join(links)}".encode()

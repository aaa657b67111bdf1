"""A page's forms as a browser without JavaScript sends them, over HTTP alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urlsplit

import httpx


class _Forms(HTMLParser):
    """The forms of a page: action -> the fields as they stand, of forms with one action the first."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, dict[str, list[str]]] = {}
        self._fields: dict[str, list[str]] | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {}
            self.found.setdefault(given.get("action", ""), self._fields)
        if self._fields is None or not ("name" in given or tag == "option"):
            return
        ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
        if tag == "input" and ticked:
            self._fields.setdefault(given["name"], []).append(given.get("value", "on"))
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self._fields.setdefault(self._select, []).append(given.get("value", ""))
        elif tag == "textarea":
            self._fields.setdefault(given["name"], [""])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._fields = None


def forms(html: str) -> dict[str, dict[str, list[str]]]:
    """The forms of a page, by their paths."""
    read = _Forms()
    read.feed(html)
    return {urlsplit(action).path: fields for action, fields in read.found.items()}


class Pages:
    """Somebody who follows the pages of a site."""

    def __init__(self, base: str, cookies: Mapping[str, str] | None = None) -> None:
        self.client = httpx.Client(base_url=base, cookies=dict(cookies or {}), follow_redirects=True)
        self.sent_at = 0.0
        """the moment at which the last form was sent, by the monotonic clock"""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def show(self, path: str) -> str:
        """The text of a page that is there."""
        reply = self.client.get(path)
        assert reply.status_code == 200, f"{path}: {reply.status_code} {reply.text}"
        return reply.text

    def send(self, path: str, to: str, **fields: str | list[str]) -> str:
        """The form of a page that goes to ``to``, with these fields changed; the page that it leads to."""
        found = forms(self.show(path))[to]
        self.sent_at = time.monotonic()
        reply = self.client.post(to, data={**found, **fields})
        assert reply.status_code == 200, f"{to}: {reply.status_code} {reply.text}"
        return reply.text

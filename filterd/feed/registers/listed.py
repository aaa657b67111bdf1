"""Reads the text list of an authority: one name a line, for Italy's list with a control file.

A first line such as ``0000311_2024.06.06`` is the version of the list, and no entry. The list is whole:
absence means unblock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from filterd.feed.registers.parsed import (
    EVERY,
    ParsedDocument,
    ParsedItem,
    RegisterSyntaxError,
    Tell,
    entry_error,
    quiet,
    require_few,
)

_VERSION = re.compile(r"[0-9]{5,9}[_-][0-9]{4}\.[0-9]{2}\.[0-9]{2}")
_OTHERWISE = ("<!doctype", "<html", "%pdf", "{", "[", "pk\x03\x04")
"""how a text begins that is no list: a page, a PDF, JSON, an archive"""


def parse_listed(data: bytes, *, whole: bool = True, tell: Tell = quiet) -> ParsedDocument:
    """The document. A line that cannot be read is an item with its error. Raises RegisterSyntaxError where it
    is no list at all: no text, another format, without an entry, too long."""
    items: list[ParsedItem] = []
    for seen, (line, text) in enumerate(_lines(data)):
        if seen == 0 and _VERSION.fullmatch(text):
            continue
        items.append(ParsedItem(len(items) + 1, text[:253], line=line, error=entry_error(text)))
        require_few(len(items), line)
        if len(items) % EVERY == 0:
            tell(len(items))
    if not items:
        message = "the list has no line with an entry"
        raise RegisterSyntaxError(message)
    return ParsedDocument(tuple(items), whole=whole)


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    """The lines with something in them, each with its number; comments are not among them."""
    begins = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower()
    if b"\0" in data or begins.startswith(tuple(each.encode() for each in _OTHERWISE)):
        message = "it is no text with one name on each line"
        raise RegisterSyntaxError(message)
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), start=1):
        trimmed = line.strip()
        if trimmed and not trimmed.startswith("#"):
            yield number, trimmed

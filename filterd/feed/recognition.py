"""Recognises what is no list, and the format of a list that was given as one of another.

A server that answers with a page instead of the list (a login, an error, an advertisement) must not empty
the feed, nor make rules out of its text. All judgements are on the first bytes or on many lines alike: no
single line refuses a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from filterd.feed.decompression import packing_of
from filterd.feed.names import RefusedNameError, normalise
from filterd.feed.parsers.entry import ListEntry, Parser

START = 4096
"""bytes that are looked at before the first line is read"""
_SPACE = b" \t\r\n\xef\xbb\xbf"
_MAGIC = (
    (b"\xff\xfe", "text in UTF-16; convert it to UTF-8"),
    (b"\xfe\xff", "text in UTF-16; convert it to UTF-8"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a media file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"!<arch>\n", "a Debian package or archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"-----BEGIN ", "a key, certificate or signature"),
    (b"untrusted comment: ", "a minisign signature"),
)
_HTML = re.compile(
    rb"(?:<\?xml[^>]*>|<!--.*?-->|\s)*+<(?:!doctype|html|head|body|script|title|meta|h1|div|p|form|table|svg|rss|feed|error)\b",
    re.IGNORECASE | re.DOTALL,
)
_LOGIN = re.compile(rb"""type\s*=\s*["']?password|<form\b""", re.IGNORECASE)
_JSON = re.compile(rb"""\{\s*(?:"|\})|\[\s*(?:["{\[]|\])""")
_BINARY_SHARE = 0.1
_TEXT = frozenset({9, 10, 12, 13, *range(0x20, 0x7F), *range(0x80, 0x100)})
_RPZ = re.compile(
    r"\$(?:TTL|ORIGIN)\b|\S+\s+(?:\d+\s+)?(?:IN\s+)?(?:CNAME\s+(?:\.|\*\.|rpz-)|SOA\s)", re.IGNORECASE
)
_FEW = 20
"""lines of one kind below which nothing is concluded"""
_SAMPLE = 200
_MOST = 0.9


def likeness(start: bytes) -> str | None:
    """The kind of content that begins so and is no list; None: it may be one."""
    if not start.strip(_SPACE):
        return "an empty file" if len(start) < START else None
    packing = packing_of(start)
    if packing is not None:
        return f"a {packing.name} file inside a compressed one"
    if is_tar(start):
        return "a tar archive (format ut1 reads one)"
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    text = start.lstrip(_SPACE)
    if _HTML.match(text):
        return "an HTML page with a form to log in" if _LOGIN.search(text) else "an HTML page"
    if _JSON.match(text):
        return "a JSON document"
    strange = sum(octet not in _TEXT for octet in start)
    return "a binary file" if strange > len(start) * _BINARY_SHARE else None


def is_tar(start: bytes) -> bool:
    """True for a tar archive as POSIX and GNU write it."""
    return start[257:262] == b"ustar"


@dataclass(slots=True)
class FirstLines:
    """The first lines of a list that are no comments."""

    lines: list[str] = field(default_factory=list)

    def watch(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The same blocks; their first lines are kept."""
        for block in blocks:
            if len(self.lines) < _SAMPLE:
                self._keep(block)
            yield block

    def _keep(self, block: bytes) -> None:
        for raw in block.split(b"\n", 4 * _SAMPLE)[: 4 * _SAMPLE]:
            line = raw.decode("utf-8", "replace").strip()
            if line and not line.startswith(("#", "!", ";", "//")) and len(self.lines) < _SAMPLE:
                self.lines.append(line)

    def looks_like(self, parsers: Mapping[str, Parser]) -> str | None:
        """The format in which nearly all the lines are rules; None: there is none, or too few lines."""
        if len(self.lines) < _FEW:
            return None
        if self._share(lambda line: _RPZ.match(line) is not None) >= _MOST:
            return "rpz"
        for name, parser in parsers.items():
            if self._share(partial(_reads, parser)) >= _MOST:
                return name
        return None

    def _share(self, fits: Callable[[str], bool]) -> float:
        return sum(map(fits, self.lines)) / len(self.lines)


def is_strange(names: int, skipped: int) -> bool:
    """True if so few of the lines gave a name that the list may have another format."""
    return skipped >= _FEW and names <= skipped * 0.02


def _reads(parser: Parser, line: str) -> bool:
    """True if every entry of the line is a rule."""
    found = list(parser.read_line(line))
    try:
        return bool(found) and all(isinstance(each, ListEntry) and normalise(each.text) for each in found)
    except RefusedNameError:
        return False

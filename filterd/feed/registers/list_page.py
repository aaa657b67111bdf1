"""Finds the addresses that a page of an authority names for its list and the list's control file.

Both change with each update (Italy's customs and monopolies agency puts a new identifier behind the file's
name), so that the page is read each time. It is judged as a stranger's text: bounded, read once from its
beginning to its end, and one that names two lists names none.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

MAX_PAGE = 2 << 20
"""bytes of a page"""
MAX_LINKS = 20_000
MAX_ADDRESS = 2_048
"""characters of an address"""
_MAX_TAG = 4_096
"""characters of a link's tag"""
_MAX_TEXT = 512
"""characters of a link's words"""
_LINK = re.compile(r"<a[\s/]", re.IGNORECASE)
_HREF = re.compile(r"(?:^|[\s/\"'])href\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_LINE = re.compile(r"https://[^\s\"'<>]{1,2000}", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


class ListPageError(ValueError):
    """The page names no list that is taken; the message is a phrase of this file and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The signs of a register's links: a piece of their address or of their words, whatever its case."""

    list_mark: str
    control_mark: str
    hosts: tuple[str, ...] = ()
    """beside the page's own, those at which the files may be"""


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """The addresses of a list and of its control file, as one reading of the page named them."""

    list_address: str
    control_address: str


def named_files(page: bytes, base: str, marks: Marks) -> NamedFiles:
    """The files that a page names. ``base``: the address from which it came. Raises ListPageError."""
    if len(page) > MAX_PAGE:
        message = f"the page has more than {MAX_PAGE} bytes"
        raise ListPageError(message)
    links = list(_links(_uncommented(page.decode("utf-8", "replace")), base))
    controls = _marked(links, marks.control_mark)
    lists = [each for each in _marked(links, marks.list_mark) if each not in controls]
    return NamedFiles(
        _the_one(lists, "list", base, marks.hosts), _the_one(controls, "control file", base, marks.hosts)
    )


def _the_one(found: Sequence[str], what: str, base: str, hosts: Sequence[str]) -> str:
    """The only address among those found, if files may be there."""
    distinct = sorted(set(found))
    if len(distinct) != 1:
        message = f"the page names {'no' if not distinct else len(distinct)} {what} by its mark"
        raise ListPageError(message)
    address = distinct[0]
    parts = urlsplit(address)
    if parts.scheme != "https" or parts.username is not None or parts.password is not None:
        message = f"the page names the {what} by an address that is no plain https://"
        raise ListPageError(message)
    own = (urlsplit(base).hostname or "", *hosts)
    if (parts.hostname or "") not in own:
        message = f"the page names the {what} at another host, which the register does not allow (hosts)"
        raise ListPageError(message)
    return address


def _marked(links: Sequence[tuple[str, str]], mark: str) -> list[str]:
    wanted = mark.casefold()
    return [
        address
        for address, words in links
        if wanted in unquote(address).casefold() or wanted in words.casefold()
    ]


def _links(text: str, base: str) -> Iterator[tuple[str, str]]:
    """Each link with its words; of a page without links, each address in it."""
    count = 0
    for count, (target, words) in enumerate(_anchors(text), start=1):
        if count > MAX_LINKS:
            message = f"the page has more than {MAX_LINKS} links"
            raise ListPageError(message)
        address = _joined(base, target)
        if address:
            yield address, words
    if count:
        return
    for count, found in enumerate(_LINE.finditer(text), start=1):
        if count > MAX_LINKS:
            message = f"the page has more than {MAX_LINKS} addresses"
            raise ListPageError(message)
        address = _joined(base, found[0])
        if address:
            yield address, ""


def _anchors(text: str) -> Iterator[tuple[str, str]]:
    """The targets of the links and their words, in one way through the text: each tag begins behind the end
    of the one before, so that no character counts for many."""
    at = 0
    while found := _LINK.search(text, at):
        ends = text.find(">", found.end())
        if ends < 0:
            return
        if ends - found.start() >= _MAX_TAG:  # too long for a link; one may begin closer to its end
            at = max(found.end(), ends - _MAX_TAG)
            continue
        at = ends + 1
        target = _HREF.search(text[found.end() - 1 : ends])
        if target is None:
            continue
        piece = text[at : at + _MAX_TEXT]
        closes = piece.lower().find("</a")
        words = _TAG.sub("", piece[:closes] if closes >= 0 else "")
        yield html.unescape(next(each for each in target.groups() if each is not None)), html.unescape(words)


def _joined(base: str, target: str) -> str:
    """The whole address of a link; empty where it is none."""
    trimmed = target.strip()
    if not trimmed or trimmed.startswith("#") or len(trimmed) > MAX_ADDRESS or not trimmed.isprintable():
        return ""
    try:
        address = urljoin(base, trimmed)
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("https", "http") or port == 0:
        return ""
    return parts._replace(fragment="").geturl()


def _uncommented(text: str) -> str:
    """The text without HTML comments: what is commented out names nothing."""
    pieces, at = [], 0
    while (begins := text.find("<!--", at)) >= 0:
        pieces.append(text[at:begins])
        ends = text.find("-->", begins + 4)
        if ends < 0:
            return "".join(pieces)
        at = ends + 3
    return "".join((*pieces, text[at:]))

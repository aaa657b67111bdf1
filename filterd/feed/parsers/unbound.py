"""Format ``unbound``: ``local-zone`` and ``local-data`` statements of an Unbound configuration.

A zone of a type that denies is blocked with all below it. A transparent zone is an exception to a zone above
it. Zones of types that answer with their own data (``static``, ``redirect`` ...) are blocked unless that
data sends the name somewhere. An address record that leads nowhere blocks its name alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from filterd.feed.names import clean_lines
from filterd.feed.parsers.entry import INCLUDES, Bulk, ListEntry, Parser, RefusedListEntry
from filterd.feed.parsers.hosts import blocks
from filterd.feed.precedence import Rank, by_zone
from filterd.model.rule import Action, Scope

DENYING = ("always_nxdomain", "always_null", "always_refuse", "always_nodata", "always_deny")
_ANSWERING = frozenset({"static", "redirect", "refuse", "deny", "inform_deny", "inform_redirect"})
_TRANSPARENT = frozenset({"transparent", "always_transparent", "typetransparent", "inform"})
_CLAUSE = re.compile(r"(?:server|forward-zone|stub-zone|auth-zone|view|rpz|remote-control|python):")
_STATEMENT = re.compile(r"""([a-z0-9-]+):\s*(.*)""")
_WORD = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^\s"'#]+))""")
_OTHER = RefusedListEntry("an Unbound statement that blocks nothing")
_ELSEWHERE = "points the name to an address and blocks nothing"
_REWRITE = "a rewrite to another name or address"
_RECORD = RefusedListEntry("a record that is no address")
_SYNTAX = RefusedListEntry("a statement that Unbound would not take")


def read_line(line: str) -> Iterable[ListEntry | RefusedListEntry]:
    """Read the entries of one statement; a clause's head may stand before it."""
    if line.startswith("#"):
        return ()
    clause = _CLAUSE.match(line)
    text = line[clause.end() :].strip() if clause else line
    if not text or text.startswith("#"):
        return ()
    found = _STATEMENT.fullmatch(text)
    if found is None:
        return (_SYNTAX,)
    words = _words(found[2])
    if found[1] == "local-zone":
        return (_zone(words),)
    if found[1] in ("include", "include-toplevel"):
        return (INCLUDES,)
    return _data(words) if found[1] == "local-data" else (_OTHER,)


def _words(text: str) -> list[str]:
    """The words of a statement without quotes and comment."""
    words = []
    at = 0
    while found := _WORD.match(text, at):
        words.append(next(group for group in found.groups() if group is not None))
        at = found.end()
    return words if not text[at:].strip() or text[at:].lstrip().startswith("#") else []


def _zone(words: list[str]) -> ListEntry | RefusedListEntry:
    if len(words) != 2:
        return _SYNTAX
    name, kind = words
    if kind in DENYING:
        return ListEntry(name, Scope.SUBTREE)
    if kind in _ANSWERING:
        return ListEntry(name, Scope.SUBTREE, rank=Rank.ANSWERED)
    if kind in _TRANSPARENT:
        return ListEntry(name, Scope.SUBTREE, Action.ALLOW)
    return RefusedListEntry("a type of zone that blocks nothing")


def _data(words: list[str]) -> Iterable[ListEntry | RefusedListEntry]:
    """A record: owner, perhaps TTL and class, type, value."""
    fields = " ".join(words).split()
    if len(fields) < 3:
        return (_SYNTAX,)
    name, *others = fields
    others = [each for each in others[:2] if not each.isdecimal() and each.upper() != "IN"] + others[2:]
    kind, value = others[0].upper() if others else "", others[1] if len(others) == 2 else ""
    if kind in ("A", "AAAA"):
        try:
            if blocks(ip_address(value)):
                return (ListEntry(name, Scope.EXACT, rank=Rank.ANSWERED),)
        except ValueError:
            return (_SYNTAX,)
    elif kind in ("TXT", "SOA", "NS", "MX", "PTR"):
        return (_RECORD,)
    skipped = _ELSEWHERE if kind in ("A", "AAAA") else _REWRITE
    return (
        ListEntry(name, Scope.EXACT, Action.ALLOW, Rank.ELSEWHERE, skipped=skipped),
        ListEntry(name, Scope.SUBTREE, rank=Rank.ANSWERED, cancels=True, silent=True),
    )


PARSER = Parser(
    read_line,
    bulk=tuple(
        Bulk(clean_lines(b'local-zone: "', suffix=end), b'local-zone: "', end, Scope.SUBTREE)
        for kind in DENYING
        for end in (b'" ' + kind.encode(), b'." ' + kind.encode())
    ),
    settle=by_zone,
)

"""Format ``dnsmasq``: ``address=``, ``local=`` and ``server=`` lines of a dnsmasq configuration.

A name without an address, or with one that leads nowhere, is blocked with all below it; ``/*.name/`` is only
what is below. ``server=/name/#`` sends the name to the usual servers, so that it is an exception to a block
above it. A line that sends a name elsewhere blocks nothing and is skipped, but for a name below a blocked
one, where it is an exception. An address that leads nowhere
blocks every type, although dnsmasq since 2.86 passes questions of the other family on: lists mean the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

from filterd.feed.names import clean_lines
from filterd.feed.parsers.entry import INCLUDES, Bulk, ListEntry, Parser, RefusedListEntry
from filterd.feed.parsers.hosts import blocks
from filterd.feed.precedence import Rank, as_written
from filterd.model.rule import Action, Scope

_COMMENT = re.compile(r"(?:^|\s)#.*")
_OTHER = RefusedListEntry("a dnsmasq option that blocks nothing")
_ELSEWHERE = "points the name to an address and blocks nothing"
_FORWARDED = "forwards the name to another server and blocks nothing"
_BLOCKS = ListEntry("", Scope.SUBTREE)
_EXCEPTS = ListEntry("", Scope.SUBTREE, Action.ALLOW)
_SENDS = ListEntry("", Scope.SUBTREE, Action.ALLOW, Rank.ELSEWHERE)
_EVERYTHING = RefusedListEntry("the root")
_NO_NAME = RefusedListEntry("no name between slashes")
_WILDCARD = RefusedListEntry("a wildcard in a place where none can stand")


def read_line(line: str) -> Iterable[ListEntry | RefusedListEntry]:
    """Read one entry for each name of the line."""
    text = _COMMENT.sub("", line).replace('"', "").strip()
    if not text:
        return ()
    option, equals, value = (each.strip() for each in text.partition("="))
    if option in ("conf-file", "conf-dir", "servers-file", "addn-hosts"):
        return (INCLUDES,)
    if not equals or option not in ("address", "local", "server"):
        return (_OTHER,)
    if not value.startswith("/"):
        return (_NO_NAME,)
    *names, target = value[1:].split("/")
    if not names:
        return (_NO_NAME,)
    effect = _effect(option, target.strip())
    if isinstance(effect, RefusedListEntry):
        return (effect,)
    return [_entry(name.strip(), effect) for name in names]


def _effect(option: str, target: str) -> ListEntry | RefusedListEntry:
    """The entry of a line, but for the name, by what follows its last slash."""
    if not target:
        return _BLOCKS
    if option != "address":
        return _EXCEPTS if target == "#" else replace(_SENDS, skipped=_FORWARDED)
    if target == "#":
        return _BLOCKS
    try:
        return _BLOCKS if blocks(ip_address(target)) else replace(_SENDS, skipped=_ELSEWHERE)
    except ValueError:
        return RefusedListEntry("no address behind the last slash")


def _entry(name: str, effect: ListEntry) -> ListEntry | RefusedListEntry:
    if name == "#":
        return _EVERYTHING
    if not name:
        return RefusedListEntry("a single label")  # of any name without a dot, as dnsmasq has it
    if name.startswith("*."):
        return replace(effect, text=name[2:], scope=Scope.BELOW)
    if name.startswith("*"):
        return _WILDCARD
    return replace(effect, text=name.removeprefix("."))


_FORMS = [
    *((b"address=/", b"/" + target) for target in (b"#", b"0.0.0.0", b"", b"127.0.0.1", b"::")),
    (b"local=/", b"/"),
    (b"server=/", b"/"),
]
PARSER = Parser(
    read_line,
    bulk=tuple(
        Bulk(clean_lines(prefix, suffix=suffix), prefix, suffix, Scope.SUBTREE) for prefix, suffix in _FORMS
    ),
    settle=as_written,
)

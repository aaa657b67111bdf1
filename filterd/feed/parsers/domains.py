"""Format ``domains``: one name a line.

A leading dot (``.example.org``, as squid writes) means the name and all below it, whatever the feed's scope.
"""

from __future__ import annotations

from collections.abc import Iterable

from filterd.feed.names import clean_lines
from filterd.feed.parsers.entry import Bulk, ListEntry, Parser, RefusedListEntry, words
from filterd.model.rule import Scope


def read_line(line: str) -> Iterable[ListEntry | RefusedListEntry]:
    """Read at most one entry."""
    found = words(line)
    if not found:
        return ()
    if len(found) > 1:
        return (RefusedListEntry("more than one word"),)
    (name,) = found
    if name.startswith("*."):
        return (RefusedListEntry("a wildcard; the feed's format is domains"),)
    if name.startswith(".") and len(name) > 1:
        return (ListEntry(name[1:], Scope.SUBTREE),)
    return (ListEntry(name),)


PARSER = Parser(read_line, bulk=(Bulk(clean_lines(), b""),))

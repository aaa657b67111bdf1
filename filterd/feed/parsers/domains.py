"""Format ``domains``: one name a line.

A leading dot (``.example.org``, as squid writes) means the name and all below it, whatever the feed's scope.
"""

from __future__ import annotations

from collections.abc import Iterable

from filterd.feed.names import clean_lines
from filterd.feed.parsers.entry import Bulk, Entry, Parser, RefusedEntry, words
from filterd.model.rule import Scope


def read_line(line: str) -> Iterable[Entry | RefusedEntry]:
    """Read at most one entry."""
    found = words(line)
    if not found:
        return ()
    if len(found) > 1:
        return (RefusedEntry("more than one word"),)
    (name,) = found
    if name.startswith("*."):
        return (RefusedEntry("a wildcard; the feed's format is domains"),)
    if name.startswith(".") and len(name) > 1:
        return (Entry(name[1:], Scope.SUBTREE),)
    return (Entry(name),)


PARSER = Parser(read_line, bulk=(Bulk(clean_lines(), b""),))

"""Format ``wildcard``: one name a line, mostly written ``*.example.org``.

Lists published in this form mean the name and all below it, with and without the ``*.``: the same lists are
also published as ``||example.org^``. So both are ``subtree``; for a list that means it strictly (RFC 4592),
set ``scope: below`` on the feed. A star elsewhere is refused: no rule can express it.
"""

from __future__ import annotations

from collections.abc import Iterable

from filterd.feed.names import clean_lines
from filterd.feed.parsers.entry import Bulk, ListEntry, Parser, RefusedListEntry, words


def read_line(line: str) -> Iterable[ListEntry | RefusedListEntry]:
    """Read at most one entry."""
    found = words(line)
    if not found:
        return ()
    if len(found) > 1:
        return (RefusedListEntry("more than one word"),)
    (name,) = found
    for mark in ("*.", "."):
        if name.startswith(mark) and name != mark:
            return (ListEntry(name.removeprefix(mark)),)
    return (ListEntry(name),)


PARSER = Parser(read_line, bulk=(Bulk(clean_lines(b"*."), b"*."), Bulk(clean_lines(), b"")))

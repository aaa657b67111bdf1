"""The files of a category in an archive of format ``ut1``: ``domains``, ``urls`` and expressions.

``domains`` has the format of that name. The lines of ``urls`` and of the files of expressions are counted:
DNS can execute neither, and the names in them must not stand for them.
"""

from __future__ import annotations

from collections.abc import Iterable

from filterd.feed.names import NOT_EXECUTABLE
from filterd.feed.parsers import domains
from filterd.feed.parsers.entry import ListEntry, Parser, RefusedListEntry, words


def _read_url(line: str) -> Iterable[ListEntry | RefusedListEntry]:
    return (RefusedListEntry(NOT_EXECUTABLE),) if words(line) else ()


def _read_expression(line: str) -> Iterable[ListEntry | RefusedListEntry]:
    return (RefusedListEntry("a regular expression"),) if words(line) else ()


PARSER = domains.PARSER
PARSERS = {
    "domains": PARSER,
    "urls": Parser(_read_url, bulk=()),
    "expressions": Parser(_read_expression, bulk=()),
    "very_restrictive_expression": Parser(_read_expression, bulk=()),
}
"""by the name of the file inside its category"""

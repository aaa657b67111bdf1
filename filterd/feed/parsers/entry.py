"""The entries of a list's lines, before their names are normalised, and the interface of a list format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from filterd.model.rule import Scope


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A name as written, with its scope; None: that of the feed."""

    text: str
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class RefusedListEntry:
    """A line, or part of one, that DNS cannot express; the reason is a fixed phrase."""

    reason: str


ReadLine = Callable[[str], Iterable[ListEntry | RefusedListEntry]]
"""reads a line without its newline; returns nothing for comments and blank lines; never raises"""


@dataclass(frozen=True, slots=True)
class Bulk:
    """A form that most lists of a format use, so that whole blocks can be read at a time.

    If ``lines`` matches a whole block, removing ``prefix`` from every line gives its names. The result must
    equal that of the line reader.
    """

    lines: re.Pattern[bytes]
    prefix: bytes


@dataclass(frozen=True, slots=True)
class Parser:
    """One list format."""

    read_line: ReadLine
    bulk: tuple[Bulk, ...]


def words(line: str) -> list[str]:
    """The words of a line without its comment, which begins with ``#`` anywhere, or with ``!``, ``;`` or
    ``//`` at the start of the line."""
    line = line.partition("#")[0].strip()
    if line.startswith(("!", ";", "//")):
        return []
    return line.split()

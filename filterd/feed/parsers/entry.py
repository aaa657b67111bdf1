"""What a line of a list says, before its names are brought into form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from filterd.model.rule import Scope


@dataclass(frozen=True, slots=True)
class Entry:
    """A name as written, with its scope; None takes the feed's."""

    text: str
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """A line, or part of one, that says nothing which DNS can do; the reason is a fixed phrase."""

    reason: str


ReadLine = Callable[[str], Iterable[Entry | RefusedEntry]]
"""What a line without its newline says; nothing for comments and blank lines. Never raises."""


@dataclass(frozen=True, slots=True)
class Bulk:
    """A form in which most lists of a format are written, taken a whole block at a time.

    A block matched in full by ``lines`` becomes names by taking ``prefix`` away from every line; this must
    give what the line reader gives for each of them.
    """

    lines: re.Pattern[bytes]
    prefix: bytes


@dataclass(frozen=True, slots=True)
class Parser:
    """One list format."""

    read_line: ReadLine
    bulk: tuple[Bulk, ...]


def words(line: str) -> list[str]:
    """The line's words without its comment. A comment begins with ``#`` anywhere, or ``!``, ``;`` or ``//``
    at the line's start."""
    line = line.partition("#")[0].strip()
    if line.startswith(("!", ";", "//")):
        return []
    return line.split()

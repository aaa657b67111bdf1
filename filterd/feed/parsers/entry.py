"""The entries of a list's lines, before their names are normalised, and the interface of a list format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from filterd.feed.precedence import ListRules, Rank
from filterd.feed.run import Run
from filterd.model.rule import Action, Scope


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A name as written, with the rule on it."""

    text: str
    scope: Scope | None = None
    """None: that of the feed"""
    action: Action = Action.BLOCK
    rank: Rank = Rank.PLAIN
    spared: tuple[str, ...] = ()
    """names that this entry leaves alone, with all below them; those that are not below it say nothing"""
    cancels: bool = False
    """takes every equal entry of the list away, and is none itself"""
    skipped: str = ""
    """the reason why the line counts as skipped although the entry is taken"""
    silent: bool = False
    """not counted where its name can be none: another entry of the line is"""

    @property
    def plain(self) -> bool:
        """True if it blocks a name, whatever else the list says."""
        return (
            self.action is Action.BLOCK and self.rank is Rank.PLAIN and not self.spared and not self.cancels
        )


@dataclass(frozen=True, slots=True)
class RefusedListEntry:
    """A line, or part of one, that DNS cannot express; the reason is a fixed phrase."""

    reason: str


INCLUDES = RefusedListEntry("includes another file, which is not read")
ReadLine = Callable[[str], Iterable[ListEntry | RefusedListEntry]]
"""reads a line without its newline; returns nothing for comments and blank lines; never raises"""


@dataclass(frozen=True, slots=True)
class Bulk:
    """A form that most lists of a format use, so that whole blocks can be read at a time.

    If ``lines`` matches a whole block, removing ``prefix`` and ``suffix`` from every line gives its names.
    The result must equal that of the line reader.
    """

    lines: re.Pattern[bytes]
    prefix: bytes
    suffix: bytes = b""
    scope: Scope | None = None
    """of the names; None: that of the feed"""


@dataclass(frozen=True, slots=True)
class Parser:
    """One list format."""

    read_line: ReadLine
    bulk: tuple[Bulk, ...]
    settle: Callable[[ListRules], Iterator[Run]] | None = None
    """decides between the entries of the whole list; None: each stands for itself"""


def words(line: str) -> list[str]:
    """The words of a line without its comment, which begins with ``#`` anywhere, or with ``!``, ``;`` or
    ``//`` at the start of the line."""
    line = line.partition("#")[0].strip()
    if line.startswith(("!", ";", "//")):
        return []
    return line.split()

"""Parses a list's blocks of lines into runs of rules. A bad line is skipped, counted and reported.

The policy's compiler takes runs: names of one scope and action, each ended by a newline. Runs come in the
order of the file; the same name may occur again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from filterd.feed.names import RefusedNameError, normalise
from filterd.feed.parsers import domains, hosts, wildcard
from filterd.feed.parsers.entry import ListEntry, Parser
from filterd.feed.source import MAX_LINE
from filterd.model.rule import Action, Scope
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes

PARSERS: dict[Format, Parser] = {
    Format.DOMAINS: domains.PARSER,
    Format.WILDCARD: wildcard.PARSER,
    Format.HOSTS: hosts.PARSER,
}
PARSER_VERSION = 1
"""raised with every change of what a list's lines give: unchanged sources are then parsed again"""
_MAX_TEXT = 200
"""characters of a skipped line that are kept"""


@dataclass(frozen=True, slots=True)
class Run:
    """Rules of one scope and action: ``names`` in lower-case ASCII, each ended by a newline."""

    scope: Scope
    action: Action
    names: bytes

    @property
    def count(self) -> int:
        """The number of names, with repetitions."""
        return self.names.count(b"\n")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line, or one name of it, that gave no rule; ``line`` counts from 1."""

    line: int
    text: str
    reason: str


@dataclass(slots=True)
class ParseReport:
    """Counts all skipped lines, and keeps the first ``keep`` of them (None: all).

    For a confidential list only the numbers of the lines are kept (``quotes`` is False).
    """

    keep: int | None = 1000
    quotes: bool = True
    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    kept: list[Skipped] = field(default_factory=list)

    def skip(self, line: int, text: str, reason: str) -> None:
        """Count a skipped line, and keep it if there is room."""
        self.count += 1
        self.reasons[reason] += 1
        if self.keep is None or len(self.kept) < self.keep:
            self.kept.append(Skipped(line, text[:_MAX_TEXT] if self.quotes else "", reason))


def parse(
    blocks: Iterable[bytes], form: Format, scope: Scope, suffixes: Suffixes, report: ParseReport
) -> Iterator[Run]:
    """Parse the rules of a list. ``blocks`` are whole lines (:func:`filterd.feed.source.line_blocks`)."""
    parser = PARSERS[form]
    line_number = 1
    for block in blocks:
        names = _whole(block, parser, suffixes)
        if names is not None:
            yield Run(scope, Action.BLOCK, names)
        else:
            yield from _by_line(block, line_number, parser, scope, suffixes, report)
        line_number += block.count(b"\n")


def _whole(block: bytes, parser: Parser, suffixes: Suffixes) -> bytes | None:
    """The block's names if every line has a form that can be taken as it is, else None."""
    for bulk in parser.bulk:
        match = bulk.lines.match(block)
        if match is None or match.end() != len(block):
            continue
        names = block.replace(bulk.prefix, b"") if bulk.prefix else block
        if suffixes.touches(names.decode("ascii")):
            return None
        return names
    return None


def _by_line(
    block: bytes, first: int, parser: Parser, scope: Scope, suffixes: Suffixes, report: ParseReport
) -> Iterator[Run]:
    """Parse the block line by line; yield one run for each scope of its entries."""
    found: dict[Scope, list[str]] = {}
    for number, raw in enumerate(block.split(b"\n")[:-1], first):
        line = _text(raw, number, report)
        for item in parser.read_line(line) if line else ():
            if not isinstance(item, ListEntry):
                report.skip(number, line, item.reason)
                continue
            name = _name(item.text, number, line, suffixes, report)
            if name is not None:
                found.setdefault(scope if item.scope is None else item.scope, []).append(name)
    for each, names in found.items():
        yield Run(each, Action.BLOCK, ("\n".join(names) + "\n").encode("ascii"))


def _text(raw: bytes, number: int, report: ParseReport) -> str:
    """The line as text; empty, and reported, if it cannot be read."""
    if len(raw) > MAX_LINE:
        report.skip(number, raw[:_MAX_TEXT].decode("utf-8", "replace"), "a line too long")
        return ""
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        report.skip(number, raw.decode("utf-8", "backslashreplace"), "not UTF-8")
        return ""


def _name(text: str, number: int, line: str, suffixes: Suffixes, report: ParseReport) -> str | None:
    """The entry's name in the form of the policy; None, and reported, if it cannot be a rule."""
    try:
        name = normalise(text)
    except RefusedNameError as refused:
        report.skip(number, line, str(refused))
        return None
    if name in suffixes:
        report.skip(number, line, "a public suffix: would block all that is registered below it")
        return None
    return name

"""Parses a list's blocks of lines into runs of rules. A bad line is skipped, counted and reported.

The policy's compiler takes runs: names of one scope and action, each ended by a newline. The same name may
occur again. In formats with a precedence of their own, blocks come when all was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from filterd.feed.names import NOT_EXECUTABLE, RefusedNameError, normalise
from filterd.feed.parsers import adblock, dnsmasq, domains, hosts, unbound, ut1, wildcard
from filterd.feed.parsers.entry import Bulk, ListEntry, Parser
from filterd.feed.precedence import ListRules, Sparing
from filterd.feed.run import Run as Run
from filterd.feed.source import MAX_LINE, TooLargeError
from filterd.model.rule import Action, Scope
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes

PARSERS: dict[Format, Parser] = {
    Format.DOMAINS: domains.PARSER,
    Format.WILDCARD: wildcard.PARSER,
    Format.HOSTS: hosts.PARSER,
    Format.ADBLOCK: adblock.PARSER,
    Format.DNSMASQ: dnsmasq.PARSER,
    Format.UNBOUND: unbound.PARSER,
    Format.UT1: ut1.PARSER,
}
PARSER_VERSION = 1
"""raised with every change of what a list's lines give: unchanged sources are then parsed again"""
MOST_SKIPPED = 1_000_000
"""skipped lines of one list: some ten seconds. EasyList has 38,000"""
_MAX_TEXT = 200
"""characters of a skipped line that are kept"""
_STRETCH = 2048
"""bytes of lines of one form that are worth being taken whole"""
_LINES = 32
"""lines that are read one by one before another form is looked for"""
_SUFFIX = "a public suffix: would block all that is registered below it"
_SUFFIX_ALLOWED = "a public suffix: would lift the list for all that is registered below it"


def printable(text: str) -> str:
    """The text of a list for a terminal: what is no printable character becomes a question mark."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line, or one name of it, that gave no rule; ``line`` counts from 1, and is 0 where the whole list was
    judged."""

    line: int
    text: str
    reason: str
    member: str = ""
    """of an archive: the path inside it of the file that has the line"""

    def __str__(self) -> str:
        place = ":".join(each for each in (self.member, str(self.line) if self.line else "") if each)
        return f"{place}: {self.reason}: {printable(self.text)}" if place else f"{self.reason}: {self.text}"


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
    member: str = ""
    """the file of an archive that is being read"""

    @property
    def not_executable(self) -> int:
        """The number of lines that name a part of a site, which DNS cannot block."""
        return self.reasons[NOT_EXECUTABLE]

    def skip(self, line: int, text: str, reason: str) -> None:
        """Count a skipped line, and keep it if there is room. Raises TooLargeError for a list with too many
        of them, which would hold up the reading of others."""
        self.count += 1
        if self.count > MOST_SKIPPED:
            msg = (
                f"more than {MOST_SKIPPED:,} of its lines give no rule ({self.reasons.most_common(1)[0][0]})"
            )
            raise TooLargeError(msg)
        self.reasons[reason] += 1
        if self.keep is None or len(self.kept) < self.keep:
            self.kept.append(Skipped(line, text[:_MAX_TEXT] if self.quotes else "", reason, self.member))


def parse(
    blocks: Iterable[bytes], form: Format, scope: Scope, suffixes: Suffixes, report: ParseReport
) -> Iterator[Run]:
    """Parse the rules of a list. ``blocks`` are whole lines (:func:`filterd.feed.source.line_blocks`)."""
    return parse_with(PARSERS[form], blocks, scope, suffixes, report)


def parse_with(
    parser: Parser, blocks: Iterable[bytes], scope: Scope, suffixes: Suffixes, report: ParseReport
) -> Iterator[Run]:
    """As :func:`parse`, with a parser that no format has as its own."""
    reading = _Reading(parser, scope, suffixes, report)
    if parser.settle is None:
        yield from reading.runs(blocks)
        return
    for run in reading.runs(blocks):
        reading.held.add_blocks(run)
    yield from parser.settle(reading.held)


class _Reading:
    """The reading of one list."""

    def __init__(self, parser: Parser, scope: Scope, suffixes: Suffixes, report: ParseReport) -> None:
        self._parser = parser
        self._scope = scope
        self._suffixes = suffixes
        self._report = report
        self.held = ListRules()
        """the entries that are no plain blocks"""

    def runs(self, blocks: Iterable[bytes]) -> Iterator[Run]:
        """The plain blocks."""
        number = 1
        for block in blocks:
            at = 0
            while at < len(block):
                end, run = self._whole(block, at)
                yield from self._by_line(block[at:end], number) if run is None else (run,)
                number += block.count(b"\n", at, end)
                at = end

    def _whole(self, block: bytes, at: int) -> tuple[int, Run | None]:
        """The end of the next stretch of lines, and its names if every line has a form that can be taken as
        it is."""
        for bulk in self._parser.bulk:
            match = bulk.lines.match(block, at)
            end = at if match is None else match.end()
            if end - at < min(_STRETCH, len(block) - at):
                continue
            names = _bare(block[at:end], bulk)
            if self._suffixes.touches(names.decode("ascii")):
                return end, None
            return end, Run(self._scope if bulk.scope is None else bulk.scope, Action.BLOCK, names)
        return _after_lines(block, at), None

    def _by_line(self, block: bytes, first: int) -> Iterator[Run]:
        """Parse the block line by line; yield one run for each scope of its plain blocks."""
        found: dict[Scope, list[str]] = {}
        for number, raw in enumerate(block.split(b"\n")[:-1], first):
            line = _text(raw, number, self._report)
            for item in self._parser.read_line(line) if line else ():
                if not isinstance(item, ListEntry):
                    self._report.skip(number, line, item.reason)
                    continue
                name = self._name(item, number, line)
                if name is None:
                    continue
                scope = self._scope if item.scope is None else item.scope
                if item.skipped:
                    self._report.skip(number, line, item.skipped)
                if item.plain:
                    found.setdefault(scope, []).append(name)
                else:
                    self._hold(item, name, scope)
        for each, names in found.items():
            yield Run(each, Action.BLOCK, ("\n".join(names) + "\n").encode("ascii"))

    def _name(self, item: ListEntry, number: int, line: str) -> str | None:
        """The entry's name in the form of the policy; None, and reported, if it cannot be a rule."""
        try:
            name = normalise(item.text)
        except RefusedNameError as refused:
            reason = str(refused)
        else:
            if name not in self._suffixes:
                return name
            reason = _SUFFIX if item.action is Action.BLOCK else _SUFFIX_ALLOWED
        if not item.silent:
            self._report.skip(number, line, reason)
        return None

    def _hold(self, item: ListEntry, name: str, scope: Scope) -> None:
        """Keep an entry until the whole list is read."""
        if item.spared:
            sparing = Sparing(name, scope, frozenset(item.spared))
            self.held.add_sparing(sparing, cancels=item.cancels)
        else:
            self.held.add_claim((item.rank, item.action, scope), name, cancels=item.cancels)


def _after_lines(block: bytes, at: int) -> int:
    """The place some lines further on."""
    for _ in range(_LINES):
        at = block.find(b"\n", at) + 1
        if at == len(block):
            break
    return at


def _bare(block: bytes, bulk: Bulk) -> bytes:
    """The names of a block whose lines all have the form."""
    names = block.replace(bulk.prefix, b"") if bulk.prefix else block
    return names.replace(bulk.suffix + b"\n", b"\n") if bulk.suffix else names


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

"""Reads a whole list from its file: content, format, and what the lines give.

One file is one list, but for an archive of format ``ut1``, whose categories are read one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from filterd.disk.given_file import GivenFile
from filterd.feed.archive import Member
from filterd.feed.archive import members as archive_members
from filterd.feed.parsers import ut1
from filterd.feed.parsing import PARSERS, ParseReport, Run, parse, parse_with
from filterd.feed.recognition import START, FirstLines, is_strange, likeness
from filterd.feed.source import MAX_BYTES, NotAListError, line_blocks, read_chunks
from filterd.model.rule import Scope
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes

_MAX_MEMBER = 200
"""characters of a member's path that are kept"""
_SHOWN = 20
"""categories that a message names"""


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a list's file, as its entry in feeds.yaml says."""

    format: Format
    scope: Scope
    part: str = ""
    """of an archive: the category to read; empty: all of them"""


def read_list(
    path: Path | GivenFile,
    form: Form,
    suffixes: Suffixes,
    report: ParseReport,
    *,
    limit: int = MAX_BYTES,
    note: Callable[[bytes], object] | None = None,
) -> Iterator[Run]:
    """The rules of a list's file. Raises SourceError, possibly after some rules: they must not be used then.

    ``note`` is called with each piece of the decompressed content, in order.
    """
    note = note or _unnoted
    if form.format is Format.UT1:
        archive = _Archive(path, form.part, archive_members(path, limit, note), report)
        yield from archive.runs(form.scope, suffixes)
        return
    sample = FirstLines()
    blocks = sample.watch(line_blocks(_judged(_noted(read_chunks(path, limit), note), str(path))))
    names = 0
    before = report.count
    for run in parse(blocks, form.format, form.scope, suffixes, report):
        names += run.count
        yield run
    if is_strange(names, report.count - before):
        others = {each.value: parser for each, parser in PARSERS.items() if each is not form.format}
        found = sample.looks_like(others)
        if found is not None:
            msg = f"{path} looks like a list of format {found}, and its entry says {form.format}"
            raise NotAListError(msg)


class _Archive:
    """The reading of an archive in the layout ``ANYTHING/CATEGORY/domains``."""

    def __init__(
        self, path: Path | GivenFile, part: str, members: Iterator[Member], report: ParseReport
    ) -> None:
        self._path = path
        self._part = part
        self._members = members
        self._report = report
        self._categories: set[str] = set()
        self._target = ""
        """of a link in the place of the wanted category"""

    def runs(self, scope: Scope, suffixes: Suffixes) -> Iterator[Run]:
        """The rules of the wanted category, or of all. Raises SourceError."""
        for member in self._members:
            content = self._wanted(member)
            if content is None:
                continue
            self._report.member = member.name
            blocks = line_blocks(_judged(content, f"{member.name} in {self._path}", empty=True))
            yield from parse_with(ut1.PARSERS[member.parts[-1]], blocks, scope, suffixes, self._report)
            self._report.member = ""
        self._require_found()

    def _wanted(self, member: Member) -> Iterator[bytes] | None:
        """The content of a member that belongs to the list; others are counted if they may be hostile."""
        if member.content is None:
            self._report.member = member.name[:_MAX_MEMBER]
            self._report.skip(0, "", member.reason)
            self._report.member = ""
            if member.target and member.parts[-1:] == (self._part,):
                self._target = member.target[:_MAX_MEMBER]
            return None
        if len(member.parts) < 2 or member.parts[-1] not in ut1.PARSERS:
            return None
        category = member.parts[-2]
        self._categories.add(category)
        return member.content if self._part in ("", category) else None

    def _require_found(self) -> None:
        found = sorted(self._categories)
        if not found:
            msg = f"{self._path} has no member CATEGORY/domains, as an archive of format ut1 has"
            raise NotAListError(msg)
        if self._part in ("", *found):
            return
        msg = f"{self._path} has no category {self._part}; it has {', '.join(found[:_SHOWN])}"
        if self._target:
            msg = f"in {self._path} {self._part} is a link to {self._target!r}: set part to that"
        raise NotAListError(msg)


def _unnoted(_piece: bytes) -> None:
    """Take no note of the content."""


def _noted(chunks: Iterable[bytes], note: Callable[[bytes], object]) -> Iterator[bytes]:
    for chunk in chunks:
        note(chunk)
        yield chunk


def _judged(chunks: Iterator[bytes], where: str, *, empty: bool = False) -> Iterator[bytes]:
    """The same content; NotAListError where it is no list. ``empty``: it may be empty."""
    start = b""
    first: list[bytes] = []
    while len(start) < START and (chunk := next(chunks, None)) is not None:
        first.append(chunk)
        start += chunk
    found = None if empty and not start else likeness(start[:START])
    if found is not None:
        msg = f"{where} is no list: it looks like {found}"
        raise NotAListError(msg)
    return chain(first, chunks)

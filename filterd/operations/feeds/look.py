"""Parses a file for a look, without loading it."""

from __future__ import annotations

from pathlib import Path

from filterd.config.policies import icann_suffixes
from filterd.disk.given_file import GivenFile
from filterd.feed.parsing import ParseReport, parse
from filterd.feed.rules import collect
from filterd.feed.source import SourceError, line_blocks, read_chunks
from filterd.model.rule import NameRule, Scope
from filterd.operations.context import OperationError
from filterd.policy.documents import Format


def parse_file(
    path: Path | GivenFile, form: str, scope: Scope | None = None
) -> tuple[tuple[NameRule, ...], ParseReport]:
    """The rules that a file would give, and every line that would be skipped; nothing is loaded."""
    try:
        kind = Format(form)
    except ValueError:
        message = f"unknown format {form[:32]!r}"
        raise OperationError(message, f"choose one of: {', '.join(Format)}") from None
    report = ParseReport(keep=None)
    blocks = line_blocks(read_chunks(path))
    try:
        runs = parse(blocks, kind, kind.default_scope if scope is None else scope, icann_suffixes(), report)
        return tuple(collect(runs).rules()), report
    except SourceError as error:
        raise OperationError(str(error), "give a file that this user can read") from error

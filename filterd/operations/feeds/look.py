"""Parses a file for a look, without loading it."""

from __future__ import annotations

from pathlib import Path

from filterd.config.policies import icann_suffixes
from filterd.disk.given_file import GivenFile
from filterd.feed.parsing import ParseReport
from filterd.feed.reading import Form, read_list
from filterd.feed.rules import collect
from filterd.feed.source import SourceError, UnreadableError
from filterd.model.rule import NameRule, Scope
from filterd.operations.context import OperationError
from filterd.policy.documents import Format


def parse_file(
    path: Path | GivenFile, form: str, scope: Scope | None = None, part: str = ""
) -> tuple[tuple[NameRule, ...], ParseReport]:
    """The rules that a file would give, and every line that would be skipped; nothing is loaded."""
    try:
        kind = Format(form)
    except ValueError:
        message = f"unknown format {form[:32]!r}"
        raise OperationError(message, f"choose one of: {', '.join(Format)}") from None
    if part and kind is not Format.UT1:
        message = "a part is a category of an archive"
        raise OperationError(message, "leave it out, or read an archive: --format ut1")
    report = ParseReport(keep=None)
    wanted = Form(kind, kind.default_scope if scope is None else scope, part)
    try:
        return tuple(collect(read_list(path, wanted, icann_suffixes(), report)).rules()), report
    except UnreadableError as error:
        raise OperationError(str(error), "give a file that this user can read") from error
    except SourceError as error:
        raise OperationError(str(error), "give the list itself, with its format in --format") from error

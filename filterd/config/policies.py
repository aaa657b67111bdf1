"""Reads and checks the policies directory; reports all problems of all files at once, each with its path.

::

    PoliciesError(Exception)      .problems: tuple[Problem(path, message), ...]
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeVar
from zoneinfo import available_timezones

from filterd.config import policy_documents as documents
from filterd.config import policy_references
from filterd.config.policy_values import DocumentValue, Problem
from filterd.config.yamlfile import Nothing, YamlError, dotted, read_yaml, settle
from filterd.policy.documents import Policies, Protected
from filterd.policy.suffixes import ICANN, PRIVATE, Suffixes, parse_suffixes

T = TypeVar("T")

_EMPTY = "is empty, as a file that was cut off is: put its content back"


class PoliciesError(Exception):
    """Everything wrong with a policies directory; the text has one line for each problem."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def load_policies(directory: Path) -> Policies:
    """The documents of a policies directory. Raises PoliciesError with all problems.

    Every file must be there and hold a value, if only ``[]``: a file that went missing or was emptied must
    not read as "nothing is blocked" or "nothing is protected". The directories ``profiles`` and
    ``jurisdictions`` may be missing.
    """
    if not directory.is_dir():
        raise PoliciesError((Problem(str(directory), "is no directory; set policies to the one to use"),))
    problems: list[Problem] = []
    read = _Directory(directory, problems)
    policies = Policies(
        categories=read.listing("categories.yaml", documents.read_category),
        feeds=read.listing("feeds.yaml", documents.read_feed),
        profiles=read.folder("profiles", documents.read_profile),
        services=read.listing("services.yaml", documents.read_service),
        safe_search=read.listing("safesearch.yaml", documents.read_safe_search),
        bypass=read.listing("bypass.yaml", documents.read_bypass),
        protected=read.document("protected.yaml", documents.read_protected, Protected(public_suffixes=True)),
        expected=read.document("expected.yaml", documents.read_expected, ()),
        jurisdictions=read.folder("jurisdictions", documents.read_jurisdiction),
    )
    problems += policy_references.check(policies)
    for each in policies.jurisdictions:
        if each.zone and each.zone not in available_timezones():
            path = f"jurisdictions/{each.id}.yaml.calendar.zone"
            problems.append(Problem(path, f"{each.zone!r} is no time zone"))
    empty = [Problem(path, nothing.complaint) for path, nothing in read.empty.items()]
    problems = empty + [each for each in problems if each.path not in read.empty]
    if problems:
        raise PoliciesError(tuple(problems))
    return policies


class _Directory:
    """Reads files of one directory into one list of problems."""

    def __init__(self, directory: Path, problems: list[Problem]) -> None:
        self._directory = directory
        self._problems = problems
        self.empty: dict[str, Nothing] = {}
        """written nulls, by path"""

    def listing(self, file: str, read: Callable[[DocumentValue], T]) -> tuple[T, ...]:
        """A file that holds a list."""
        value = self._value(file, "[]")
        return () if value is None else tuple(read(item) for item in value.items())

    def document(self, file: str, read: Callable[[DocumentValue], T], otherwise: T) -> T:
        """A file that holds one value."""
        value = self._value(file, "{}" if otherwise == () else "")
        return otherwise if value is None else read(value)

    def folder(self, folder: str, read: Callable[[DocumentValue, str], T]) -> tuple[T, ...]:
        """One value for each file of a directory, by file name."""
        files = sorted((self._directory / folder).glob("*.yaml"))
        values = [(self._value(f"{folder}/{file.name}"), file.stem) for file in files]
        return tuple(read(value, stem) for value, stem in values if value is not None)

    def _value(self, file: str, nothing: str = "") -> DocumentValue | None:
        """The file's value; None, and a problem, where it has none. ``nothing`` is what to write into a file
        that is meant to hold nothing."""
        try:
            value = read_yaml(self._directory / file)
        except YamlError as error:
            self._problems += [Problem(file, message) for message in error.errors]
            return None
        if value is None or isinstance(value, Nothing):
            meant = f"; where nothing is meant, write {nothing}" if nothing else ""
            self._problems.append(Problem(file, _EMPTY + meant))
            return None
        value, nothings = settle(value)
        self.empty |= {file + dotted(at): nothing for at, nothing in nothings.items()}
        return DocumentValue(value, file, self._problems)


def icann_suffixes() -> Suffixes:
    """The public suffix list's ICANN section, as the installed publicsuffixlist package carries it."""
    return _section(ICANN)


def private_suffixes() -> Suffixes:
    """The same list's private section: suffixes of hosting services."""
    return _section(PRIVATE)


@cache
def _section(kind: str) -> Suffixes:
    source = resources.files("publicsuffixlist") / "public_suffix_list.dat"
    return parse_suffixes(source.read_text(encoding="utf-8"), kind)

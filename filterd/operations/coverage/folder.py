"""A folder of independent lists, as its ``coverage.yaml`` describes them, and a sample of each list's names.

The file is a list with an entry for each list::

    - {area: ways-around, title: "public resolvers", file: [resolvers.txt.xz, more.txt]}
    - {area: categories, id: adult, file: adult.txt.xz}
    - {area: must-pass, title: "news", file: news.txt}

``format`` and ``scope`` are those of feeds.yaml. A list may have millions of names: it is read once, and only
its sample is kept. The same list, size and seed give the same sample, in whatever order the names stand.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from filterd.config.policies import icann_suffixes
from filterd.config.policy_values import DocumentValue, Problem
from filterd.config.yamlfile import YamlError, parse_yaml, settle
from filterd.disk.given_file import GivenFile
from filterd.feed.parsing import ParseReport
from filterd.feed.reading import Form, read_list
from filterd.feed.source import SourceError
from filterd.model.rule import Action, Scope
from filterd.operations.errors import OperationError
from filterd.policy.documents import Format
from filterd.wire.names import NameTextError, name_from_text

DESCRIPTION = "coverage.yaml"
MAX_DESCRIPTION = 4 << 20
"""bytes that the description may have: some ten thousand lists"""
BELOW = "www."
"""put before a name of which a list means only what is below it"""

Opened = Callable[[Path], AbstractContextManager[Path | GivenFile]]
"""opens a file that a person gave, and judges it"""


class Area(StrEnum):
    """The subject of a list."""

    SEARCH_ENGINES = "search-engines"
    WAYS_AROUND = "ways-around"
    SERVICES = "services"
    CATEGORIES = "categories"
    MUST_PASS = "must-pass"  # noqa: S105 - no password
    """sites of which none may be blocked"""
    POPULAR = "popular"
    """sites that many people use: some may be blocked rightly"""

    @property
    def stays_open(self) -> bool:
        """True if what is blocked is worth a look, and not what passes."""
        return self in (Area.MUST_PASS, Area.POPULAR)


@dataclass(frozen=True, slots=True)
class IndependentList:
    """One list of the folder."""

    title: str
    area: Area
    files: tuple[str, ...]
    """paths, relative to the folder"""
    id: str = ""
    """the category, service or way around that it is about; empty: of none in particular"""
    format: Format = Format.DOMAINS
    scope: Scope = Scope.SUBTREE


@dataclass(frozen=True, slots=True)
class ListSample:
    """The names that are asked for in the place of a list."""

    of: IndependentList
    listed: int
    """the names that the list has, repetitions counted"""
    skipped: int
    """lines that give no name, and names that a list cannot have, such as public suffixes"""
    names: tuple[tuple[str, bytes], ...]
    """as text and in wire form, sorted"""


def read_folder(folder: Path, opened: Opened) -> tuple[IndependentList, ...]:
    """The lists that the folder's description names. Raises OperationError with all that is wrong in it."""
    path = folder / DESCRIPTION
    try:
        with opened(_below(folder, DESCRIPTION)) as file:
            _require_small(file)
            value, nothings = settle(parse_yaml(file.read_bytes().decode("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8"
        message = f"{path} cannot be read: {reason}"
        raise OperationError(message, "give a folder with a coverage.yaml (docs/policies.md)") from error
    except YamlError as error:
        raise _wrong([Problem(str(path), each) for each in error.errors]) from error
    problems = [Problem(f"{DESCRIPTION}{list(at)}", nothing.complaint) for at, nothing in nothings.items()]
    found = tuple(_entry(item) for item in DocumentValue(value, DESCRIPTION, problems).items())
    if not (found or problems):
        problems.append(Problem(str(path), "names no list"))
    if problems:
        raise _wrong(problems)
    return found


def _below(folder: Path, name: str) -> Path:
    """The path of a file of the folder. Raises OperationError for one that lies elsewhere, also by a link."""
    try:
        inside = Path(os.path.realpath(folder / name)).is_relative_to(os.path.realpath(folder))
    except ValueError:  # it holds a NUL
        inside = False
    if not inside:
        message = f"a list of {DESCRIPTION} lies outside of the folder: {name!r}"
        raise OperationError(message, f"copy it below {folder}, and name it by its path from there")
    return folder / name


def _require_small(file: Path | GivenFile) -> None:
    """Raise OperationError for a description that is a device or a pipe, or has no end."""
    status = file.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_DESCRIPTION:
        message = f"{file} is no regular file of at most {MAX_DESCRIPTION >> 20} MiB"
        raise OperationError(message, "give a folder with a coverage.yaml (docs/policies.md)")


def _wrong(problems: Iterable[Problem]) -> OperationError:
    return OperationError("\n".join(map(str, problems)), f"mend {DESCRIPTION} (docs/policies.md)")


def _entry(found: DocumentValue) -> IndependentList:
    keys = found.keys(("area", "file"), ("id", "title", "format", "scope"))
    area = keys["area"].choice(Area, Area.POPULAR, str)
    files = keys["file"]
    paths = files.items() if isinstance(files.value, list) else [files]
    form = keys["format"].choice(Format, Format.DOMAINS, str)
    identifier = "" if keys["id"].missing() else keys["id"].id()
    if area is Area.CATEGORIES and keys["id"].missing():
        keys["id"].wrong("is missing: a list of area categories says which category it is")
    names = tuple(each.string() for each in paths)
    return IndependentList(
        title=keys["title"].string() or identifier or Path(names[0] if names else "").name,
        area=area,
        files=names,
        id=identifier,
        format=form,
        scope=keys["scope"].choice(Scope, form.default_scope, lambda scope: scope.word),
    )


def sample_of(each: IndependentList, folder: Path, opened: Opened, size: int, seed: int) -> ListSample:
    """Read the list's files and keep ``size`` of its names; all of them where ``size`` is 0, and of a list
    that stays open: one name that is missed there would be a promise broken."""
    form = Form(each.format, each.scope)
    chosen = _Smallest(0 if each.area.stays_open else size, seed)
    report = ParseReport(keep=0)
    listed = 0
    for name in each.files:
        try:
            with opened(_below(folder, name)) as file:
                for run in read_list(file, form, icann_suffixes(), report):
                    if run.action is Action.BLOCK:
                        listed += run.count
                        chosen.add(run.names, run.scope)
        except (SourceError, OSError) as error:
            message = f"a list of {DESCRIPTION} cannot be used: {error}"
            raise OperationError(message, "put the list in its place, or take its entry out") from error
    return ListSample(each, listed, report.count, tuple(_wired(chosen.names())))


def _wired(names: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    """The names with their wire form, without those that have none."""
    for name in names:
        try:
            yield name, name_from_text(name)
        except NameTextError:
            continue


class _Smallest:
    """The names whose checksums are the smallest: a sample that does not depend on their order."""

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = zlib.crc32(str(seed).encode("ascii"))
        self._limit = 1 << 32
        self._kept: dict[str, int] = {}

    def add(self, names: bytes, scope: Scope) -> None:
        """Take the names of a run, each ended by a newline."""
        seed, limit, kept = self._seed, self._limit, self._kept
        prefix = BELOW if scope is Scope.BELOW else ""
        for name in names.split(b"\n")[:-1]:
            checksum = zlib.crc32(name, seed)
            if checksum < limit:
                kept[prefix + name.decode("ascii")] = checksum
        if self._size and len(kept) > 2 * self._size:
            self._shrink()

    def _shrink(self) -> None:
        order = sorted((checksum, name) for name, checksum in self._kept.items())[: self._size]
        self._kept = {name: checksum for checksum, name in order}
        self._limit = order[-1][0] + 1

    def names(self) -> list[str]:
        """The names that were kept, sorted."""
        if self._size and len(self._kept) > self._size:
            self._shrink()
        return sorted(self._kept)

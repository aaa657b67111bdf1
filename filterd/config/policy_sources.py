"""Reads the sources of the shipped names: ``sources.yaml`` and ``provenance/*.tsv`` of a policies directory.

A source is a public list (a repository at a commit) or a page on which a body publishes facts about its own
service. ``provenance/DOCUMENT.tsv`` has a line for each name: the name, a tab, the ids of its sources. A
document may be kept in several files: ``lists.tsv`` and ``lists-ways.tsv`` both speak of the lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filterd.config.policy_values import DocumentValue, Problem
from filterd.config.yamlfile import Nothing, YamlError, dotted, read_yaml, settle

FILE = "sources.yaml"
FOLDER = "provenance"


class SourcesError(Exception):
    """Everything wrong with the files of sources; a line for each problem."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))


@dataclass(frozen=True, slots=True)
class NameSource:
    """One public list or page that names come from."""

    id: str
    licence: str
    date: str
    """of the commit, or on which the page said so"""
    notice: str
    repository: str = ""
    """owner and name; empty for a page"""
    commit: str = ""
    page: str = ""

    @property
    def place(self) -> str:
        """The repository, or the address of the page."""
        return self.repository or self.page


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of a policies directory, and which name is from which."""

    sources: Mapping[str, NameSource] = field(default_factory=dict)
    documents: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """file of provenance -> name -> ids of its sources"""

    def of(self, document: str, name: str) -> tuple[NameSource, ...]:
        """The sources of a name of a document; empty if none is recorded."""
        for file, names in self.documents.items():
            if name in names and (file == document or file.startswith(f"{document}-")):
                return tuple(self.sources[each] for each in names[name])
        return ()

    def anywhere(self, name: str) -> tuple[NameSource, ...]:
        """The sources of a name in whatever document; empty if none is recorded."""
        ids = (names[name] for names in self.documents.values() if name in names)
        return tuple(self.sources[each] for each in dict.fromkeys(one for some in ids for one in some))


def read_sources(directory: Path) -> Sources:
    """The sources of the shipped names. Raises SourcesError with all problems."""
    problems: list[Problem] = []
    listed = _list(directory, problems)
    files = sorted((directory / FOLDER).glob("*.tsv"))
    documents = {path.stem: _provenance(path, listed, problems) for path in files}
    if not files and not problems:
        problems.append(Problem(FOLDER, "has no files: the names' sources are not recorded here"))
    if problems:
        raise SourcesError(problems)
    return Sources(listed, documents)


def _list(directory: Path, problems: list[Problem]) -> dict[str, NameSource]:
    try:
        value = read_yaml(directory / FILE)
    except YamlError as error:
        problems.extend(Problem(FILE, message) for message in error.errors)
        return {}
    if value is None or isinstance(value, Nothing):
        problems.append(Problem(FILE, "is empty, as a file that was cut off is"))
        return {}
    settled, nothings = settle(value)
    problems.extend(Problem(FILE + dotted(at), found.complaint) for at, found in nothings.items())
    read = [_source(item) for item in DocumentValue(settled, FILE, problems).items()]
    twice = {each.id for each in read if [other.id for other in read].count(each.id) > 1}
    problems.extend(Problem(FILE, f"the id {name} stands twice") for name in sorted(twice))
    return {each.id: each for each in read}


def _source(found: DocumentValue) -> NameSource:
    keys = found.keys(("id", "licence", "date", "notice"), ("repository", "commit", "page"))
    if keys["repository"].missing() == keys["page"].missing():
        found.wrong("must have either a repository with its commit, or a page")
    elif keys["repository"].missing() != keys["commit"].missing():
        found.wrong("must have a commit with its repository")
    texts = {key: keys[key].string() for key in ("licence", "date", "notice", "repository", "commit", "page")}
    return NameSource(id=keys["id"].id(), **texts)


def _provenance(
    path: Path, known: Mapping[str, NameSource], problems: list[Problem]
) -> dict[str, tuple[str, ...]]:
    """The names of one file. Its problems are told by line."""
    place = f"{FOLDER}/{path.name}"
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(place, f"cannot be read: {error}"))
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, _, ids = line.partition("\t")
        found[name] = tuple(ids.split())
        unknown = [each for each in found[name] if each not in known]
        if unknown or not found[name]:
            lacking = f"{FILE} has no {', '.join(unknown)}" if unknown else "no source is named"
            problems.append(Problem(f"{place}:{number}", lacking))
    return found

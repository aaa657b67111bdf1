"""Reads the public lists that the shipped policies are made from, and writes down which name is from which.

A source is a directory with a checkout of its repository, or the one file that holds what is needed of it;
none is part of the project. ``policies/sources.yaml`` states repository, commit, date and licence of each;
``policies/provenance/DOCUMENT.tsv`` gives, for each name of a document, the ids of the sources that have it.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

POLICIES = Path(__file__).parents[1] / "policies"
PROVENANCE = POLICIES / "provenance"
PLAIN = ("domain", "full")
"""the kinds of lines of v2fly/domain-list-community that name one domain: with all below it, and alone"""


class SourceError(ValueError):
    """A source that cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list of v2fly/domain-list-community."""

    name: str
    exact: bool
    """the name alone, without what is below it"""
    attributes: frozenset[str]


def read_text(path: Path) -> str:
    """A text file, as it is or packed with xz."""
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes()).decode()
    return path.read_text(encoding="utf-8")


def read_names(paths: Iterable[Path]) -> set[str]:
    """The names of files with one a line; comments begin with ``#``."""
    found = set[str]()
    for path in paths:
        lines = (line.partition("#")[0].strip() for line in read_text(path).splitlines())
        found.update(line.lower() for line in lines if line)
    return found


class Community:
    """The lists of v2fly/domain-list-community, by name."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    @classmethod
    def read(cls, path: Path) -> Community:
        """From the ``data`` directory of a checkout, or a JSON file that maps names of lists to texts."""
        if path.is_dir():
            return cls({each.name: each.read_text(encoding="utf-8") for each in sorted(path.iterdir())})
        return cls(json.loads(read_text(path)))

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def entries(self, name: str, *, included: bool = True) -> list[Entry]:
        """The lines of a list that name a domain, those of the lists that it includes among them unless told
        otherwise. Keywords and regular expressions have no meaning for names and are left out."""
        if name not in self._texts:
            message = f"v2fly/domain-list-community has no list {name!r}"
            raise SourceError(message)
        found: dict[tuple[str, bool], Entry] = {}
        for line in self._texts[name].splitlines():
            words = line.partition("#")[0].split()
            if not words:
                continue
            marks = frozenset(word[1:] for word in words[1:] if word.startswith("@"))
            kind, colon, value = words[0].partition(":")
            if not colon:
                kind, value = "domain", kind
            if kind == "include" and included:
                for each in self.entries(value):
                    if _chosen(each.attributes, marks):
                        found.setdefault((each.name, each.exact), each)
            elif kind in PLAIN:
                entry = Entry(value.lower(), kind == "full", marks)
                found.setdefault((entry.name, entry.exact), entry)
        return list(found.values())


def _chosen(attributes: frozenset[str], marks: frozenset[str]) -> bool:
    """True if ``include:list @a @-b`` takes an entry with these attributes."""
    wanted = {mark for mark in marks if not mark.startswith("-")}
    return wanted <= attributes and not any(f"-{each}" in marks for each in attributes)


def write_provenance(document: str, sources: Mapping[str, Iterable[str]]) -> None:
    """Write ``policies/provenance/DOCUMENT.tsv``: each name with the ids of its sources, in order."""
    lines = [f"{name}\t{' '.join(sorted(set(ids)))}\n" for name, ids in sorted(sources.items())]
    PROVENANCE.mkdir(exist_ok=True)
    (PROVENANCE / f"{document}.tsv").write_text("".join(lines), encoding="utf-8")


def read_provenance(document: str) -> dict[str, tuple[str, ...]]:
    """The sources of each name of a document, as :func:`write_provenance` wrote them."""
    text = (PROVENANCE / f"{document}.tsv").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in text.splitlines())
    return {name: tuple(ids.split()) for name, ids in pairs}

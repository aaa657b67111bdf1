"""Lays the operator's own policy documents over the shipped ones, entry by entry.

A layer is one directory. The lowest one is whole: each document must be there. The operator's layer may lack
documents; an entry in it replaces the entry of the same id below, and ``disabled: true`` takes that out. No
entry goes because it is not written: an upgrade, or a file that was lost, takes nothing out by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterd.config.policy_values import DocumentValue, Problem
from filterd.config.yamlfile import Nothing, YamlError, dotted, read_yaml, settle

LISTINGS = ("categories.yaml", "feeds.yaml", "services.yaml", "safesearch.yaml", "bypass.yaml")
DOCUMENTS = (*LISTINGS, "protected.yaml", "expected.yaml")
OPTIONAL = ("service-groups.yaml", "help-lines.yaml")
"""listings that no directory must have: without them nothing is blocked less"""
SOURCES = "sources.yaml"
"""where the shipped names come from: nothing that blocks"""
FOLDERS = ("profiles", "jurisdictions", "consent", "notices")
READY = "feeds.d"
"""the folder whose files are lists of feeds that are off until a person enables them"""
DISABLED = "disabled"
"""the key that takes out an entry of the layer below"""

_EMPTY = "is empty, as a file that was cut off is: put its content back"
_ALONE = "takes out a shipped entry, and there is none below: set policies_base, or leave the entry out"


@dataclass(frozen=True, slots=True)
class Layer:
    """One directory of policy documents."""

    directory: Path
    whole: bool
    """every document must be there: nothing lies below that could stand in for it"""
    shipped: bool = False
    """True if another layer lies over it; problems in it are named with the directory"""
    problems: list[Problem] = field(default_factory=list)
    empty: dict[str, Nothing] = field(default_factory=dict)
    """written nulls, by path"""

    def place(self, file: str) -> str:
        """The file as problems name it."""
        return str(self.directory / file) if self.shipped else file

    def value(self, file: str, nothing: str = "") -> DocumentValue | None:
        """The file's value; None where it has none, which is a problem unless another layer has the document.
        ``nothing`` is what to write into a file that is meant to hold nothing."""
        path, place = self.directory / file, self.place(file)
        needed = self.whole and file not in OPTIONAL
        if not needed and not path.is_symlink() and not path.exists():
            return None
        try:
            value = read_yaml(path)
        except YamlError as error:
            self.problems.extend(Problem(place, message) for message in error.errors)
            return None
        if value is None or isinstance(value, Nothing):
            meant = f"; where nothing is meant, write {nothing}" if nothing else ""
            self.problems.append(Problem(place, _EMPTY + meant))
            return None
        value, nothings = settle(value)
        self.empty.update({place + dotted(at): found for at, found in nothings.items()})
        return DocumentValue(value, place, self.problems)

    def names(self, folder: str) -> Iterator[str]:
        """The documents of a folder, by name, in order."""
        yield from sorted(f"{folder}/{path.name}" for path in (self.directory / folder).glob("*.yaml"))

    def items(self, folder: str) -> Iterator[DocumentValue]:
        """The items of a folder whose documents are lists. One that goes by another ending is a problem: it
        would be passed over without a word."""
        for path in sorted((self.directory / folder).glob("*.yml")):
            self.problems.append(Problem(self.place(f"{folder}/{path.name}"), "must end in .yaml"))
        for file in self.names(folder):
            found = self.value(file, "[]")
            if found is not None:
                yield from found.items()

    def note_strangers(self) -> None:
        """Note the files that are no document: a misspelt one would be passed over without a word."""
        known = [self.directory / file for file in (*DOCUMENTS, *OPTIONAL, SOURCES)]
        for path in sorted((*self.directory.glob("*.yaml"), *self.directory.glob("*.yml"))):
            if path not in known:
                documents = ", ".join(DOCUMENTS)
                self.problems.append(Problem(self.place(path.name), f"is no document of these: {documents}"))


@dataclass(frozen=True, slots=True)
class LaidEntry:
    """An entry that is in force after laying over, and the layer that it stands in."""

    value: DocumentValue
    layer: Layer


@dataclass(slots=True)
class Laying:
    """Reads documents of all layers, the lowest first, and says what became of them."""

    layers: tuple[Layer, ...]
    remarks: list[str] = field(default_factory=list)
    """entries that were to be taken out and are not there"""

    def problem(self, path: str, message: str) -> None:
        """Note a problem of what the layers hold together."""
        self.layers[-1].problems.append(Problem(path, message))

    def listing(self, file: str) -> list[LaidEntry]:
        """The entries of a document that is a list, in the order of the lowest layer that has each."""
        entries: dict[str, LaidEntry] = {}
        for layer in self.layers:
            found = layer.value(file, "[]")
            if found is not None:
                self._lay(entries, [(_id(item), LaidEntry(item, layer)) for item in found.items()], file)
        return list(entries.values())

    def listings(self, folder: str) -> list[LaidEntry]:
        """The entries of a folder whose documents are lists, as :meth:`listing`; an entry may stand in any of
        its files."""
        entries: dict[str, LaidEntry] = {}
        for layer in self.layers:
            self._lay(entries, [(_id(item), LaidEntry(item, layer)) for item in layer.items(folder)], folder)
        return list(entries.values())

    def folder(self, folder: str) -> list[LaidEntry]:
        """The documents of a folder: one file is one entry, and its name the id."""
        entries: dict[str, LaidEntry] = {}
        for layer in self.layers:
            read = [(file, layer.value(file)) for file in layer.names(folder)]
            found = [(Path(file).stem, LaidEntry(value, layer)) for file, value in read if value is not None]
            self._lay(entries, found, folder)
        return [entries[name] for name in sorted(entries, key=lambda name: f"{name}.yaml")]

    def single(self, file: str, nothing: str = "") -> list[LaidEntry]:
        """A document that is one value, of each layer that has it; the lowest first."""
        read = [(layer.value(file, nothing), layer) for layer in self.layers]
        return [LaidEntry(value, layer) for value, layer in read if value is not None]

    def _lay(self, entries: dict[str, LaidEntry], found: Iterable[tuple[str, LaidEntry]], file: str) -> None:
        """Lay one layer's entries over those of the layers below."""
        below, seen = frozenset(entries), set[str]()
        for name, entry in found:
            if name in seen:
                entry.layer.problems.append(Problem(entry.layer.place(file), f"the id {name} stands twice"))
                if not _is_disabling(entry.value):
                    entries[entry.value.path] = entry  # its own problems are told as well
            elif _is_disabling(entry.value):
                self._take_out(entries, name, entry, below)
            else:
                entries[name or entry.value.path] = entry
            seen |= {name} - {""}

    def _take_out(
        self, entries: dict[str, LaidEntry], name: str, entry: LaidEntry, below: frozenset[str]
    ) -> None:
        """Take out the shipped entry that this one names."""
        value = entry.value
        word = DocumentValue(value.value[DISABLED], f"{value.path}.{DISABLED}", value.problems)
        if entry.layer.whole:
            word.wrong(_ALONE)
        elif word.value is not True:
            word.wrong("must be true; an entry that is wanted is written out without it")
        elif set(value.value) - {"id", DISABLED}:
            value.wrong("takes out a shipped entry and says more: leave the rest, or the word disabled, out")
        elif name in below:
            del entries[name]
        else:
            self.remarks.append(f"{value.path}: takes out {name}, which is not shipped")


def _id(item: DocumentValue) -> str:
    """The id as it is written; empty where there is none, which the reader of the entry says."""
    found: Any = item.value.get("id") if isinstance(item.value, dict) else None
    return found if isinstance(found, str) else ""


def _is_disabling(value: DocumentValue) -> bool:
    return isinstance(value.value, dict) and DISABLED in value.value

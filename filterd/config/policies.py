"""Reads and checks the policies directory; reports all problems of all files at once, each with its path.

::

    PoliciesError(Exception)      .problems: tuple[Problem(path, message), ...]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Protocol, TypeVar

from filterd.config import policy_documents as documents
from filterd.config import policy_references
from filterd.config.feed_documents import read_feed
from filterd.config.policy_layers import DOCUMENTS, READY, LaidEntry, Layer, Laying
from filterd.config.policy_references import Places
from filterd.config.policy_values import DocumentValue, Problem
from filterd.config.popular import popular_files, read_popular
from filterd.config.ready_feeds import read_ready_feed
from filterd.config.shipped_files import SUMS, altered, is_proven, shipped_files
from filterd.config.value_types import HOME
from filterd.config.yamlfile import Nothing
from filterd.policy.documents import Category, Expected, Feed, Policies, Protected, ReadyFeed
from filterd.policy.suffixes import ICANN, PRIVATE, Suffixes, parse_suffixes


class _Identified(Protocol):
    """A value with an id."""

    @property
    def id(self) -> str:
        """The id."""


T = TypeVar("T", bound=_Identified)


class PoliciesError(Exception):
    """Everything wrong with the policies; the text has one line for each problem."""

    def __init__(self, problems: tuple[Problem, ...], remedy: str = "") -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        self.remedy = remedy


def load_policies(directory: Path, base: Path | None = None, jurisdiction: str = HOME) -> Policies:
    """The documents of a policies directory, laid over those of ``base`` if there is one, with the categories
    of the country that ``jurisdiction`` names. Raises PoliciesError with all problems.

    The lowest directory must have every file, and every file that is there must hold a value, if only
    ``[]``: a file that went missing or was emptied must not read as "nothing is blocked" or "nothing is
    protected". The directories ``profiles``, ``jurisdictions`` and ``feeds.d`` may be missing. A ``base``
    that came with the package must be as it came.
    """
    _require_directories(directory, base)
    proven = base is not None and _require_unaltered(directory, base)
    problems: list[Problem] = []
    empty: dict[str, Nothing] = {}
    own = Layer(directory, whole=base is None, problems=problems, empty=empty)
    layers = [own]
    if base is not None:
        own.note_strangers()
        layers.insert(0, Layer(base, whole=True, shipped=True, problems=problems, empty=empty))
    reader = _Reader(Laying(tuple(layers)), jurisdiction)
    popular = read_popular([each.directory for each in layers], problems)
    policies = reader.policies(popular)
    problems += policy_references.check(policies, reader.places)
    written = [Problem(path, nothing.complaint) for path, nothing in empty.items()]
    problems = written + [each for each in problems if each.path not in empty]
    problems = problems or policy_references.without_restrictions(policies, reader.places)
    if problems:
        raise PoliciesError(tuple(problems), _remedy(directory, base))
    remarks = policy_references.remarks(policies, reader.places)
    return replace(policies, proven=proven, remarks=(*policies.remarks, *remarks))


def policy_files(directory: Path, base: Path | None) -> list[Path]:
    """Every document of the directories, in order, for those who watch them for changes; of shipped ones the
    lists as well, since their sums are looked at."""
    shipped = [] if base is None else [base / SUMS, *shipped_files(base)]
    return [*shipped, *sorted(directory.rglob("*.yaml")), *popular_files(directory)]


def _require_directories(directory: Path, base: Path | None) -> None:
    problems = []
    if base is not None and not base.is_dir():
        problems.append(Problem(str(base), "is no directory; set policies_base to the shipped policies"))
    if not directory.is_dir():
        problems.append(Problem(str(directory), "is no directory; set policies to the one to use"))
    if problems:
        raise PoliciesError(tuple(problems), "create the directory, or mend the configuration")


def _require_unaltered(directory: Path, base: Path) -> bool:
    """Raise PoliciesError if shipped files are not as they came; return False where that cannot be told."""
    if not is_proven(base):
        return False
    problems = altered(base)
    if problems:
        remedy = f"reinstall the package; your own changes go into {directory}, never into {base}"
        raise PoliciesError(tuple(problems), remedy)
    return True


def _remedy(directory: Path, base: Path | None) -> str:
    if base is not None:
        return f"mend the files in {directory}; those in {base} come with the package and stay as they are"
    if not (directory / DOCUMENTS[0]).exists():
        return f"put every file into {directory}, or set policies_base to the shipped policies under it"
    return f"mend the files in {directory}"


class _Reader:
    """Reads the entries in force of every document, and remembers where each stands."""

    def __init__(self, laying: Laying, jurisdiction: str) -> None:
        self._laying = laying
        self._jurisdiction = jurisdiction
        self._shipped: set[tuple[str, str]] = set()
        self.places: Places = {}

    def policies(self, popular: frozenset[str]) -> Policies:
        """The policies of all layers. A popular name that ``expected.yaml`` takes out is none."""
        found = Policies(
            categories=self._listing("categories.yaml", _alone(documents.read_category)),
            feeds=self._listing("feeds.yaml", _read_feed),
            profiles=self._folder("profiles", documents.read_profile),
            services=self._listing("services.yaml", _alone(documents.read_service)),
            service_groups=self._listing("service-groups.yaml", _alone(documents.read_service_group)),
            safe_search=self._listing("safesearch.yaml", _alone(documents.read_safe_search)),
            bypass=self._listing("bypass.yaml", _alone(documents.read_bypass)),
            protected=self._protected(),
            jurisdictions=self._folder("jurisdictions", documents.read_jurisdiction),
        )
        found = replace(found, ready=self._ready(found.feeds))
        found = replace(found, categories=(*found.categories, *self._of_country(found)))
        expected, taken_out = self._expected(popular)
        found = replace(found, expected=expected, popular=popular - taken_out)
        return replace(found, shipped=frozenset(self._shipped), remarks=tuple(self._laying.remarks))

    def _listing(self, file: str, read: Callable[[DocumentValue, Layer], T]) -> tuple[T, ...]:
        """A file that holds a list."""
        found = [(entry, read(entry.value, entry.layer)) for entry in self._laying.listing(file)]
        return self._placed(file, found)

    def _folder(self, folder: str, read: Callable[[DocumentValue, str], T]) -> tuple[T, ...]:
        """A directory with a file for each value; the file's name is the id."""
        entries = self._laying.folder(folder)
        return self._placed(
            folder, [(each, read(each.value, Path(each.value.path).stem)) for each in entries]
        )

    def _ready(self, feeds: Iterable[Feed]) -> tuple[ReadyFeed, ...]:
        """The feeds of feeds.d. A shipped one gives way to a feed of its id in the operator's feeds.yaml: an
        upgrade that ships it must not be at odds with files that were right."""
        own = {each.id for each in feeds if ("feeds.yaml", each.id) not in self._shipped}
        read = [(entry, _read_ready(entry.value, entry.layer)) for entry in self._laying.listings(READY)]
        read = [(entry, each) for entry, each in read if not (entry.layer.shipped and each.feed.id in own)]
        self._placed(READY, [(entry, each.feed) for entry, each in read])
        return tuple(each for _, each in read)

    def _of_country(self, found: Policies) -> tuple[Category, ...]:
        """The categories that stand only in the pack of the country in force."""
        packs = {each.id: each for each in found.jurisdictions}
        pack = packs.get(self._jurisdiction)
        if pack is None:
            if self._jurisdiction != HOME:
                there = ", ".join(sorted(packs)) or "none"
                message = (
                    f"names {self._jurisdiction}, which has no file in jurisdictions/ (there are: {there})"
                )
                self._laying.problem("jurisdiction", message)
            return ()
        path = self.places["jurisdictions", pack.id]
        for each in pack.categories:
            if ("categories.yaml", each.id) in self.places:
                self._laying.problem(path, f"the category {each.id} stands in categories.yaml as well")
            self.places["categories.yaml", each.id] = path
            if ("jurisdictions", pack.id) in self._shipped:
                self._shipped.add(("categories.yaml", each.id))
        return pack.categories

    def _placed(self, document: str, found: Iterable[tuple[LaidEntry, T]]) -> tuple[T, ...]:
        for entry, value in found:
            self.places[document, value.id] = entry.value.path
            if entry.layer.shipped:
                self._shipped.add((document, value.id))
        return tuple(value for _, value in found)

    def _protected(self) -> Protected:
        found = Protected(public_suffixes=True)
        for entry in self._laying.single("protected.yaml"):
            if entry.layer.whole:
                found = documents.read_protected(entry.value)
            else:
                found = documents.lay_protected(found, entry.value, self._laying.remarks)
        return found

    def _expected(self, popular: frozenset[str]) -> tuple[tuple[Expected, ...], set[str]]:
        """The entries, and the names that were taken out."""
        found: dict[str, Expected] = {}
        taken_out = set[str]()
        for entry in self._laying.single("expected.yaml", "{}"):
            for path, name, each in documents.read_expected(entry.value, laid=not entry.layer.whole):
                self.places["expected.yaml", name] = path
                if each is not None:
                    found[name] = each
                    continue
                taken_out.add(name)
                if found.pop(name, None) is None and name not in popular:
                    self._laying.remarks.append(f"{path}: takes out {name}, which is not shipped")
        return tuple(found.values()), taken_out


def _alone(read: Callable[[DocumentValue], T]) -> Callable[[DocumentValue, Layer], T]:
    """A reader to which the layer makes no difference."""
    return lambda value, _: read(value)


def _read_feed(value: DocumentValue, layer: Layer) -> Feed:
    """The feed; a shipped one has its source below the shipped directory, wherever its entry is kept."""
    return _with_source(read_feed(value), layer)


def _read_ready(value: DocumentValue, layer: Layer) -> ReadyFeed:
    ready = read_ready_feed(value)
    return replace(ready, feed=_with_source(ready.feed, layer))


def _with_source(feed: Feed, layer: Layer) -> Feed:
    if feed.remote or not layer.shipped:
        return feed
    return replace(feed, source=str(layer.directory / feed.source))


def icann_suffixes() -> Suffixes:
    """The public suffix list's ICANN section, as the installed publicsuffixlist package carries it."""
    return _section(ICANN)


def private_suffixes() -> Suffixes:
    """The same list's private section: suffixes of hosting services."""
    return _section(PRIVATE)


@cache
def suffixes_digest() -> str:
    """The SHA-256 of the public suffix list that is installed."""
    return sha256(_suffix_file().read_bytes()).hexdigest()


@cache
def _section(kind: str) -> Suffixes:
    return parse_suffixes(_suffix_file().read_text(encoding="utf-8"), kind)


def _suffix_file() -> Traversable:
    return resources.files("publicsuffixlist") / "public_suffix_list.dat"

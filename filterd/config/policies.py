"""Reads and checks the policies directory; reports all problems of all files at once, each with its path.

::

    PoliciesError(Exception)      .problems: tuple[Problem(path, message), ...]

:func:`load_policies` takes all documents or none. :func:`load_part` reads one kind of document by itself, for
what must not wait until a person has mended another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Protocol, TypeVar

from filterd.config import policy_documents as documents
from filterd.config import policy_references
from filterd.config.desk_documents import read_desk_scripts
from filterd.config.feed_documents import read_feed
from filterd.config.help_line_documents import read_help_line
from filterd.config.jurisdiction_documents import read_jurisdiction
from filterd.config.notice_documents import read_notice_texts
from filterd.config.policy_layers import DOCUMENTS, READY, LaidEntry, Layer, Laying
from filterd.config.policy_references import Places
from filterd.config.policy_values import DocumentValue, Problem
from filterd.config.popular import popular_files, read_popular
from filterd.config.ready_feeds import read_ready_feed
from filterd.config.shipped_files import SUMS, altered, is_proven, shipped_files
from filterd.config.value_types import HOME
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


class PolicyPart(StrEnum):
    """The kinds of documents that can be read by themselves, by the stem of their file or folder."""

    PROTECTED = "protected"
    EXPECTED = "expected"
    SERVICES = "services"
    SAFE_SEARCH = "safesearch"
    BYPASS = "bypass"
    JURISDICTIONS = "jurisdictions"
    CONSENT = "consent"
    NOTICES = "notices"
    DESK = "desk"
    FEEDS = "feeds"
    """with those of feeds.d"""


@dataclass(frozen=True, slots=True)
class PartRead:
    """One part of the policies, as far as it can be read. Ids that it names may not exist."""

    policies: Policies
    """this part alone"""
    problems: tuple[Problem, ...] = ()
    """why it is not whole; empty where it is"""


def load_policies(directory: Path, base: Path | None = None, jurisdiction: str = HOME) -> Policies:
    """The documents of a policies directory, laid over those of ``base`` if there is one, with the categories
    of the country that ``jurisdiction`` names. Raises PoliciesError with all problems.

    The lowest directory must have every file, and every file that is there must hold a value, if only
    ``[]``: a file that went missing or was emptied must not read as "nothing is blocked" or "nothing is
    protected". The directories ``profiles``, ``jurisdictions``, ``consent``, ``notices``, ``desk`` and
    ``feeds.d`` may be missing. A ``base`` that came with the package must be as it came.
    """
    absent = _absent_directories(directory, base)
    if absent:
        raise PoliciesError(absent, "create the directory, or mend the configuration")
    proven = base is not None and _require_unaltered(directory, base)
    layers = _layers(directory, base)
    own = layers[-1]
    if base is not None:
        own.note_strangers()
    reader = _Reader(Laying(layers), jurisdiction)
    popular = read_popular([each.directory for each in layers], own.problems)
    policies = reader.policies(popular)
    own.problems.extend(policy_references.check(policies, reader.places))
    problems = _noted(own) or tuple(policy_references.without_restrictions(policies, reader.places))
    if problems:
        raise PoliciesError(problems, _remedy(directory, base))
    remarks = policy_references.remarks(policies, reader.places)
    return replace(policies, proven=proven, remarks=(*policies.remarks, *remarks))


def load_part(part: PolicyPart, directory: Path, base: Path | None = None) -> PartRead:
    """One part of what :func:`load_policies` reads, whatever is wrong with the others. Never raises: what can
    be read is there, and the problems say what is not."""
    layers = _layers(directory, base)
    own = layers[-1]
    if base is not None:
        own.note_strangers()
        own.problems[:] = [each for each in own.problems if Path(each.path).stem == part]
    policies = _Reader(Laying(layers), HOME).part(part)
    return PartRead(policies, (*_absent_directories(directory, base), *_altered_of(part, base), *_noted(own)))


def _altered_of(part: PolicyPart, base: Path | None) -> Iterator[Problem]:
    """The shipped files of a part that are not as they came, and the sums, where they are not."""
    for each in altered(base) if base is not None and is_proven(base) else ():
        first = Path(each.path).relative_to(base or "").parts[0]
        if first == SUMS or Path(first).stem == part:
            yield each


def _layers(directory: Path, base: Path | None) -> tuple[Layer, ...]:
    """The layers, the operator's last; they share one list of problems."""
    own = Layer(directory, whole=base is None)
    if base is None:
        return (own,)
    return Layer(base, whole=True, shipped=True, problems=own.problems, empty=own.empty), own


def _noted(layer: Layer) -> tuple[Problem, ...]:
    """The problems of all layers; of a written null only that it is one."""
    written = [Problem(path, nothing.complaint) for path, nothing in layer.empty.items()]
    return (*written, *(each for each in layer.problems if each.path not in layer.empty))


def policy_files(directory: Path, base: Path | None) -> list[Path]:
    """Every document of the directories, in order, for those who watch them for changes; of shipped ones the
    lists as well, since their sums are looked at."""
    shipped = [] if base is None else [base / SUMS, *shipped_files(base)]
    return [*shipped, *sorted(directory.rglob("*.yaml")), *popular_files(directory)]


def _absent_directories(directory: Path, base: Path | None) -> tuple[Problem, ...]:
    problems = []
    if base is not None and not base.is_dir():
        problems.append(Problem(str(base), "is no directory; set policies_base to the shipped policies"))
    if not directory.is_dir():
        problems.append(Problem(str(directory), "is no directory; set policies to the one to use"))
    return tuple(problems)


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
            jurisdictions=self._folder("jurisdictions", read_jurisdiction),
            consent_texts=self._folder("consent", documents.read_consent_text),
            notice_texts=self._folder("notices", read_notice_texts),
            help_lines=self._listing("help-lines.yaml", _alone(read_help_line)),
            desk_scripts=self._folder("desk", read_desk_scripts),
        )
        found = replace(found, ready=self._ready(found.feeds))
        found = replace(found, categories=(*found.categories, *self._of_country(found)))
        expected, taken_out = self._expected(popular)
        found = replace(found, expected=expected, popular=popular - taken_out)
        return replace(found, shipped=frozenset(self._shipped), remarks=tuple(self._laying.remarks))

    def part(self, part: PolicyPart) -> Policies:
        """One part of the policies; an entry without the name that it is about is left out."""
        match part:
            case PolicyPart.PROTECTED:
                return Policies(protected=self._protected())
            case PolicyPart.EXPECTED:
                expected, _ = self._expected(frozenset())
                return Policies(expected=tuple(each for each in expected if each.name))
            case PolicyPart.SERVICES | PolicyPart.SAFE_SEARCH | PolicyPart.BYPASS:
                return self._known_names(part)
            case PolicyPart.JURISDICTIONS:
                return Policies(jurisdictions=self._folder("jurisdictions", read_jurisdiction))
            case PolicyPart.CONSENT:
                return Policies(consent_texts=self._folder("consent", documents.read_consent_text))
            case PolicyPart.NOTICES:
                return Policies(notice_texts=self._folder("notices", read_notice_texts))
            case PolicyPart.DESK:
                return Policies(desk_scripts=self._folder("desk", read_desk_scripts))
            case PolicyPart.FEEDS:
                feeds = self._listing("feeds.yaml", _read_feed)
                return Policies(feeds=feeds, ready=self._ready(feeds), shipped=frozenset(self._shipped))

    def _known_names(self, part: PolicyPart) -> Policies:
        if part is PolicyPart.SERVICES:
            return Policies(services=self._listing("services.yaml", _alone(documents.read_service)))
        if part is PolicyPart.BYPASS:
            return Policies(bypass=self._listing("bypass.yaml", _alone(documents.read_bypass)))
        found = self._listing("safesearch.yaml", _alone(documents.read_safe_search))
        return Policies(safe_search=tuple(each for each in found if each.target))

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

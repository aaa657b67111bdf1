"""Writes the starter lists: ``policies/lists/*.txt``, their feeds' guards, and the source of each name.

    python -m content.lists --v2fly PATH --nextdns FILE --folders DIR [--whole FOLDER/SOURCE=FILE ...]

``lists.yaml`` beside this file is the reviewed part: which sources a list takes, and what it leaves out and
why. DIR has a folder for each class with a file ``SOURCE.txt`` or ``SOURCE.txt.xz`` in it, one name a line;
where such a file leaves out what others of its folder have, ``--whole`` gives the source's own file. The
shipped services (``python -m content.services`` first) are a source as well. Nothing is resolved or visited.
The same sources give the same files.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from content.sources import (
    POLICIES,
    Community,
    SourceError,
    read_names,
    read_provenance,
    read_text,
    write_provenance,
)
from filterd.config.policies import icann_suffixes, private_suffixes

REVIEWED = Path(__file__).with_name("lists.yaml")
TAKEN_LICENCES = ("MIT", "Unlicense")
OFFERED = "services"
"""the source of a clause that takes names of shipped services, which have sources of their own"""
WHOLE_NAME = re.compile(r"(?!-)[a-z0-9_-]+(?:\.[a-z0-9_-]+)+")


@dataclass(frozen=True, slots=True)
class Clause:
    """One source that a list takes names from, and the terms."""

    source: str
    lists: tuple[str, ...]
    """the source's lists or classes; of services, ids or groups (``group/games``)"""
    without: tuple[str, ...] = ()
    """services of these groups that are of another class"""
    agree: int = 1
    """the number of sources that must have the name"""
    words: str = ""
    """a regular expression: only names with such a word, which say by themselves what the site is"""
    never: str = ""
    """a regular expression of names that the words would take by mistake"""
    longest: int = 0
    """if more than 0: only names of two labels, the first no longer than this"""
    marked: bool = False
    """of v2fly's lists, the entries that are marked as advertisements, and no others"""


@dataclass(frozen=True, slots=True)
class StarterList:
    """The reviewed terms of one starter list."""

    list: str
    about: tuple[str, ...]
    guard: Mapping[str, float]
    folders: tuple[str, ...] = ()
    """further classes in which a name of ``names`` may stand"""
    take: tuple[Clause, ...] = ()
    sure: str = ""
    """words that say what the site is"""
    doubt: str = ""
    """words of people, health and the like: a name with one is taken only if it is sure without them"""
    never: str = ""
    """words of names that are not taken, unless picked one by one"""
    names: tuple[str, ...] = ()
    """picked one by one; each must stand in a source"""
    leave_out: Mapping[str, str] = field(default_factory=dict)
    """name, which goes with all below it, and the reason"""


def read_reviewed(path: Path = REVIEWED) -> list[StarterList]:
    """The lists of a reviewed file."""
    found = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        take = tuple(map(_clause, entry.pop("take", ())))
        reasons = entry.pop("leave_out", {})
        left = {name: reason for reason, names in reasons.items() for name in names.split()}
        entry["names"] = tuple(entry.get("names", "").split())
        entry["folders"] = tuple(entry.get("folders", ()))
        entry["about"] = tuple(entry["about"].splitlines())
        found.append(StarterList(**entry, take=take, leave_out=left))
    return found


def _clause(reviewed: Mapping[str, Any]) -> Clause:
    """The clause of a reviewed line."""
    several = {key: tuple(reviewed.get(key, ())) for key in ("lists", "without")}
    return Clause(**{**reviewed, **several})


@dataclass(frozen=True, slots=True)
class Offered:
    """The shipped services as a source of lists."""

    names: Mapping[str, frozenset[str]]
    """by service: its names that go with all below them; a host that it shares with others is none"""
    groups: Mapping[str, str]
    having: Mapping[str, tuple[str, ...]]
    """by name: the ids of its sources"""

    @classmethod
    def read(cls) -> Offered:
        """Those of ``policies/services.yaml``."""
        services = yaml.safe_load((POLICIES / "services.yaml").read_text(encoding="utf-8"))
        return cls(
            {each["id"]: frozenset(each["names"].get("subtree", ())) for each in services},
            {each["id"]: each["group"] for each in services},
            read_provenance("services"),
        )

    def of(self, clause: Clause) -> set[str]:
        """The names of the services of a clause. Raises SourceError for a service or group that is none."""
        known = {*self.names, *(f"group/{each}" for each in self.groups.values())}
        if strange := {*clause.lists, *clause.without} - known:
            message = f"no service or group {', '.join(sorted(strange))}"
            raise SourceError(message)
        return {
            name
            for service, names in self.names.items()
            if {service, f"group/{self.groups[service]}"} & {*clause.lists} and service not in clause.without
            for name in names
        }


class Sources:
    """The names of every source, by class, as they stand in it."""

    def __init__(
        self,
        community: Community,
        services: Mapping[str, Iterable[str]],
        folders: Path,
        whole: Mapping[str, Path],
        offered: Offered,
    ) -> None:
        self._suffixes = (icann_suffixes(), private_suffixes())
        self.community = community
        self._services = {each: frozenset(map(self.plain, names)) for each, names in services.items()}
        self._folders = folders
        self._whole = whole
        self.offered = offered
        self._read: dict[tuple[str, str], frozenset[str]] = {}
        self._somewhere: frozenset[str] | None = None

    def plain(self, name: str) -> str:
        """The name without ``www.``: the site is the same. Not where that leaves a public suffix."""
        if not name.startswith("www."):
            return name
        short = name.removeprefix("www.")
        return name if "." not in short or self.is_suffix(short) else short

    def is_suffix(self, name: str) -> bool:
        """True for a name under which strangers have names of their own."""
        return any(name in each for each in self._suffixes)

    def of(self, clause: Clause) -> set[str]:
        """The names that a clause begins with."""
        if clause.source == OFFERED:
            return self.offered.of(clause)
        if clause.source == "nextdns-services":
            return set().union(*(self._services[name] for name in clause.lists))
        if clause.source != "v2fly":
            return set().union(*(self.folder(name, clause.source) for name in clause.lists))
        entries = [entry for name in clause.lists for entry in self.community.entries(name)]
        return {
            self.plain(each.name)
            for each in entries
            if "cn" not in each.attributes and ("ads" in each.attributes) == clause.marked
        }

    def folder(self, folder: str, source: str) -> frozenset[str]:
        """The names that a source has in a class."""
        key = folder, source
        if key not in self._read:
            path = self._whole.get("/".join(key)) or self._folder_file(folder, source)
            names = read_names([path]) if path.is_relative_to(self._folders) else _own_format(path)
            self._read[key] = frozenset(map(self.plain, names))
        return self._read[key]

    def _folder_file(self, folder: str, source: str) -> Path:
        for ending in (".txt", ".txt.xz"):
            if (path := self._folders / folder / (source + ending)).is_file():
                return path
        message = f"{self._folders / folder} has no {source}.txt or {source}.txt.xz"
        raise SourceError(message)

    def witnesses(self, folders: Iterable[str], known: Iterable[str]) -> Iterator[tuple[str, frozenset[str]]]:
        """Each source that may be used, with its names in these classes."""
        for folder in folders:
            there = {path.name.partition(".")[0] for path in (self._folders / folder).glob("*")}
            for source in sorted(there.intersection(known)):
                yield source, self.folder(folder, source)

    def have(self, name: str) -> set[str]:
        """The sources of services and categories that have the name in whatever list."""
        if self._somewhere is None:
            lists = (self.community.entries(each, included=False) for each in self.community)
            self._somewhere = frozenset(self.plain(entry.name) for each in lists for entry in each)
        found = {"v2fly"} if name in self._somewhere else set()
        served = any(name in names for names in self._services.values())
        return found | ({"nextdns-services"} if served else set())


def _own_format(path: Path) -> set[str]:
    """The names of a hosts file, or of one with a wildcard a line."""
    lines = (line.split("#")[0].split() for line in read_text(path).splitlines())
    return {words[-1].lower().removeprefix("*.") for words in lines if words}


def choose(terms: StarterList, sources: Sources, known: Iterable[str]) -> dict[str, set[str]]:
    """The names of a list, each with the ids of its sources. Raises SourceError for a picked name that no
    source has."""
    taken = {
        clause: {name for name in sources.of(clause) if _says(terms, clause, name)} for clause in terms.take
    }
    having = _having(terms, taken, sources, known)
    found = {
        name: having[name]
        for clause, names in taken.items()
        for name in names
        if len(having[name]) >= clause.agree
    }
    for name in terms.names:
        found[name] = having[name] | sources.have(name)
        if not found[name]:
            message = f"{terms.list}: no source has {name}"
            raise SourceError(message)
    return _without_parts(_fitting(found, terms, sources.is_suffix))


def _having(
    terms: StarterList, taken: Mapping[Clause, set[str]], sources: Sources, known: Iterable[str]
) -> defaultdict[str, set[str]]:
    """The names that may come into the list, with the ids of all sources of its classes that have them."""
    folders = {name for each in terms.take if each.source not in _CLASSLESS for name in each.lists}
    having = defaultdict[str, set[str]](set)
    wanted = set(terms.names).union(*taken.values())
    for source, there in sources.witnesses(sorted(folders.union(terms.folders)), known):
        for name in there & wanted:
            having[name].add(source)
    for clause, names in taken.items():
        for name in names:
            having[name].update(sources.offered.having[name] if clause.source == OFFERED else [clause.source])
    return having


_CLASSLESS = ("v2fly", "nextdns-services", OFFERED)


def _says(terms: StarterList, clause: Clause, name: str) -> bool:
    """True if the name's own words do not stand against taking it."""
    if clause.words and not re.search(clause.words, name):
        return False
    if clause.never and re.search(clause.never, name):
        return False
    if clause.longest and (name.count(".") > 1 or name.find(".") > clause.longest):
        return False
    if terms.never and re.search(terms.never, name):
        return False
    if not terms.doubt or not re.search(terms.doubt, name):
        return True
    return re.search(terms.sure, re.sub(terms.doubt, " ", name)) is not None


def _fitting(
    found: Mapping[str, set[str]], terms: StarterList, is_suffix: Callable[[str], bool]
) -> dict[str, set[str]]:
    """Keep names that nobody left out; no bare top-level domain, no public suffix."""
    return {
        name: ids
        for name, ids in found.items()
        if WHOLE_NAME.fullmatch(name) and not is_suffix(name) and not terms.leave_out.keys() & _above(name)
    }


def _without_parts(found: dict[str, set[str]]) -> dict[str, set[str]]:
    """Without the names that lie below another of the list, which covers them."""
    return {name: ids for name, ids in found.items() if not found.keys() & (_above(name) - {name})}


def _above(name: str) -> set[str]:
    """The name and those above it."""
    labels = name.split(".")
    return {".".join(labels[start:]) for start in range(len(labels))}


def render(terms: StarterList, found: Mapping[str, set[str]], known: Mapping[str, Mapping[str, str]]) -> str:
    """The file of a list. A name counts for the first of its sources, in the order of sources.yaml."""
    first = Counter(next(source for source in known if source in ids) for ids in found.values())
    newest = max(known[source]["date"] for source in first)
    head = [
        f"filterd starter list: {terms.list}",
        *terms.about,
        "",
        "Every name stands in one of these public lists; none was resolved or visited to make this file.",
        *(f"Source: {_cited(known[source])}, {first[source]} names" for source in known if first[source]),
        f"Date: {newest}. A start to show the service with; an operator adds full feeds in feeds.yaml.",
        "",
    ]
    names = sorted(found, key=lambda name: name.split(".")[::-1])
    return "".join(f"# {line}".rstrip() + "\n" for line in head) + "".join(f"{name}\n" for name in names)


def _cited(source: Mapping[str, str]) -> str:
    if "page" in source:
        return f"{source['page']}, {source['date']} ({source['licence']})"
    return f"{source['repository']} @ {source['commit']}, {source['date']} ({source['licence']})"


def feed(terms: StarterList) -> str:
    """The list's entry of feeds.yaml."""
    guard = ", ".join(f"{key}: {value:g}" for key, value in terms.guard.items())
    return (
        f"- id: starter-{terms.list}\n"
        f"  source: lists/{terms.list}.txt\n"
        "  format: domains\n"
        f"  category: {terms.list}\n"
        "  scope: subtree\n"
        "  refresh: 1d\n"
        f"  guard: {{{guard}}}\n"
    )


def lay_feeds(text: str, lists: Iterable[StarterList]) -> str:
    """The text of feeds.yaml with the entries of these lists in place; a new one comes before the security
    feeds, and nothing else changes."""
    for terms in lists:
        entry = re.compile(rf"^- id: starter-{terms.list}\n(?:  .*\n)+", re.MULTILINE)
        if entry.search(text):
            text = entry.sub(feed(terms), text)
        else:
            before, mark, after = text.partition("# The operator's own security blocking")
            text = f"{before}{feed(terms)}\n{mark}{after}" if mark else f"{before}\n{feed(terms)}"
    return text


def known_sources() -> dict[str, dict[str, str]]:
    """The sources of sources.yaml, by id: lists that may be shipped, and pages of a body on its own names."""
    entries = yaml.safe_load((POLICIES / "sources.yaml").read_text(encoding="utf-8"))
    return {each["id"]: each for each in entries if "page" in each or each["licence"] in TAKEN_LICENCES}


def write(sources: Sources) -> None:
    """Write every list, its feed and the provenance of all names."""
    known = known_sources()
    provenance = defaultdict[str, set[str]](set)
    lists = read_reviewed()
    for terms in lists:
        found = choose(terms, sources, known)
        (POLICIES / "lists" / f"{terms.list}.txt").write_text(render(terms, found, known), encoding="utf-8")
        for name, ids in found.items():
            provenance[name] |= ids
        print(f"{terms.list}: {len(found)} names")
    write_provenance("lists", provenance)
    feeds = POLICIES / "feeds.yaml"
    feeds.write_text(lay_feeds(feeds.read_text(encoding="utf-8"), lists), encoding="utf-8")


def read_sources(v2fly: Path, nextdns: Path, folders: Path, whole: Mapping[str, Path]) -> Sources:
    """The sources at these paths."""
    return Sources(Community.read(v2fly), json.loads(read_text(nextdns)), folders, whole, Offered.read())


def main() -> None:
    """Read the command line and write the lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--v2fly", type=Path, required=True, help="v2fly/domain-list-community, or its data")
    parser.add_argument("--nextdns", type=Path, required=True, help="a JSON file: service -> domains")
    parser.add_argument("--folders", type=Path, required=True, help="a directory of CLASS/SOURCE.txt[.xz]")
    parser.add_argument("--whole", action="append", default=[], metavar="CLASS/SOURCE=FILE")
    chosen = parser.parse_args()
    pairs = [each.split("=", 1) for each in chosen.whole]
    whole = {key: Path(file) for key, file in pairs}
    write(read_sources(chosen.v2fly, chosen.nextdns, chosen.folders, whole))


if __name__ == "__main__":
    main()

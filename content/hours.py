"""Writes the groups of ``policies/protected.yaml``, and the source of each name of the whole document.

    python -m content.hours --v2fly PATH --nextdns PATH

``hours.yaml`` beside this file is the reviewed part. The paths are the directory ``data`` of
v2fly/domain-list-community and the directory ``services`` of nextdns/services, or one JSON file each that
maps names of lists to what they hold. What stands above the groups in protected.yaml is written by people,
and left alone. The same sources give the same files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from content.sources import POLICIES, Community, SourceError, read_text, write_provenance

REVIEWED = Path(__file__).with_name("hours.yaml")
PROTECTED = POLICIES / "protected.yaml"
SOURCES = POLICIES / "sources.yaml"
V2FLY, NEXTDNS = "v2fly", "nextdns-services"
FACTS = "facts"
MARK = "groups:\n"
"""the line of protected.yaml from which on it is written here"""
WIDTH = 110
HEAD = """\
# Open while a schedule blocks everything, unless its slot takes the group away (`leaves` of the slot).
# They open nothing else: what a profile, an own block name or an order blocks stays blocked. Ids stay, as
# profiles name them.
#
# Made by `python -m content.hours` of content/hours.yaml: change it there. provenance/protected.tsv has the
# source of each name. What no source has is missing here: an operator adds it in a group of another id, which
# every schedule leaves open that does not say otherwise.
"""


@dataclass(frozen=True, slots=True)
class Sources:
    """The public lists, and the pages of which the review speaks."""

    community: Community
    nextdns: Mapping[str, Iterable[str]]
    pages: frozenset[str]

    @classmethod
    def read(cls, v2fly: Path, nextdns: Path) -> Sources:
        """From a checkout or a file each."""
        stated = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))
        pages = frozenset(each["id"] for each in stated if each["licence"] == FACTS)
        return cls(Community.read(v2fly), _read_nextdns(nextdns), pages)

    def named_by(self, name: str, source: str, *, exact: bool) -> str:
        """The id of the source. Raises SourceError unless it has the name, or all that is above it."""
        kind, _, where = source.partition("/")
        if kind == V2FLY:
            there = any(_covers(each.name, name, each.exact, exact) for each in self.community.entries(where))
        elif kind == NEXTDNS:
            there = any(_covers(each, name, False, exact) for each in self.nextdns.get(where, ()))
        else:
            there = source in self.pages
        if not there:
            message = f"{source} does not have {name}: take it out of {REVIEWED.name}, or name another source"
            raise SourceError(message)
        return kind


def _read_nextdns(path: Path) -> dict[str, list[str]]:
    """The services of nextdns/services by id: a directory with a file for each, or a JSON file."""
    if path.is_dir():
        texts = {each.name: each.read_text(encoding="utf-8").splitlines() for each in sorted(path.iterdir())}
    else:
        texts = json.loads(read_text(path))
    names = {key: [line.partition("#")[0].strip() for line in lines] for key, lines in texts.items()}
    return {key: [name for name in each if name] for key, each in names.items()}


def _covers(listed: str, name: str, listed_exact: bool, exact: bool) -> bool:
    """True if a source's line says as much as is taken of it."""
    if listed == name:
        return exact or not listed_exact
    return not listed_exact and name.endswith("." + listed)


@dataclass(slots=True)
class Names:
    """Names by scope, each with the ids of its sources."""

    subtree: dict[str, set[str]] = field(default_factory=dict)
    exact: dict[str, set[str]] = field(default_factory=dict)

    def take(self, reviewed: Mapping[str, Any], sources: Sources) -> None:
        """Take the names that a reviewed entry gives one by one."""
        for name, source in reviewed.get("subtree", {}).items():
            self.subtree.setdefault(name, set()).add(sources.named_by(name, source, exact=False))
        for name, source in reviewed.get("exact", {}).items():
            self.exact.setdefault(name, set()).add(sources.named_by(name, source, exact=True))

    def take_list(self, name: str, community: Community) -> None:
        """Take a list of v2fly."""
        for each in community.entries(name, included=False):
            if "ads" not in each.attributes:
                (self.exact if each.exact else self.subtree).setdefault(each.name, set()).add(V2FLY)

    def drop(self, name: str) -> None:
        """Leave a name out. Raises SourceError where no list has it (any more)."""
        if self.subtree.pop(name, None) is None and self.exact.pop(name, None) is None:
            message = f"{REVIEWED.name} leaves out {name}, which no list has: take the line out"
            raise SourceError(message)

    def document(self) -> dict[str, list[str]]:
        """As protected.yaml has it: sorted, without what stands below another name of its own."""
        above = {name for name in self.subtree if not self._is_below(name)}
        alone = {name for name in self.exact if name not in self.subtree and not self._is_below(name)}
        scopes = {"subtree": sorted(above), "exact": sorted(alone)}
        return {scope: names for scope, names in scopes.items() if names}

    def sources(self) -> dict[str, set[str]]:
        """The sources of each name that the document has."""
        scopes = {"subtree": self.subtree, "exact": self.exact}
        return {name: scopes[scope][name] for scope, names in self.document().items() for name in names}

    def _is_below(self, name: str) -> bool:
        labels = name.split(".")
        return any(".".join(labels[at:]) in self.subtree for at in range(1, len(labels)))


def make(reviewed: Mapping[str, Any], sources: Sources) -> dict[str, Names]:
    """The names of each group."""
    groups: dict[str, Names] = {}
    for group in reviewed["groups"]:
        names = groups.setdefault(group["id"], Names())
        for each in group.get("lists", ()):
            names.take_list(each, sources.community)
        for name in group.get("leave_out", {}):
            names.drop(name)
        names.take(group, sources)
    return groups


def written(reviewed: Mapping[str, Any], groups: Mapping[str, Names]) -> str:
    """The part of protected.yaml from ``groups:`` on."""
    lines = [MARK]
    for group in reviewed["groups"]:
        title = group["title"]
        lines.append(f'  - id: {group["id"]}\n    title: {{es: "{title["es"]}", en: "{title["en"]}"}}\n')
        if "missing" in group:
            lines += _folded(f"Missing, as no source has it: {group['missing']}.", "    # ")
        lines.append("    names:\n")
        for scope, names in groups[group["id"]].document().items():
            lines.append(f"      {scope}:\n")
            lines += [f"        - {name}\n" for name in names]
    return "".join(lines)


def _folded(text: str, start: str) -> list[str]:
    """A comment in lines."""
    lines, words = [], text.split()
    while words:
        line = start + words.pop(0)
        while words and len(line) + 1 + len(words[0]) <= WIDTH:
            line += " " + words.pop(0)
        lines.append(line + "\n")
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Write protected.yaml and its provenance."""
    parser = argparse.ArgumentParser(prog="python -m content.hours", description=__doc__.splitlines()[0])
    parser.add_argument("--v2fly", type=Path, required=True, help="v2fly/domain-list-community's data")
    parser.add_argument("--nextdns", type=Path, required=True, help="nextdns/services' services")
    chosen = parser.parse_args(arguments)
    try:
        sources = Sources.read(chosen.v2fly, chosen.nextdns)
        reviewed = yaml.safe_load(REVIEWED.read_text(encoding="utf-8"))
        groups = make(reviewed, sources)
        others = Names()
        others.take(reviewed["others"], sources)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{error}\n")
    kept = PROTECTED.read_text(encoding="utf-8").partition(HEAD)[0].partition("\n" + MARK)[0].rstrip("\n")
    PROTECTED.write_text(f"{kept}\n\n{HEAD}{written(reviewed, groups)}", encoding="utf-8")
    write_provenance("protected", provenance([others, *groups.values()]))


def provenance(parts: Iterable[Names]) -> dict[str, set[str]]:
    """The sources of each name, whatever parts of the document have it."""
    found: dict[str, set[str]] = {}
    for part in parts:
        for name, sources in part.sources().items():
            found.setdefault(name, set()).update(sources)
    return found


if __name__ == "__main__":
    main()

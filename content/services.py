"""Makes ``policies/services.yaml`` and the popular names from public lists and ``content/services.yaml``.

::

    python -m content.services --v2fly PATH --nextdns PATH --lists PATH

It prints what is new and what is gone, service by service, for a person to review before it is committed. The
same sources give the same files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import yaml

from content.sources import POLICIES, Community, SourceError, read_names, read_text, write_provenance
from filterd.config.policies import icann_suffixes

REVIEWED = Path(__file__).with_suffix(".yaml")
SHIPPED = POLICIES / "services.yaml"
GROUPS = POLICIES / "service-groups.yaml"
POPULAR = POLICIES / "popular"
V2FLY, NEXTDNS = "v2fly", "nextdns-services"
MOST_POPULAR = 30
"""names of one service that are popular unless the review says which are: a long list holds misspellings"""
KEYS = {"id", "title", "group", "v2fly", "nextdns", "having", "add", "leave_out", "popular", "part_of"}


@dataclass(frozen=True, slots=True)
class Sources:
    """The public lists, read."""

    community: Community
    nextdns: Mapping[str, list[str]]
    lists: Path
    """a directory of ``CATEGORY/SOURCE.txt``, each with one name a line"""

    @classmethod
    def read(cls, v2fly: Path, nextdns: Path, lists: Path) -> Sources:
        """From a checkout or a file each."""
        return cls(Community.read(v2fly), _read_nextdns(nextdns), lists)

    def has(self, source: str, name: str) -> bool:
        """True if the source has this name. A source without a list is a page, which a person has read."""
        kind, _, where = source.partition("/")
        if kind == V2FLY:
            return any(each.name == name for each in self.community.entries(where, included=False))
        if kind == NEXTDNS:
            return name in self.nextdns.get(where, ())
        if not where:
            return True
        files = sorted(self.lists.glob(f"{where}/{kind}.txt*"))
        if not files:
            message = f"no list {where}/{kind}.txt below {self.lists}"
            raise SourceError(message)
        return name in read_names(files)


@dataclass(slots=True)
class Entry:
    """One service with the sources of each of its names."""

    id: str
    title: Mapping[str, str]
    group: str
    exact: dict[str, set[str]] = field(default_factory=dict)
    subtree: dict[str, set[str]] = field(default_factory=dict)
    popular: frozenset[str] = frozenset()

    def take(self, name: str, source: str, *, exact: bool = False) -> None:
        """Note that a source has the name. A name that one source has with all below it is no exact one."""
        if exact and name not in self.subtree:
            self.exact.setdefault(name, set()).add(source)
        else:
            known = self.exact.pop(name, set())
            self.subtree.setdefault(name, set()).update(known, [source])

    def drop(self, name: str) -> bool:
        """Leave the name out with what is below it; False if it is not there."""
        found = name in self.exact or name in self.subtree
        for names in (self.exact, self.subtree):
            for each in [each for each in names if name in (each, *parents(each))]:
                del names[each]
        return found

    def settle(self) -> None:
        """Leave out what stands below another name of the service."""
        for names in (self.exact, self.subtree):
            for name in [each for each in names if any(p in self.subtree for p in parents(each))]:
                del names[name]

    @property
    def names(self) -> dict[str, set[str]]:
        """Every name with its sources."""
        return {**self.exact, **self.subtree}


def parents(name: str) -> list[str]:
    """The names that this one is below, the nearest first, but for the last label."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(1, len(labels) - 1)]


def make(reviewed: Mapping[str, Any], sources: Sources) -> list[Entry]:
    """The services that the review describes, in its order. Raises SourceError where it does not fit the
    sources: what it names is gone, or what it leaves out is not there."""
    spared = {group["id"] for group in reviewed["groups"] if group.get("popular") is False}
    entries = [_entry(each, sources) for each in reviewed["services"]]
    for each in entries:
        if each.group in spared:
            each.popular = frozenset()
    return entries


def _entry(reviewed: Mapping[str, Any], sources: Sources) -> Entry:
    where = reviewed["id"]
    if strange := set(reviewed) - KEYS:
        message = f"{where}: no such key {', '.join(sorted(strange))}"
        raise SourceError(message)
    entry = Entry(where, title_of(reviewed["title"]), reviewed["group"])
    _take_lists(entry, reviewed, sources)
    for name in reviewed.get("leave_out", {}):
        if not entry.drop(name):
            message = f"{where}: leaves out {name}, which no source of it has: take the line out"
            raise SourceError(message)
    for name, source in reviewed.get("add", {}).items():
        if not sources.has(source, name):
            message = f"{where}: {source} does not have {name} any more: take it out of {REVIEWED.name}"
            raise SourceError(message)
        entry.take(name, source.partition("/")[0])
    entry.settle()
    entry.popular = _popular(entry, reviewed.get("popular"))
    return entry


def _take_lists(entry: Entry, reviewed: Mapping[str, Any], sources: Sources) -> None:
    having = reviewed.get("having", [""])
    for name, exact in _of_community(reviewed.get("v2fly", ()), sources):
        if any(word in name for word in having):
            entry.take(name, V2FLY, exact=exact)
    for each in reviewed.get("nextdns", ()):
        if each not in sources.nextdns:
            message = f"nextdns/services has no list {each!r}"
            raise SourceError(message)
        for name in filter(_is_name, sources.nextdns[each]):
            entry.take(name, NEXTDNS)


def _of_community(lists: Iterable[str], sources: Sources) -> list[tuple[str, bool]]:
    """The names of lists and whether each stands alone. Lists that they include are named by the review where
    they belong to the service; what is marked as advertising is often a host of a firm that serves many."""
    entries = [each for name in lists for each in sources.community.entries(name, included=False)]
    wanted = [each for each in entries if "ads" not in each.attributes and _is_name(each.name)]
    return [(each.name, each.exact) for each in wanted]


def _is_name(name: str) -> bool:
    """True if it can be asked as a host's name and one body holds it: a brand's own suffix is none."""
    return "_" not in name and name not in icann_suffixes()


def _popular(entry: Entry, chosen: Iterable[str] | None) -> frozenset[str]:
    """The names of the service that many people use: those that the review chose, or all that stand for more
    than one host."""
    if chosen is not None:
        unknown = set(chosen) - entry.names.keys()
        if unknown:
            message = f"{entry.id}: popular names that are not its own: {', '.join(sorted(unknown))}"
            raise SourceError(message)
        return frozenset(chosen)
    if len(entry.subtree) > MOST_POPULAR:
        message = f"{entry.id}: {len(entry.subtree)} names; say which are popular"
        raise SourceError(message)
    return frozenset(entry.subtree)


def title_of(title: str | Mapping[str, str]) -> Mapping[str, str]:
    """The title in both languages; a brand is written once."""
    return {"es": title, "en": title} if isinstance(title, str) else title


def _read_nextdns(path: Path) -> dict[str, list[str]]:
    """The services of nextdns/services: its ``services`` directory with a file for each, or one JSON file of
    their lines."""
    if not path.is_dir():
        found: dict[str, list[str]] = json.loads(read_text(path))
        return {name: [line.partition("#")[0].strip() for line in lines] for name, lines in found.items()}
    return {each.stem: sorted(read_names([each])) for each in sorted(path.iterdir()) if each.is_file()}


HEAD = """\
# Well-known applications that a profile can block by name, with the names that each cannot do without and
# that serve little else. Made by `python -m content.services` from content/services.yaml: change that file,
# not this one. Which source has which name stands in provenance/services.tsv.
"""
GROUPS_HEAD = """\
# The groups in which services are shown. Made by `python -m content.services` from content/services.yaml.
"""
POPULAR_HEAD = """\
# Names that many people use, beside those of expected.yaml: a list that would block one of them is held back
# as far as that name goes. Your own go into popular.txt of your policies directory, one a line.
# They are names of services.yaml. Made by `python -m content.services`.
"""
SEARCH_HEAD = """\
# The names of search engines, beside those of expected.yaml and popular/services.txt, as safesearch.yaml has
# them. Made by `python -m content.services`.
"""


def quoted(text: str) -> str:
    """A YAML string in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def titled(title: Mapping[str, str]) -> str:
    """A title as YAML, on one line."""
    return f"{{es: {quoted(title['es'])}, en: {quoted(title['en'])}}}"


def services_text(entries: Iterable[Entry]) -> str:
    """The text of services.yaml."""
    lines = [HEAD]
    for each in entries:
        lines.append(f"- id: {each.id}\n  title: {titled(each.title)}\n  group: {each.group}\n  names:\n")
        for scope, names in (("exact", each.exact), ("subtree", each.subtree)):
            if names:
                lines.append(f"    {scope}:\n" + "".join(f"      - {name}\n" for name in sorted(names)))
    return "".join(lines)


def groups_text(groups: Iterable[Mapping[str, Any]]) -> str:
    """The text of service-groups.yaml."""
    return GROUPS_HEAD + "".join(
        f"- {{id: {each['id']}, title: {titled(each['title'])}}}\n" for each in groups
    )


def search_names(document: Iterable[Mapping[str, Any]]) -> set[str]:
    """Every name of safesearch.yaml, safe hosts among them."""
    found = {each["target"] for each in document}
    for each in document:
        found.update(name for names in each["names"].values() for name in names)
    return found


def files(reviewed: Mapping[str, Any], sources: Sources) -> dict[Path, str]:
    """Every file that is made, but for the provenance."""
    entries = make(reviewed, sources)
    popular = {name for each in entries for name in each.popular}
    return {
        SHIPPED: services_text(entries),
        GROUPS: groups_text(reviewed["groups"]),
        POPULAR / "services.txt": POPULAR_HEAD + "".join(f"{name}\n" for name in sorted(popular)),
        POPULAR / "safesearch.txt": search_text(popular),
    }


def search_text(popular: set[str]) -> str:
    """The text of popular/safesearch.txt: names of search engines that are no service's popular names."""
    document = yaml.safe_load((POLICIES / "safesearch.yaml").read_text(encoding="utf-8"))
    return SEARCH_HEAD + "".join(f"{name}\n" for name in sorted(search_names(document) - popular))


def origins(entries: Iterable[Entry]) -> dict[str, set[str]]:
    """The sources of each name of all services."""
    found: dict[str, set[str]] = {}
    for each in entries:
        for name, ids in each.names.items():
            found.setdefault(name, set()).update(ids)
    return found


def shipped_names() -> dict[str, set[str]]:
    """The names of each service as they stand in services.yaml now."""
    if not SHIPPED.exists():
        return {}
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return {each["id"]: {name for names in each["names"].values() for name in names} for each in document}


def difference(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> list[str]:
    """A line for each service that is new, gone or changed."""
    lines = []
    for service in sorted(before.keys() | after.keys()):
        was, now = before.get(service, set()), after.get(service, set())
        if was == now:
            continue
        words = [] if service in before else ["new service"]
        words += [] if service in after else ["gone, and lines may have it: put it back"]
        words += [f"+{name}" for name in sorted(now - was)] + [f"-{name}" for name in sorted(was - now)]
        lines.append(f"{service}: {' '.join(words)}")
    return lines


@click.command()
@click.option("--v2fly", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--nextdns", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--lists", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="print the difference, write nothing")
def main(v2fly: Path, nextdns: Path, lists: Path, *, dry_run: bool) -> None:
    """Make services.yaml, its groups, the popular names and their provenance anew; print what changes."""
    reviewed = yaml.safe_load(REVIEWED.read_text(encoding="utf-8"))
    before = shipped_names()
    try:
        sources = Sources.read(v2fly, nextdns, lists)
        made = files(reviewed, sources)
        entries = make(reviewed, sources)
    except SourceError as error:
        click.echo(f"{error}\nnothing was written; mend {REVIEWED} or give another source", err=True)
        sys.exit(1)
    found = difference(before, {each.id: set(each.names) for each in entries})
    click.echo("\n".join(found) or "no service changes")
    if dry_run:
        return
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    by_name = origins(entries)
    write_provenance("services", by_name)
    write_provenance("popular", {name: by_name[name] for each in entries for name in each.popular})


if __name__ == "__main__":
    main()

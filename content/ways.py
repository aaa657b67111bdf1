"""Writes safesearch.yaml, bypass.yaml, the lists of ways around, and the source of each name.

    python -m content.ways --v2fly PATH --tunnels FILE --junk FILE --dns FILE --hosts FILE --searches FILE

``ways.yaml`` beside this file is the reviewed part. PATH is v2fly/domain-list-community or its data, the
files are ShadowWhisperer's lists Tunnels, Junk and DNS, 4skinSkywalker's hosts, and the list of
nextdns/no-safesearch, one name a line. Nothing is resolved or visited. The same sources give the same files.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml
from publicsuffixlist import PublicSuffixList

from content.sources import POLICIES, Community, SourceError, read_names, write_provenance

REVIEWED = Path(__file__).with_name("ways.yaml")
Found = dict[str, set[str]]
"""names or networks, each with the ids of its sources"""
Entry = Mapping[str, Any]
"""a reviewed entry, as it stands in ways.yaml"""


@dataclass(frozen=True)
class Sources:
    """The names of every source."""

    community: Community
    tunnels: frozenset[str]
    junk: frozenset[str]
    dns: frozenset[str]
    hosts: frozenset[str]
    searches: frozenset[str]

    @cached_property
    def _suffixes(self) -> PublicSuffixList:
        return PublicSuffixList()

    @cached_property
    def _community_names(self) -> frozenset[str]:
        lists = (self.community.entries(each, included=False) for each in self.community)
        return frozenset(entry.name for each in lists for entry in each)

    def listed(self, lists: Iterable[str]) -> set[str]:
        """The names of these lists of v2fly."""
        return {entry.name for each in lists for entry in self.community.entries(each)}

    def saying(self, words: str) -> set[str]:
        """The tunnels whose registered label says what they are; a host of a platform counts as its own."""
        pattern = re.compile(words)
        labels = ((name, self._suffixes.privatesuffix(name) or "") for name in self.tunnels)
        return {name for name, registered in labels if pattern.search(registered.partition(".")[0])}

    def having(self, name: str) -> set[str]:
        """The ids of the sources that have the name."""
        having = {
            "v2fly": name in self._community_names,
            "shadowwhisperer": name in self.tunnels or name in self.junk,
            "shadowwhisperer-dns": name in self.dns,
            "4skinskywalker": bool({name, f"www.{name}"} & self.hosts),
            "nextdns-no-safesearch": bool({name, f"www.{name}"} & self.searches),
        }
        return {source for source, there in having.items() if there}


def choose(entry: Entry, sources: Sources) -> Found:
    """The names and networks of an entry, each with its sources. Raises SourceError for one that no source
    has."""
    lists = entry.get("v2fly", ())
    names = set() if "match" in entry else sources.listed(lists)
    names.update(entry.get("names", "").split())
    if "words" in entry:
        names |= sources.saying(entry["words"])
    if entry.get("searches"):
        names |= {name.removeprefix("www.") for name in sources.searches}
    found: Found = {name: sources.having(name) for name in names}
    if "match" in entry:
        found |= _matching(entry, sources)
    for source, text in entry.get("facts", {}).items():
        for word in text.split():
            found.setdefault(_plain(word), set()).add(source)
    for name, ids in found.items():
        if not ids:
            message = f"{entry.get('id') or entry.get('list')}: no source has {name}"
            raise SourceError(message)
    out = set(entry.get("without", "").split())
    return {name: found[name] for name in sorted(found, key=_place) if not out & _above(name)}


def _matching(entry: Entry, sources: Sources) -> Found:
    """The names of an engine's list that its expression fits, and their ``www.`` where that is meant."""
    pattern = re.compile(entry["match"])
    names = {name for name in sources.listed([entry["v2fly"]]) if pattern.fullmatch(name)}
    wanted = names | ({f"www.{name}" for name in names} if entry.get("www") else set())
    return {name: {"v2fly"} for name in wanted}


def _plain(word: str) -> str:
    """A name as it is, an address as a network."""
    return str(ip_network(word)) if re.fullmatch(r"[0-9a-f.:/]*[:./][0-9a-f.:/]*", word) else word


def _is_network(word: str) -> bool:
    return "/" in word


def _place(name: str) -> tuple[int, tuple[str, ...]]:
    """Names before networks, each by its labels from the right."""
    return (1, (name,)) if _is_network(name) else (0, tuple(name.split(".")[::-1]))


def _above(name: str) -> set[str]:
    """The name and those above it; of a name with ``www.`` its twin among them."""
    labels = name.split(".")
    return {".".join(labels[start:]) for start in range(len(labels))}


def without_parts(found: Found) -> Found:
    """Without the names that lie below another, which covers them."""
    return {name: ids for name, ids in found.items() if not found.keys() & (_above(name) - {name})}


def title(entry: Entry) -> str:
    """The entry's title as a line of YAML."""
    return f'  title: {{es: "{entry["title"]["es"]}", en: "{entry["title"]["en"]}"}}\n'


def render_safe_search(head: str, entries: Iterable[tuple[Entry, Found]], pages: Mapping[str, str]) -> str:
    """The file safesearch.yaml."""
    text = head
    for entry, found in entries:
        text += (
            f"\n- id: {entry['id']}\n  engine: {entry['engine']}\n{title(entry)}  target: {entry['target']}\n"
            f'  source: "{pages[entry["fact"]]}"\n  names:\n    exact:\n'
        )
        text += "".join(f"      - {name}\n" for name in found)
    return text


def render_bypass(head: str, entries: Iterable[tuple[Entry, Found]]) -> str:
    """The file bypass.yaml."""
    text = head
    for entry, found in entries:
        text += "\n" + "".join(f"# {line}\n" for line in _wrapped(entry["about"]))
        text += f"- id: {entry['id']}\n{title(entry)}  level: {entry['level']}\n"
        text += "  strip_ech: true\n" if entry.get("strip_ech") else ""
        names = [each for each in found if not _is_network(each)]
        networks = [each for each in found if _is_network(each)]
        text += "  names:\n    subtree:\n" if names else ""
        text += "".join(f"      - {each}\n" for each in names)
        text += "  addresses:\n" if networks else ""
        text += "".join(f'    - "{each}"\n' for each in networks)
    return text


def _wrapped(text: str, width: int = 108) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


def render_list(entry: Entry, found: Found, known: Mapping[str, Mapping[str, str]]) -> str:
    """The file of a list. A name counts for the first of its sources, in the order of sources.yaml."""
    first = Counter(next(source for source in known if source in ids) for ids in found.values())
    cited = [f"Source: {_cited(known[each])}, {first[each]} names" for each in known if first[each]]
    newest = max(known[each]["date"] for each in first)
    head = [
        f"filterd starter list: {entry['list']}",
        *entry["about"],
        "",
        "Every name stands in one of these public lists; none was resolved or visited to make this file.",
        *cited,
        f"Date: {newest}. A start to show the service with; an operator adds full feeds in feeds.yaml.",
        "",
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in head) + "".join(f"{name}\n" for name in found)


def _cited(source: Mapping[str, str]) -> str:
    if "page" in source:
        return f"{source['page']}, {source['date']} (facts)"
    return f"{source['repository']} @ {source['commit']}, {source['date']} ({source['licence']})"


def known_sources() -> dict[str, dict[str, str]]:
    """The sources of sources.yaml, by id."""
    entries = yaml.safe_load((POLICIES / "sources.yaml").read_text(encoding="utf-8"))
    return {each["id"]: each for each in entries}


def documents(reviewed: Mapping[str, Any], sources: Sources) -> dict[str, tuple[str, Found]]:
    """Every file below policies/, with its text and the sources of what stands in it."""
    known = known_sources()
    pages = {each: source.get("page", "") for each, source in known.items()}
    searches = [(each, choose(each, sources)) for each in reviewed["safe_search"]]
    targets: Found = {each["target"]: {each["fact"]} for each in reviewed["safe_search"]}
    ways = [(each, without_parts(choose(each, sources))) for each in reviewed["bypass"]]
    made = {
        "safesearch.yaml": (
            render_safe_search(reviewed["heads"]["safesearch"], searches, pages),
            _union([targets, *(found for _, found in searches)]),
        ),
        "bypass.yaml": (render_bypass(reviewed["heads"]["bypass"], ways), _union(found for _, found in ways)),
    }
    for each in reviewed["lists"]:
        found = without_parts(choose(each, sources))
        made[f"lists/{each['list']}.txt"] = (render_list(each, found, known), found)
    return made


def _union(parts: Iterable[Found]) -> Found:
    whole = defaultdict[str, set[str]](set)
    for part in parts:
        for name, ids in part.items():
            whole[name] |= ids
    return dict(whole)


def write(made: Mapping[str, tuple[str, Found]]) -> None:
    """Write every document and the provenance of all names."""
    for file, (text, found) in made.items():
        (POLICIES / file).write_text(text, encoding="utf-8")
        print(f"{file}: {len(found)}")
    write_provenance("safesearch", made["safesearch.yaml"][1])
    write_provenance("bypass", made["bypass.yaml"][1])
    lists = (found for file, (_, found) in made.items() if file.startswith("lists/"))
    write_provenance("lists-ways", _union(lists))


def read_sources(v2fly: Path, lists: Iterable[Path]) -> Sources:
    """The sources at these paths; the lists in the order of the fields."""
    tunnels, junk, dns, hosts, searches = (frozenset(read_names([path])) for path in lists)
    return Sources(Community.read(v2fly), tunnels, junk, dns, hosts, searches)


def read_reviewed(path: Path = REVIEWED) -> dict[str, Any]:
    """The reviewed part: the documents' heads, and the entries of safe_search, bypass and lists."""
    reviewed: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return reviewed


def main() -> None:
    """Read the command line and write the documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--v2fly", type=Path, required=True, help="v2fly/domain-list-community, or its data")
    parser.add_argument("--tunnels", type=Path, required=True, help="ShadowWhisperer/BlockLists: Tunnels")
    parser.add_argument("--junk", type=Path, required=True, help="ShadowWhisperer/BlockLists: Junk")
    parser.add_argument("--dns", type=Path, required=True, help="ShadowWhisperer/BlockLists: DNS")
    parser.add_argument("--hosts", type=Path, required=True, help="4skinSkywalker/Anti-Porn-HOSTS-File")
    parser.add_argument("--searches", type=Path, required=True, help="nextdns/no-safesearch: domains")
    chosen = parser.parse_args()
    try:
        lists = (chosen.tunnels, chosen.junk, chosen.dns, chosen.hosts, chosen.searches)
        sources = read_sources(chosen.v2fly, lists)
        write(documents(read_reviewed(), sources))
    except (OSError, SourceError) as error:
        parser.exit(1, f"content.ways: {error}; give a checkout or a file of the source\n")


if __name__ == "__main__":
    main()

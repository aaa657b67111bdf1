"""Describes a folder of public lists for ``filterd policies coverage``: which list is about what.

The folder is no part of the project: its lists are looked at and never shipped. ``describe`` makes another
folder with copies of them, the names of lists in JSON as texts, and a ``coverage.yaml``.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from content.sources import read_names, read_text
from filterd.operations.coverage.folder import Area

MUST_PASS = Path(__file__).parents[1] / "tests" / "worlds" / "must_pass"
VISITED = "popular/cloudflare-top100k-tiers.tsv.xz"
MOST_VISITED = 10_000
CATEGORIES = {
    "adult": ("adult", "mixed_adult"),
    "gambling": ("gambling", "arjel"),
    "drugs": ("drugs",),
    "violence": ("violence",),
    "dating": ("dating",),
    "social": ("social",),
    "games": ("games",),
    "file-sharing": ("torrent", "filehosting"),
    "malware": ("malware", "malware+phishing", "ransomware"),
    "phishing": ("phishing", "malware+phishing"),
    "piracy": ("piracy", "warez"),
    "chat": ("chat",),
    "streaming": ("streaming",),
    "music": ("radio",),
    "news": ("press",),
    "shopping": ("shopping",),
    "cryptocurrency": ("bitcoin",),
    "ai-chat": ("ai",),
    "anonymizers": ("proxy_redirector",),
    "advertising": ("ads",),
    "tracking": ("tracking",),
    "newly-registered": ("newly-registered",),
}
"""our category -> the folders of ``domains`` that are about the same"""
WAYS = {
    "dibdot": ("public-dns", ["reference/dibdot-doh-domains.txt.xz"]),
    "UT1 resolvers": ("public-dns", ["domains/doh/ut1.txt.xz"]),
    "UT1 VPN": ("vpn", ["domains/vpn/ut1.txt.xz"]),
    "HaGeZi": ("", ["reference/hagezi-doh-vpn-proxy-bypass.txt.xz"]),
}
"""title -> the way around that a list is about (empty: several), and its files"""
NEWEST = (
    "reference/dibdot-doh-domains.txt.xz",
    "reference/dibdot-doh-domains_overall.txt.xz",
    "domains/doh/ut1.txt.xz",
    "domains/vpn/ut1.txt.xz",
    "domains/tunnels/shadowwhisperer.txt.xz",
)
"""lists of 2026, by which a name of an older one is known to exist still"""
READY = {
    "dibdot": ("public-dns", "reference/dibdot-doh-domains.txt.xz"),
    "ut1-resolvers": ("public-dns", "domains/doh/ut1.txt.xz"),
    "ut1-vpn": ("vpn", "domains/vpn/ut1.txt.xz"),
    "hagezi": ("vpn", "reference/hagezi-doh-vpn-proxy-bypass.txt.xz"),
    "tunnels": ("vpn", "domains/tunnels/shadowwhisperer.txt.xz"),
}
"""lists as ready feeds bring them: the way around that each closes, and its file"""
READY_ENGINES = "domains/nosafesearch/hagezi.txt.xz"
"""the same for engines without safe search"""
NEXTDNS = "services/nextdns_parentalcontrol.json.xz"
_REWRITE = re.compile(r"\|{1,2}([a-z0-9.-]+)\^")


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of coverage.yaml."""

    area: str
    title: str
    files: tuple[str, ...]
    id: str = ""
    format: str = "domains"


def describe(data: Path, folder: Path, areas: Container[Area] = tuple(Area)) -> None:
    """Fill ``folder``, which must be empty or not there, with the lists of ``data`` about these areas."""
    folder.mkdir(parents=True, exist_ok=True)
    makers = {
        Area.SEARCH_ENGINES: _search_engines,
        Area.WAYS_AROUND: _ways_around,
        Area.SERVICES: _services,
        Area.CATEGORIES: _categories,
        Area.MUST_PASS: _must_pass,
        Area.POPULAR: _popular,
    }
    entries = [entry for area, make in makers.items() if area in areas for entry in make(data, folder)]
    _copy({"data": data, "must_pass": MUST_PASS}, folder, entries)
    lines = [json.dumps(_plain(each), ensure_ascii=False) for each in entries]
    (folder / "coverage.yaml").write_text("".join(f"- {line}\n" for line in lines), encoding="utf-8")


def _copy(places: Mapping[str, Path], folder: Path, entries: Iterable[_Entry]) -> None:
    """Copy what the entries name of these places: the command reads no file outside of its folder."""
    for name in (name for entry in entries for name in entry.files):
        place, _, rest = name.partition("/")
        if place in places:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(places[place] / rest, target)


def _plain(entry: _Entry) -> dict[str, object]:
    found: dict[str, object] = {"area": entry.area, "title": entry.title, "file": list(entry.files)}
    if entry.id:
        found["id"] = entry.id
    if entry.format != "domains":
        found["format"] = entry.format
    return found


def _write(folder: Path, name: str, lines: Iterable[str]) -> str:
    """Write a text below ``folder``; returns its name there."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return name


def _search_engines(data: Path, folder: Path) -> Iterator[_Entry]:
    """Engines without safe search by two lists, and the hosts of those with it by a third."""
    unsafe = json.loads(read_text(data / NEXTDNS))["safesearch-not-supported"]
    yield _Entry("search-engines", "NextDNS", (_write(folder, "search/nextdns.txt", unsafe),))
    yield _Entry("search-engines", "HaGeZi", ("data/domains/nosafesearch/hagezi.txt.xz",))
    rules = json.loads(read_text(data / "safesearch/adguard_safesearch.json.xz"))
    hosts = sorted({m[1] for each in rules.values() for rule in each if (m := _REWRITE.match(rule))})
    yield _Entry("search-engines", "AdGuard safe", (_write(folder, "search/adguard.txt", hosts),))


def _ways_around(data: Path, folder: Path) -> Iterator[_Entry]:
    listed = json.loads(read_text(data / NEXTDNS))["bypass-methods"]
    names = sorted({line.strip().lower() for line in listed if line.strip() and not line.startswith("#")})
    yield _Entry("ways-around", "NextDNS", (_write(folder, "ways/nextdns.txt", names),))
    known = read_names(data / each for each in NEWEST)
    still = [name for name in names if _covered(name, known)]
    yield _Entry("ways-around", "NextDNS 2026", (_write(folder, "ways/still.txt", still),))
    for title, (way, files) in WAYS.items():
        yield _Entry("ways-around", title, tuple(f"data/{each}" for each in files), way)


def _covered(name: str, known: set[str]) -> bool:
    """True if the name, or one that it is below, is known."""
    labels = name.split(".")
    return any(".".join(labels[at:]) in known for at in range(len(labels) - 1))


def _services(data: Path, folder: Path) -> Iterator[_Entry]:
    for each in json.loads(read_text(data / "services/adguard_services.json.xz")):
        name = _write(folder, f"services/adguard/{each['id']}.txt", each["rules"])
        yield _Entry("services", f"AdGuard: {each['name']}", (name,), format="adblock")
    for key, names in json.loads(read_text(data / NEXTDNS)).items():
        kind, _, service = key.partition("/")
        if kind == "services":
            file = _write(folder, f"services/nextdns/{service}.txt", names)
            yield _Entry("services", f"NextDNS: {service}", (file,))


def _categories(data: Path, folder: Path) -> Iterator[_Entry]:
    """Each category as all its lists have it together, and those of its names that many people visit."""
    visited = _visited(data)
    for category, folders in CATEGORIES.items():
        files = [file for each in folders for file in sorted((data / "domains" / each).glob("*.txt*"))]
        if not files:
            continue
        yield _Entry(
            "categories",
            f"{category}: all",
            tuple(f"data/{each.relative_to(data)}" for each in files),
            category,
        )
        names = sorted(read_names(files) & visited.keys())
        file = _write(folder, f"categories/{category}.txt", names)
        yield _Entry("categories", f"{category}: visited", (file,), category)


def _must_pass(_data: Path, _folder: Path) -> Iterator[_Entry]:
    for file in sorted(MUST_PASS.glob("*.txt")):
        yield _Entry("must-pass", file.stem, (f"must_pass/{file.name}",))


def _popular(data: Path, folder: Path) -> Iterator[_Entry]:
    names = sorted(name for name, tier in _visited(data).items() if tier <= MOST_VISITED)
    yield _Entry("popular", "the 10,000 most visited", (_write(folder, "popular.txt", names),))


def _visited(data: Path) -> dict[str, int]:
    """The 100,000 most visited names, each with the smallest round number of names that it is among."""
    lines = (line.split("\t") for line in read_text(data / VISITED).splitlines())
    return {name: int(tier) for tier, name in lines}

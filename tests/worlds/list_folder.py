"""A folder of public lists by category beside the repository: what each directory is here, and its feeds.

The lists are read where they are and never become part of the project; where the folder is absent, the tests
over it are skipped. ``FILTERD_TEST_DATA`` names another place for it.
"""

from __future__ import annotations

import lzma
import os
from collections.abc import Iterator
from pathlib import Path

from filterd.model.rule import Scope
from filterd.policy.documents import Feed, Format

BESIDE = Path(__file__).parents[2].parent / "shared" / "data"
DATA = Path(os.environ.get("FILTERD_TEST_DATA", BESIDE))
LISTS = DATA / "domains"
POPULAR = DATA / "popular" / "cloudflare-top100k-tiers.tsv.xz"
FOUND = LISTS.is_dir() and POPULAR.is_file()

CATEGORIES: dict[str, tuple[str, ...]] = {
    "advertising": ("ads", "marketingware"),
    "tracking": ("tracking", "cname-cloaking", "smart-tv"),
    "adult": ("adult", "mixed_adult"),
    "gambling": ("gambling", "arjel"),
    "drugs": ("drugs", "vaping"),
    "violence": ("violence",),
    "weapons": ("dangerous_material",),
    "dating": ("dating",),
    "social": ("social", "forums"),
    "chat": ("chat",),
    "ai-chat": ("ai",),
    "games": ("games",),
    "video": ("youtube",),
    "streaming": ("streaming",),
    "music": ("radio",),
    "news": ("press",),
    "shopping": ("shopping",),
    "cryptocurrency": ("bitcoin", "crypto"),
    "file-sharing": ("torrent", "filehosting"),
    "piracy": ("piracy", "warez"),
    "vpn": ("vpn", "tunnels", "bypass"),
    "dns-bypass": ("doh",),
    "anonymizers": ("proxy_redirector", "redirect", "residential-proxies"),
    "unsafe-search": ("nosafesearch",),
    "malware": (
        "malware",
        "malware+phishing",
        "cryptojacking",
        "ransomware",
        "stalkerware",
        "suspicious",
        "ddos",
        "dialer",
    ),
    "phishing": ("phishing", "malware+phishing", "scam", "typosquat", "abuse"),
    "newly-registered": ("newly-registered",),
}
"""the directories by the category that they fill here"""

NONE_HERE: dict[str, tuple[str, ...]] = {
    "no class of sites that a profile can restrict": (
        "astrology",
        "bank",
        "blog",
        "celebrity",
        "cheating",
        "child",
        "cleaning",
        "cooking",
        "disposable-email",
        "download",
        "educational_games",
        "financial",
        "hacking",
        "jobsearch",
        "junk",
        "lingerie",
        "manga",
        "marketing-email",
        "mobile-phone",
        "remote-control",
        "risk",
        "sports",
        "translation",
        "webmail",
    ),
    "platforms below which anybody has names": ("dynamic-dns", "freehosting", "shortener", "webhosting"),
    "what a site thinks, or teaches": ("associations_religieuses", "fakenews", "sect", "sexual_education"),
}
"""the directories that fill no category, by the reason"""


def tier(most: int) -> frozenset[str]:
    """The most popular names, as many as said."""
    rows = (line.split("\t") for line in lzma.decompress(POPULAR.read_bytes()).decode().splitlines())
    return frozenset(name for number, name in rows if number.isdigit() and int(number) <= most)


def directories() -> Iterator[tuple[str, str]]:
    """Category and directory, for every directory that fills one."""
    for category, names in CATEGORIES.items():
        for name in names:
            yield category, name


def feed_of(category: str, directory: str) -> Feed:
    """The feed that a directory is: its entries reach all below them, as those of a list of domains do."""
    identifier = f"{directory}-{category}".replace("+", "-").replace("_", "-")
    return Feed(identifier, str(LISTS / directory), Format.DOMAINS, Scope.SUBTREE, category=category)


def names_of(directory: str) -> Iterator[set[str]]:
    """The names of each file of a directory."""
    for file in sorted((LISTS / directory).iterdir()):
        packed = file.read_bytes()
        text = lzma.decompress(packed) if file.suffix == ".xz" else packed
        yield set(text.decode().split("\n")) - {""}

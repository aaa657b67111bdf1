"""A world in which every list overlaps with every other, and what to compare in it: check and DNS.

All of it is drawn from a seed: sixty names, each in a random choice of lists, with random scopes; lines with
every kind of choice; a root zone in which every name resolves, some of them by aliases, service targets,
hints and listed addresses.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

BASES = [f"n{number}.example" for number in range(60)]
PREFIXES = ("", "", "", "www.", "www.", "a.b.", "b.", "x.y.z.")
TYPES = ("A", "A", "A", "AAAA", "HTTPS", "TXT", "CNAME", "MX", "SVCB", "ANY")
ALIASES = 60
LEADING = ("alias", "chain", "service", "hint", "address")
"""below these names of .example stand that many others that lead elsewhere"""
LISTED = ("192.0.2.66", "192.0.2.67", "198.51.100.7", "203.0.113.5", "203.0.113.99", "192.0.2.9")
"""an address of a bypass entry, one beside it, a protected one, two of orders, and one of nothing"""
LISTED6 = ("2001:db8:bad::1", "2001:db8:bad:1::1", "2001:db8::9")
SPECIAL = (
    ".", "localhost", "x.localhost", "resolver.arpa", "_dns.resolver.arpa", "x.onion", "a.test", "b.invalid",
    "1.0.0.10.in-addr.arpa", "example", "com.mx", "mx", "n1.com.mx", "safe.search.example",
    "_443._tcp.n2.example", "x.safe.search.example", "safe.video.example", "safe.image.example",
    "xn--mller-kva.example",
)  # fmt: skip
FORMS = {"domains": ("", "www.", "a.b."), "hosts": ("", "www."), "wildcard": ("*.", "*.b.", "")}
MODES = ("nxdomain", "nodata", "null", "sinkhole")


@dataclass
class Draw:
    """The seed, and what was drawn of it."""

    bits: random.Random
    names: list[str] = field(default_factory=list)

    def some(self, count: int) -> list[str]:
        """Different base names."""
        return self.bits.sample(BASES, count)

    def query_name(self) -> str:
        """A name that may stand in lists, or below or beside one that does."""
        return self.bits.choice(PREFIXES) + self.bits.choice(BASES)

    def asked(self) -> str:
        """A name that a client asks for: also one that leads elsewhere, and special ones."""
        kind = self.bits.random()
        if kind < 0.07:
            return self.bits.choice(SPECIAL)
        if kind < 0.4:
            return f"r{self.bits.randrange(ALIASES)}.{self.bits.choice(LEADING)}.example"
        return self.query_name()

    def scopes(self, count: int) -> dict[str, list[str]]:
        """Names by scope, as policies write them."""
        found: dict[str, list[str]] = {"exact": [], "subtree": [], "below": []}
        for base in self.some(count):
            found[self.bits.choice(tuple(found))].append(self.bits.choice(("", "www.")) + base)
        return found


def _feed(identifier: str, form: str, **use: object) -> dict[str, object]:
    return {"id": identifier, "source": f"lists/{identifier}.txt", "format": form, **use}


def _mandatory(mode: str, *, confidential: bool = False) -> dict[str, object]:
    terms = {"authority": "Test", "ground": "Test law", "blocking_mode": mode, "confidential": confidential}
    return {"mandatory": terms}


FEEDS = (
    _feed("adult", "domains", category="adult"),
    _feed("adult-hosts", "hosts", category="adult"),
    _feed("games", "wildcard", category="games"),
    _feed("social", "domains", category="social"),
    _feed("malware", "domains", security={}),
    _feed("phishing", "hosts", security={}),
    _feed("adopted", "domains", **_mandatory("nxdomain")),
    _feed("adopted-null", "hosts", **_mandatory("null")),
    _feed("adopted-page", "wildcard", **_mandatory("sinkhole")),
    _feed("secret", "domains", **_mandatory("nodata", confidential=True)),
)
TARGETS = {"search": "safe.search.example", "video": "safe.video.example", "image": "safe.image.example"}


def _text(word: str) -> dict[str, str]:
    return {"es": word, "en": word}


def _slot(block: object) -> dict[str, object]:
    return {"days": "daily", "from": "00:00", "until": "24:00", "block": block}


EVERYTHING = {
    "categories": ["adult", "games"], "services": ["chat"], "safe_search": sorted(TARGETS), "bypass": ["doh"],
}  # fmt: skip
PROFILES: dict[str, dict[str, object]] = {
    **{f"all-{mode}": {**EVERYTHING, "blocking_mode": mode} for mode in MODES},
    "few": {"categories": ["social"], "safe_search": ["search"]},
    "night": {**EVERYTHING, "blocking_mode": "sinkhole", "schedule": [_slot("everything")]},
    "messages-alone": {"categories": ["adult"],
                       "schedule": [_slot("everything") | {"leaves": ["messages"]}, _slot(["games"])]},
    "offline": {"schedule": [_slot("everything") | {"leaves": []}, _slot("everything")]},
    "evening": {"categories": ["adult"], "services": ["chat"], "schedule": [_slot(["social", "games"])]},
    "no-chat": {"schedule": [_slot({"categories": ["social"], "services": ["chat"]})]},
}  # fmt: skip


def _spare_protected(documents: dict[str, Any]) -> None:
    """Take out of safe search the names that are protected: with them no policies would load."""
    protected = documents["protected"]["names"]

    def stays(name: str) -> bool:
        below = [scope for kind in ("subtree", "below") for scope in protected.get(kind, ())]
        whole = [*protected.get("exact", ()), *protected.get("subtree", ())]
        return name not in whole and not any(name.endswith("." + each) for each in below)

    for engine in documents["safesearch"]:
        engine["names"]["exact"] = [name for name in engine["names"]["exact"] if stays(name)]


def write_policies(folder: Path, draw: Draw) -> Path:
    """A policies directory with all of it."""
    policies = folder / "policies"
    for directory in (policies, policies / "lists", policies / "profiles"):
        directory.mkdir(parents=True)
    documents: dict[str, object] = {
        "categories": [
            {"id": each, "title": _text(each), "description": _text(each)}
            for each in ("adult", "games", "social")
        ],
        "feeds": list(FEEDS),
        "services": [{"id": "chat", "title": _text("chat"), "names": draw.scopes(14)}],
        "safesearch": [
            {"id": engine, "engine": engine, "title": _text(engine), "target": target,
             "names": {"exact": draw.some(6), "subtree": [target]}}
            for engine, target in TARGETS.items()
        ],
        "bypass": [{"id": "doh", "title": _text("doh"), "names": draw.scopes(12),
                    "addresses": ["192.0.2.66/32", "2001:db8:bad:1::/64"]}],
        "protected": {"public_suffixes": True, "names": draw.scopes(9), "addresses": ["198.51.100.0/24"],
                      "always_allowed": draw.scopes(12),
                      "groups": [{"id": each, "title": _text(each), "names": draw.scopes(8)}
                                 for each in ("messages", "school")]},
        "expected": {},
    }  # fmt: skip
    _spare_protected(documents)
    for name, content in documents.items():
        (policies / f"{name}.yaml").write_text(yaml.safe_dump(content))
    for profile, rules in PROFILES.items():
        texts = {"title": _text(profile), "description": _text(profile), "audience": _text(profile)}
        (policies / "profiles" / f"{profile}.yaml").write_text(yaml.safe_dump({**texts, **rules}))
    for feed in FEEDS:
        form = str(feed["format"])
        names = [draw.bits.choice(FORMS[form]) + base for base in draw.some(7 if "mandatory" in feed else 16)]
        if feed["id"] == "adult":
            names.append(TARGETS["video"])
        if feed["id"] == "adopted":
            names.append(TARGETS["image"])
        start = "0.0.0.0 " if form == "hosts" else ""
        (policies / "lists" / f"{feed['id']}.txt").write_text("".join(f"{start}{name}\n" for name in names))
    return policies


def zone(draw: Draw) -> str:
    """The root zone: everything resolves, and the r… names lead to others."""
    bits = draw.bits
    lines = [
        "$TTL 300",
        ". IN SOA ns.example. hostmaster.example. 1 3600 900 86400 60",
        ". IN NS ns.example.",
        "example. IN A 192.0.2.11",
    ]
    for owner in ("*", "*.example"):
        lines += [
            f"{owner}. IN A 192.0.2.10", f"{owner}. IN AAAA 2001:db8::10", f'{owner}. IN TXT "served"',
            f"{owner}. IN HTTPS 1 . alpn=h2", f"{owner}. IN MX 5 mail.example.",
        ]  # fmt: skip
    for number in range(ALIASES):
        lines += [
            f"r{number}.alias.example. IN CNAME {draw.query_name()}.",
            f"r{number}.chain.example. IN CNAME r{bits.randrange(ALIASES)}.alias.example.",
            f"r{number}.service.example. IN HTTPS 1 {draw.query_name()}. alpn=h2",
            f"r{number}.service.example. IN SVCB 1 {draw.query_name()}. port=853",
            f"r{number}.hint.example. IN HTTPS 1 . ipv4hint={bits.choice(LISTED)},192.0.2.9",
            f"r{number}.hint.example. IN HTTPS 2 . ipv6hint={bits.choice(LISTED6)}",
            f"r{number}.address.example. IN A {bits.choice(LISTED)}",
            f"r{number}.address.example. IN A 192.0.2.9",
            f"r{number}.address.example. IN AAAA {bits.choice(LISTED6)}",
        ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Case:
    """One question by one client."""

    name: str
    kind: str
    source: str
    edns: bool
    dnssec: bool
    tcp: bool


def cases(draw: Draw, sources: Sequence[str], count: int) -> Iterable[Case]:
    """Random questions."""
    bits = draw.bits
    for _ in range(count):
        name = draw.asked()
        shown = "".join(bits.choice((letter, letter.upper())) for letter in name)
        yield Case(
            name=bits.choice((name, shown, name if name == "." else name + ".")),
            kind=bits.choice(TYPES),
            source=bits.choice(sources),
            edns=bits.random() < 0.9,
            dnssec=bits.random() < 0.5,
            tcp=bits.random() < 0.03,
        )

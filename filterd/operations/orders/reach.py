"""The reach of an order: what it would hit that many people use, or more than was probably meant.

An order that hits something here takes two people, whatever ``orders.approvals`` says, and the commands show
what it hits. Popular names are those of ``expected.yaml``; services and search engines those of the policies;
suffixes those of the public suffix list's private section, below which customers of a hosting service have
names of their own. A name below such a suffix is one customer's: it is no part of what stands above it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from filterd.config.policies import private_suffixes
from filterd.config.settings import ShortestPrefixSettings
from filterd.model.order import Demand
from filterd.model.rule import NameRule, Scope
from filterd.operations.orders.limits import as_networks
from filterd.policy.documents import Network, Policies
from filterd.policy.overlaps import above, overlaps
from filterd.policy.suffixes import Suffixes


class HitKind(StrEnum):
    """The kinds of what an order can hit."""

    SERVICE = "service"
    SAFE_SEARCH = "safe-search"
    POPULAR = "popular"
    SUFFIX = "suffix"
    BYPASS = "bypass"
    """a VPN, another resolver, a proxy"""
    ADDRESSES = "addresses"
    PROTECTED = "protected"
    """its protection is overridden"""
    AUTHORITY = "authority"
    """one that the jurisdiction in force does not have"""
    GROUND = "ground"
    """one that the jurisdiction in force does not have"""
    UNKNOWN = "unknown"
    """the policies cannot be read"""


_UNNAMED = {
    HitKind.SERVICE: "a service",
    HitKind.SAFE_SEARCH: "a search engine",
    HitKind.POPULAR: "a popular name",
    HitKind.SUFFIX: "a suffix below which other people have names",
    HitKind.BYPASS: "a way around the resolver",
    HitKind.PROTECTED: "a protected name",
}
_NAMED = {HitKind.SERVICE: "the service", HitKind.BYPASS: "a way around the resolver,"}
OPEN_KINDS = frozenset((HitKind.UNKNOWN, HitKind.AUTHORITY, HitKind.GROUND))
"""the kinds that say nothing of an order's names"""


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that an order would hit."""

    kind: HitKind
    subject: str
    """the service's title, the name, the prefix; empty for a confidential order"""
    count: int = 1
    """how many of its names or of the suffixes; addresses, or /64 of IPv6"""
    says: str = ""
    """what it means, for people"""

    @property
    def unnamed(self) -> Hit:
        """The same of a confidential order: how much, and not what."""
        if self.kind in OPEN_KINDS:
            return self
        if self.kind is HitKind.ADDRESSES:
            return Hit(self.kind, "", self.count, self.says.partition(": ")[2])
        return Hit(self.kind, "", self.count, f"{_UNNAMED[self.kind]} (not named: the order is confidential)")


@dataclass(frozen=True, slots=True)
class _Target:
    """Names that belong together."""

    kind: HitKind
    subject: str
    names: tuple[NameRule, ...]


def reach(demand: Demand, policies: Policies, shortest: ShortestPrefixSettings) -> tuple[Hit, ...]:
    """Everything that the demand hits; empty for an order that concerns nobody else."""
    suffixes = private_suffixes()
    rules = _Rules(NameRule(name, scope) for name, scope in demand.names)
    targets = _targets(policies)
    hits = [hit for target in targets if (hit := _of_target(target, rules, suffixes)) is not None]
    hits += _of_suffixes(rules, suffixes)
    return (*hits, *_of_addresses(demand, shortest))


def _targets(policies: Policies) -> Iterator[_Target]:
    for service in policies.services:
        yield _Target(HitKind.SERVICE, service.title.en, service.names)
    engines: dict[str, dict[NameRule, None]] = {}
    for entry in policies.safe_search:
        names = (*entry.names, NameRule(entry.target, Scope.EXACT))
        engines.setdefault(entry.engine, {}).update(dict.fromkeys(names))
    for engine, rules in engines.items():
        yield _Target(HitKind.SAFE_SEARCH, engine, tuple(rules))
    for way in policies.bypass:
        yield _Target(HitKind.BYPASS, way.title.en, way.names)
    for expected in policies.expected:
        yield _Target(HitKind.POPULAR, expected.name, (NameRule(expected.name, Scope.SUBTREE),))


class _Rules:
    """An order's rules, found by a name above or below theirs."""

    def __init__(self, rules: Iterable[NameRule]) -> None:
        self.by_name: Mapping[str, list[NameRule]] = defaultdict(list)
        self._below: Mapping[str, list[NameRule]] = defaultdict(list)
        for rule in rules:
            self.by_name[rule.name].append(rule)
            for name in above(rule.name):
                self._below[name].append(rule)

    def near(self, name: str) -> Iterator[NameRule]:
        """The rules at, above and below a name, each once."""
        for each in above(name):
            yield from self.by_name.get(each, ()) if each != name else ()
        yield from self._below.get(name, ())


def _of_target(target: _Target, rules: _Rules, suffixes: Suffixes) -> Hit | None:
    whole: set[NameRule] = set()
    parts: dict[str, None] = {}
    for name in target.names:
        for rule in rules.near(name.name):
            if not overlaps(rule, name) or _is_a_customers(rule.name, name.name, suffixes):
                continue
            if name.name == rule.name or name.name.endswith("." + rule.name):
                whole.add(name)
            else:
                parts[rule.name] = None
    if not whole and not parts:
        return None
    return Hit(target.kind, target.subject, len(whole), _said(target, len(whole), tuple(parts)))


def _said(target: _Target, whole: int, parts: tuple[str, ...]) -> str:
    part = f"a part of it, {parts[0]}" if len(parts) == 1 else f"{len(parts)} parts of it"
    if target.kind is HitKind.POPULAR:
        return f"{target.subject}, a popular name" + ("" if whole else f": {part}")
    named = _NAMED.get(target.kind, "the search engine")
    much = f"{whole:,} of its {len(target.names):,} names" if whole else part
    return f"{named} {target.subject}: {much}"


def _is_a_customers(name: str, top: str, suffixes: Suffixes) -> bool:
    """Return whether a suffix that is ``top`` or below it stands above the name."""
    return any(
        suffixes.lists(each) for each in above(name) if each != name and (each == top or _under(each, top))
    )


def _under(name: str, top: str) -> bool:
    return name.endswith("." + top)


def _of_suffixes(rules: _Rules, suffixes: Suffixes) -> Iterator[Hit]:
    below = Counter(
        name
        for suffix in (*suffixes.exact, *(f"*.{parent}" for parent in suffixes.parents))
        for name in above(suffix.partition(".")[2])
    )
    for name, found in rules.by_name.items():
        if suffixes.lists(name):
            says = f"{name}, a suffix below which other people have names"
            yield Hit(HitKind.SUFFIX, name, 1, says)
        elif below[name] and any(rule.scope is not Scope.EXACT for rule in found):
            count = below[name]
            many = "a suffix" if count == 1 else f"{count:,} suffixes"
            says = f"{name}, above {many} below which other people have names"
            yield Hit(HitKind.SUFFIX, name, count, says)


def _of_addresses(demand: Demand, shortest: ShortestPrefixSettings) -> Iterator[Hit]:
    """Prefixes that are too wide, alone or together with their neighbours in the order."""
    networks = as_networks(demand.addresses)
    four = collapse_addresses(each for each in networks if isinstance(each, IPv4Network))
    six = collapse_addresses(each for each in networks if isinstance(each, IPv6Network))
    both: list[Network] = [*four, *six]
    for network in both:
        least = shortest.ipv4 if network.version == 4 else shortest.ipv6
        if network.prefixlen < least:
            lines = network.version == 6 and network.prefixlen < 64
            count = 2 ** (64 - network.prefixlen) if lines else network.num_addresses
            what = "networks of /64" if lines else "addresses"
            says = f"{network}: {count:,} {what}, wider than /{least}"
            yield Hit(HitKind.ADDRESSES, str(network), count, says)

"""Precedence inside one list, made into rules among which the most specific one decides.

The product's rules know one precedence: the rule nearest to the name decides, and a block beats an exception
on the same name. An adblock list knows ranks instead, wherever in the tree its rules stand:

1. an exception with ``$important``,
2. a block with ``$important``, or one by ``$dnsrewrite``,
3. an exception,
4. a block.

So a rule is kept only as far as no rule of a higher rank covers it: as a whole, for its name alone, or for
what is below its name alone. What is kept of two opposed rules never covers the same name on the same node,
and below a kept rule stands no rule of a lower rank that opposes it. Hence the nearest rule is the one of
the highest rank (docs/decisions/0176).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain, islice

from filterd.feed.run import Run
from filterd.feed.sorted_names import NameSorter
from filterd.feed.source import TooLargeError
from filterd.model.rule import Action, Scope


class Rank(Enum):
    """The weight of a rule inside its list."""

    PLAIN = auto()
    IMPORTANT = auto()
    REWRITE = auto()
    """a block by the answer that it gives"""
    ANSWERED = auto()
    """a block unless the list gives the name an answer of its own"""
    ELSEWHERE = auto()
    """an exception, because the list sends the name somewhere"""


Key = tuple[Rank, Action, Scope]
MOST_HELD = 72_000_000
"""bytes that the entries of one list beside plain blocks may take: some 600,000. Lists have some thousand"""
MOST_COMPARED = 1_000_000
"""comparisons of rules with ``$denyallow``: a few seconds. Lists have some hundred such rules, far apart"""
_ENTRY = 100
"""bytes that an entry takes in a set beside its name"""
_SPARING = 400
"""bytes that a block with ``$denyallow`` takes beside its name and those that it spares"""
_AT, _BELOW = 1, 2
"""what a rule covers: its name, the names below it"""
_BITS = {Scope.EXACT: _AT, Scope.BELOW: _BELOW, Scope.SUBTREE: _AT | _BELOW}
_SCOPES = {bits: scope for scope, bits in _BITS.items()}
_ENDS = re.compile(rb"([^.\n]+\.[^.\n]+)\n")
"""the last two labels of each line; every name has two"""
_MOST_ENDS = 50_000
"""rules whose names' ends are worth keeping: beside more of them, few runs end otherwise"""
_PIECE = 1 << 14
"""bytes of plain blocks that are handed on at once"""
_BATCH = 4096
"""names of a run of other rules"""


@dataclass(frozen=True, slots=True)
class Sparing:
    """A block that leaves some names below its own alone, with all below them."""

    name: str
    scope: Scope
    spared: frozenset[str]


@dataclass(slots=True)
class ListRules:
    """The rules of a list that can only be decided when all of it was read."""

    blocks: dict[Scope, NameSorter] = field(default_factory=dict)
    """plain blocks, most of the list"""
    claims: dict[Key, set[str]] = field(default_factory=dict)
    sparing: set[Sparing] = field(default_factory=set)
    cancelled: dict[Key, set[str]] = field(default_factory=dict)
    cancelled_sparing: set[Sparing] = field(default_factory=set)
    room: int = MOST_HELD
    """bytes that further entries beside plain blocks may take"""

    def add_blocks(self, run: Run) -> None:
        """Keep plain blocks."""
        self.blocks.setdefault(run.scope, NameSorter()).add(run.names)

    def add_claim(self, key: Key, name: str, *, cancels: bool = False) -> None:
        """Keep another entry, or one that cancels it. Raises TooLargeError where they are too many."""
        names = (self.cancelled if cancels else self.claims).setdefault(key, set())
        if name not in names:
            self._take_room(_size_with_above(name) if key[0] is Rank.ELSEWHERE else _ENTRY + len(name))
            names.add(name)

    def add_sparing(self, sparing: Sparing, *, cancels: bool = False) -> None:
        """Keep a block with exceptions of its own, or the entry that cancels it. Raises TooLargeError where
        they are too many."""
        kept = self.cancelled_sparing if cancels else self.sparing
        if sparing not in kept:
            spared = sum(_size_with_above(name) for name in sparing.spared)
            self._take_room(_SPARING + len(sparing.name) + spared)
            kept.add(sparing)

    def _take_room(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            msg = f"its entries beside plain blocks take more than {MOST_HELD // 10**6} MB"
            raise TooLargeError(msg)

    def names(self, rank: Rank, action: Action) -> Iterator[tuple[str, Scope]]:
        """The rules of one rank and action that stand in ``claims`` and were not cancelled."""
        for scope in Scope:
            key = (rank, action, scope)
            gone = self.cancelled.get(key, ())
            for name in self.claims.get(key, ()):
                if name not in gone:
                    yield name, scope

    def plain(self) -> Iterator[Run]:
        """The plain blocks without those that were cancelled, which are forgotten as they are handed on."""
        while self.blocks:
            scope, sorter = self.blocks.popitem()
            gone = self.cancelled.get((Rank.PLAIN, Action.BLOCK, scope))
            names = sorter.finish()
            del sorter
            start = 0
            while start < len(names):
                end = names.find(b"\n", start + _PIECE) + 1 or len(names)
                run = Run(scope, Action.BLOCK, names[start:end])
                yield _without(run, gone.__contains__) if gone else run
                start = end


class Cover:
    """The names that a set of rules covers."""

    def __init__(self, rules: Iterable[tuple[str, Scope]] = ()) -> None:
        self._bits: dict[str, int] = {}
        for name, scope in rules:
            self._bits[name] = self._bits.get(name, 0) | _BITS[scope]
        self._below = any(bits & _BELOW for bits in self._bits.values())
        self.ends: frozenset[bytes] | None = None
        """the last two labels of the rules' names: a name that ends otherwise is not covered; None where
        they were not kept"""
        if len(self._bits) <= _MOST_ENDS:
            self.ends = frozenset(_ENDS.findall("".join(f"{name}\n" for name in self._bits).encode("ascii")))

    def __bool__(self) -> bool:
        return bool(self._bits)

    def at(self, name: str) -> bool:
        """True if the name itself is covered."""
        return bool(self._bits.get(name, 0) & _AT) or self._above(name)

    def below(self, name: str) -> bool:
        """True if all that is below the name is covered."""
        return bool(self._bits.get(name, 0) & _BELOW) or self._above(name)

    def _above(self, name: str) -> bool:
        if self._below:
            dot = name.find(".")
            while dot != -1:
                if self._bits.get(name[dot + 1 :], 0) & _BELOW:
                    return True
                dot = name.find(".", dot + 1)
        return False


def as_written(held: ListRules) -> Iterator[Run]:
    """The rules of a list whose most specific entry decides. A name that it sends elsewhere is an exception
    to the blocks above it."""
    sent = list(held.names(Rank.ELSEWHERE, Action.ALLOW))
    wanted = {above for name, _ in sent for above in _and_above(name) if above != name}
    near: list[tuple[str, Scope]] = []
    for run in held.plain():
        if wanted:
            near.extend((name, run.scope) for name in wanted.intersection(_texts(run)))
        yield run
    yield from _runs(Action.ALLOW, _inside(sent, Cover(near)))
    yield from _runs(Action.ALLOW, held.names(Rank.PLAIN, Action.ALLOW))


def by_zone(held: ListRules) -> Iterator[Run]:
    """The rules of an Unbound configuration. Its most specific zone decides; in a zone of a type that answers
    with its own data, that data does."""
    answered = set[str]().union(
        *(names for (rank, _, _), names in held.cancelled.items() if rank is Rank.ANSWERED)
    )
    blocked: dict[Scope, set[str]] = {scope: set() for scope in Scope}
    for name, scope in held.names(Rank.ANSWERED, Action.BLOCK):
        if name not in answered:
            blocked[scope].add(name)
    alone, zones = blocked[Scope.EXACT], blocked[Scope.SUBTREE]
    alone -= zones
    for run in held.plain():
        if alone and run.scope is Scope.SUBTREE:
            alone.difference_update(_texts(run))
        yield run
    yield from _runs(Action.BLOCK, ((name, Scope.SUBTREE) for name in zones))
    yield from _runs(Action.BLOCK, ((name, Scope.EXACT) for name in alone))
    cover = Cover((name, Scope.SUBTREE) for name in zones)
    yield from _runs(Action.ALLOW, _inside(held.names(Rank.ELSEWHERE, Action.ALLOW), cover))
    yield from _runs(Action.ALLOW, held.names(Rank.PLAIN, Action.ALLOW))


def by_rank(held: ListRules) -> Iterator[Run]:
    """The rules of an adblock list, as the head of this module says."""
    sparing = held.sparing - held.cancelled_sparing
    first = Cover(held.names(Rank.IMPORTANT, Action.ALLOW))
    second = Cover(_blocked_first(held))
    either = Cover(chain(held.names(Rank.IMPORTANT, Action.ALLOW), held.names(Rank.PLAIN, Action.ALLOW)))
    wanted = {above for each in sparing for name in each.spared for above in _and_above(name)}
    near: list[tuple[str, Scope]] = []
    for run in held.plain():
        if wanted:
            near.extend((name, run.scope) for name in wanted.intersection(_texts(run)))
        yield from _uncovered(run, either) if either else (run,)
    yield from _runs(Action.BLOCK, _left(((each.name, each.scope) for each in sparing), either))
    yield from _runs(Action.BLOCK, _left(_blocked_first(held), first))
    yield from _runs(Action.ALLOW, held.names(Rank.IMPORTANT, Action.ALLOW))
    yield from _runs(Action.ALLOW, _left(held.names(Rank.PLAIN, Action.ALLOW), second))
    yield from _runs(Action.ALLOW, _left(_left(_spared(sparing), Cover(near)), second))


def _blocked_first(held: ListRules) -> Iterator[tuple[str, Scope]]:
    """The blocks that stand above exceptions."""
    for rank in (Rank.IMPORTANT, Rank.REWRITE):
        yield from held.names(rank, Action.BLOCK)


def _spared(sparing: set[Sparing]) -> Iterator[tuple[str, Scope]]:
    """The names that every block of ``sparing`` on them spares. Raises TooLargeError for a list with so many
    of them on the same names that it would hold others up."""
    on: dict[str, list[Sparing]] = {}
    for each in sparing:
        on.setdefault(each.name, []).append(each)
    compared = 0
    for name in {name for each in sparing for name in each.spared if name.endswith(f".{each.name}")}:
        around = {*_and_above(name)}
        near = [each for above in around for each in on.get(above, ())]
        compared += len(near)
        if compared > MOST_COMPARED:
            msg = f"its rules with $denyallow are compared more than {MOST_COMPARED} times; split the list"
            raise TooLargeError(msg)
        others = ((each.name, each.scope) for each in near if each.spared.isdisjoint(around))
        yield from _left([(name, Scope.SUBTREE)], Cover(others))


def _left(rules: Iterable[tuple[str, Scope]], cover: Cover) -> Iterator[tuple[str, Scope]]:
    """The rest of each rule when all that is covered is taken away."""
    for name, scope in rules:
        bits = _BITS[scope]
        if bits & _AT and cover.at(name):
            bits &= ~_AT
        if bits & _BELOW and cover.below(name):
            bits &= ~_BELOW
        if bits:
            yield name, _SCOPES[bits]


def _inside(rules: Iterable[tuple[str, Scope]], cover: Cover) -> Iterator[tuple[str, Scope]]:
    """The exceptions that have something to except."""
    return ((name, scope) for name, scope in rules if cover.at(name) or cover.below(name))


def _uncovered(run: Run, cover: Cover) -> Iterator[Run]:
    """The rest of a run's rules when all that is covered is taken away."""
    near: Iterable[str] = _texts(run)
    if cover.ends is not None:
        ends = _ENDS.findall(run.names)
        if cover.ends.isdisjoint(ends):
            yield run
            return
        near = (name for name, end in zip(near, ends, strict=True) if end in cover.ends)
    touched = [name for name in near if cover.at(name) or cover.below(name)]
    if not touched:
        yield run
        return
    yield _without(run, set(touched).__contains__)
    yield from _runs(run.action, _left(((name, run.scope) for name in touched), cover))


def _runs(action: Action, rules: Iterable[tuple[str, Scope]]) -> Iterator[Run]:
    rest = iter(rules)
    while batch := list(islice(rest, _BATCH)):
        found: dict[Scope, list[str]] = {}
        for name, scope in batch:
            found.setdefault(scope, []).append(name)
        for scope, names in found.items():
            yield Run(scope, action, ("\n".join(names) + "\n").encode("ascii"))


def _without(run: Run, gone: Callable[[str], bool]) -> Run:
    kept = [name for name in _texts(run) if not gone(name)]
    return Run(run.scope, run.action, "".join(f"{name}\n" for name in kept).encode("ascii"))


def _texts(run: Run) -> list[str]:
    return run.names.decode("ascii").split("\n")[:-1]


def _size_with_above(name: str) -> int:
    """The most bytes that a name and every name above it take in a set."""
    return (_ENTRY + len(name)) * (name.count(".") + 1)


def _and_above(name: str) -> Iterator[str]:
    """The name and every name above it, without the root."""
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name

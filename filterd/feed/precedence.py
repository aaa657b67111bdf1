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

from filterd.feed.run import Run
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
MOST_COMPARED = 1_000_000
"""comparisons of rules with ``$denyallow``: a few seconds. Lists have some hundred such rules, far apart"""
_AT = frozenset({Scope.EXACT, Scope.SUBTREE})
_BELOW = frozenset({Scope.BELOW, Scope.SUBTREE})
_ENDS = re.compile(rb"([^.\n]+\.[^.\n]+)\n")
"""the last two labels of each line; every name has two"""
_BOTH = {(True, True): Scope.SUBTREE, (True, False): Scope.EXACT, (False, True): Scope.BELOW}


@dataclass(frozen=True, slots=True)
class Sparing:
    """A block that leaves some names below its own alone, with all below them."""

    name: str
    scope: Scope
    spared: frozenset[str]


@dataclass(slots=True)
class ListRules:
    """The rules of a list that can only be decided when all of it was read."""

    runs: list[Run] = field(default_factory=list)
    """plain blocks, most of the list"""
    claims: dict[Key, set[str]] = field(default_factory=dict)
    sparing: set[Sparing] = field(default_factory=set)
    cancelled: set[tuple[Key, str]] = field(default_factory=set)
    cancelled_sparing: set[Sparing] = field(default_factory=set)

    def names(self, rank: Rank, action: Action) -> Iterator[tuple[str, Scope]]:
        """The rules of one rank and action that stand in ``claims`` and were not cancelled."""
        for scope in Scope:
            key = (rank, action, scope)
            for name in self.claims.get(key, ()):
                if (key, name) not in self.cancelled:
                    yield name, scope

    def plain(self) -> Iterator[Run]:
        """The plain blocks without those that were cancelled. Each run is dropped as it is handed on."""
        gone: dict[Scope, set[str]] = {}
        for (rank, action, scope), name in self.cancelled:
            if rank is Rank.PLAIN and action is Action.BLOCK:
                gone.setdefault(scope, set()).add(name)
        for run in _drained(self.runs):
            names = gone.get(run.scope)
            yield _without(run, names.__contains__) if names else run


class Cover:
    """The names that a set of rules covers."""

    def __init__(self, rules: Iterable[tuple[str, Scope]] = ()) -> None:
        self._at: set[str] = set()
        self._below: set[str] = set()
        for name, scope in rules:
            if scope in _AT:
                self._at.add(name)
            if scope in _BELOW:
                self._below.add(name)
        both = "\n".join([*self._at, *self._below, ""]).encode("ascii")
        self.ends = frozenset(_ENDS.findall(both))
        """the last two labels of the rules' names: a name that ends otherwise is not covered"""

    def __bool__(self) -> bool:
        return bool(self._at or self._below)

    def at(self, name: str) -> bool:
        """True if the name itself is covered."""
        return name in self._at or self._above(name)

    def below(self, name: str) -> bool:
        """True if all that is below the name is covered."""
        return name in self._below or self._above(name)

    def _above(self, name: str) -> bool:
        if self._below:
            dot = name.find(".")
            while dot != -1:
                if name[dot + 1 :] in self._below:
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
    answered = {name for (rank, _, _), name in held.cancelled if rank is Rank.ANSWERED}
    blocked = {each for each in held.names(Rank.ANSWERED, Action.BLOCK) if each[0] not in answered}
    alone = {name for name, scope in blocked if scope is Scope.EXACT}
    zones = {name for name, scope in blocked if scope is Scope.SUBTREE}
    wide = set(zones)
    for run in held.plain():
        if alone and run.scope is Scope.SUBTREE:
            wide.update(alone.intersection(_texts(run)))
        yield run
    yield from _runs(Action.BLOCK, ((name, Scope.SUBTREE) for name in zones))
    yield from _runs(Action.BLOCK, ((name, Scope.EXACT) for name in alone - wide))
    cover = Cover((name, Scope.SUBTREE) for name in zones)
    yield from _runs(Action.ALLOW, _inside(held.names(Rank.ELSEWHERE, Action.ALLOW), cover))
    yield from _runs(Action.ALLOW, held.names(Rank.PLAIN, Action.ALLOW))


def by_rank(held: ListRules) -> Iterator[Run]:
    """The rules of an adblock list, as the head of this module says."""
    allowed_first = list(held.names(Rank.IMPORTANT, Action.ALLOW))
    allowed = list(held.names(Rank.PLAIN, Action.ALLOW))
    blocked_first = [
        rule for rank in (Rank.IMPORTANT, Rank.REWRITE) for rule in held.names(rank, Action.BLOCK)
    ]
    sparing = held.sparing - held.cancelled_sparing
    first = Cover(allowed_first)
    second = Cover(blocked_first)
    either = Cover([*allowed_first, *allowed])
    wanted = {above for each in sparing for name in each.spared for above in _and_above(name)}
    near: list[tuple[str, Scope]] = []
    for run in held.plain():
        if wanted:
            near.extend((name, run.scope) for name in wanted.intersection(_texts(run)))
        yield from _uncovered(run, either) if either else (run,)
    yield from _runs(Action.BLOCK, _left(((each.name, each.scope) for each in sparing), either))
    yield from _runs(Action.BLOCK, _left(blocked_first, first))
    yield from _runs(Action.ALLOW, allowed_first)
    yield from _runs(Action.ALLOW, _left(allowed, second))
    yield from _runs(Action.ALLOW, _left(_left(_spared(sparing), Cover(near)), second))


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
        at = scope in _AT and not cover.at(name)
        below = scope in _BELOW and not cover.below(name)
        left = _BOTH.get((at, below))
        if left is not None:
            yield name, left


def _inside(rules: Iterable[tuple[str, Scope]], cover: Cover) -> Iterator[tuple[str, Scope]]:
    """The exceptions that have something to except."""
    return ((name, scope) for name, scope in rules if cover.at(name) or cover.below(name))


def _uncovered(run: Run, cover: Cover) -> Iterator[Run]:
    """The rest of a run's rules when all that is covered is taken away."""
    ends = _ENDS.findall(run.names)
    if cover.ends.isdisjoint(ends):
        yield run
        return
    near = (name for name, end in zip(_texts(run), ends, strict=True) if end in cover.ends)
    touched = [name for name in near if cover.at(name) or cover.below(name)]
    if not touched:
        yield run
        return
    yield _without(run, set(touched).__contains__)
    yield from _runs(run.action, _left(((name, run.scope) for name in touched), cover))


def _runs(action: Action, rules: Iterable[tuple[str, Scope]]) -> Iterator[Run]:
    found: dict[Scope, list[str]] = {}
    for name, scope in rules:
        found.setdefault(scope, []).append(name)
    for scope, names in found.items():
        yield Run(scope, action, ("\n".join(names) + "\n").encode("ascii"))


def _without(run: Run, gone: Callable[[str], bool]) -> Run:
    kept = [name for name in _texts(run) if not gone(name)]
    return Run(run.scope, run.action, "".join(f"{name}\n" for name in kept).encode("ascii"))


def _texts(run: Run) -> list[str]:
    return run.names.decode("ascii").split("\n")[:-1]


def _drained(runs: list[Run]) -> Iterator[Run]:
    """The runs from the last to the first, each forgotten when it is handed on."""
    while runs:
        yield runs.pop()


def _and_above(name: str) -> Iterator[str]:
    """The name and every name above it, without the root."""
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name

"""Judges what was read of a feed: the rules that load, those that are refused, and those that are held back.

Refused, and counted as skipped: a rule on a protected name, or above one with a scope that reaches it; and a
rule on a hosting service's suffix with all below it, unless the feed's guard allows that. HeldRule back for a
person (:mod:`acceptance`): a rule that would block a popular name that nobody assigned to the list. A hold
keeps out what is new and takes nothing out: a rule that the version in force has stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filterd.config.policies import private_suffixes
from filterd.feed.parsing import ParseReport, Run
from filterd.feed.popular import PopularNames, unassigned
from filterd.feed.rules import RuleSet
from filterd.feed.version_checks import HoldReason, Refusal, Sizes, changes, exchange_refusal, size_refusal
from filterd.model.rule import Action, NameRule, Scope
from filterd.operations.feeds.rule_files import read_pieces
from filterd.policy.canonical import CanonicalError, line_of
from filterd.policy.compiler import whole_lines
from filterd.policy.documents import Feed, Policies
from filterd.policy.overlaps import above, overlaps
from filterd.policy.suffixes import Suffixes

PROTECTED = "a protected name, or above one: stays reachable"
SUFFIX = "a hosting service's suffix, below which other people have names (guard: {private_suffixes: true})"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class HeldRule:
    """A rule that is held back."""

    line: bytes
    """its canonical line"""
    popular: str
    """a popular name that it would block"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome for a whole list."""

    rules: RuleSet
    """those that load"""
    held: tuple[HeldRule, ...] = ()
    standing: tuple[str, ...] = ()
    """popular names that the list blocks, because the version in force does"""


Standing = Callable[[frozenset[bytes]], frozenset[bytes]]
"""gives those of some lines that the version in force has"""


def nothing_stands(_lines: frozenset[bytes]) -> frozenset[bytes]:
    """The answer for a feed that has no version in force."""
    return frozenset()


def standing_in(path: Path, feed: Feed) -> Standing:
    """Look into the file of the version in force. Where it cannot be read, a mandatory feed has every line:
    the loss of a file must not lift anything."""

    def standing(lines: frozenset[bytes]) -> frozenset[bytes]:
        try:
            return frozenset(each for piece in _whole(path) for each in lines.intersection(piece))
        except (OSError, CanonicalError):
            return lines if feed.mandatory is not None else frozenset()

    return standing


def judge(
    feed: Feed, policies: Policies, rules: RuleSet, report: ParseReport, standing: Standing
) -> Judgement:
    """Judge each rule of a list. What is refused goes to ``report``."""
    terms = _Terms(feed, policies)
    refused: dict[NameRule, str] = {}
    hits: dict[NameRule, str] = {}
    for rule in terms.suspects(rules):
        if reason := terms.refused(rule):
            refused[rule] = reason
        elif popular := terms.popular.hit(rule.name, rule.scope):
            hits[rule] = popular
    kept = _standing(feed, refused, hits, standing)
    for rule, reason in refused.items():
        if rule not in kept:
            report.skip(0, rule.name, reason)
    held = {rule: popular for rule, popular in hits.items() if rule not in kept}
    out = held.keys() | (refused.keys() - kept)
    return Judgement(
        rules=_without(rules, out) if out else rules,
        held=tuple(
            sorted((HeldRule(line_of(rule), popular) for rule, popular in held.items()), key=_by_line)
        ),
        standing=tuple(sorted({popular for rule, popular in hits.items() if rule in kept})),
    )


def _held(hit: tuple[NameRule, str]) -> HeldRule:
    rule, popular = hit
    return HeldRule(line_of(rule), popular)


def _by_line(held: HeldRule) -> bytes:
    return held.line


def _standing(
    feed: Feed, refused: Mapping[NameRule, str], hits: Mapping[NameRule, str], standing: Standing
) -> frozenset[NameRule]:
    """The rules in force that stay: on popular names, and of a mandatory list on suffixes too."""
    asked = set(hits)
    if feed.mandatory is not None:
        asked |= {rule for rule, reason in refused.items() if reason == SUFFIX}
    if not asked:
        return frozenset()
    lines = {line_of(rule).rstrip(b"\n"): rule for rule in asked}
    return frozenset(lines[line] for line in standing(frozenset(lines)))


class _Terms:
    """The names at which a rule has to be looked at, and what becomes of it."""

    def __init__(self, feed: Feed, policies: Policies) -> None:
        self._private = None if feed.guard.private_suffixes else private_suffixes()
        assigned_to = feed.category or feed.bypass
        self.popular = PopularNames(unassigned(policies.popular, policies.expected, assigned_to))
        self._protected: dict[str, list[NameRule]] = {}
        for rule in policies.protected.names:
            for name in above(rule.name):
                self._protected.setdefault(name, []).append(rule)
        names = self.popular.names_of_rules | self._protected.keys()
        if self._private is not None:
            names |= self._private.exact
        self._watched = frozenset(name.encode("ascii") for name in names)
        parents = frozenset[str]() if self._private is None else self._private.parents
        self._parents = frozenset(name.encode("ascii") for name in parents)

    def suspects(self, rules: RuleSet) -> Iterator[NameRule]:
        """The blocking rules on names that are watched."""
        for section in rules.sections:
            if section.action is Action.BLOCK:
                for names in _pieces(section.names):
                    for name in self._found(names):
                        yield NameRule(name.decode("ascii"), section.scope)

    def _found(self, names: list[bytes]) -> set[bytes]:
        found = set(self._watched.intersection(names))
        if self._parents:
            found.update(name for name in names if name.partition(b".")[2] in self._parents)
        return found

    def refused(self, rule: NameRule) -> str:
        """The reason to refuse a rule; empty if there is none."""
        if any(overlaps(rule, each) for each in self._protected.get(rule.name, ())):
            return PROTECTED
        return SUFFIX if rule.scope is not Scope.EXACT and _lists(self._private, rule.name) else ""


def _lists(suffixes: Suffixes | None, name: str) -> bool:
    return suffixes is not None and suffixes.lists(name)


def _without(rules: RuleSet, out: Iterable[NameRule]) -> RuleSet:
    """The rules without some of them."""
    dropped: dict[Scope, set[bytes]] = {}
    for rule in out:
        dropped.setdefault(rule.scope, set()).add(rule.name.encode("ascii"))
    sections = []
    for section in rules.sections:
        gone = dropped.get(section.scope)
        if section.action is not Action.BLOCK or not gone:
            sections.append(section)
            continue
        pieces = (
            b"".join(name + b"\n" for name in names if name not in gone) for names in _pieces(section.names)
        )
        if names := b"".join(pieces):
            sections.append(Run(section.scope, section.action, names))
    return RuleSet(tuple(sections))


def _pieces(names: bytes) -> Iterator[list[bytes]]:
    """The names of a section, some thousands at a time."""
    start = 0
    while start < len(names):
        end = names.find(b"\n", start + _PIECE) + 1 or len(names)
        yield names[start:end].split(b"\n")[:-1]
        start = end


def _whole(path: Path) -> Iterator[list[bytes]]:
    return (piece.split(b"\n") for piece in whole_lines(read_pieces(path)))


def refusal(feed: Feed, sizes: Sizes, names: int, before: Path | None, after: Path) -> Refusal | None:
    """The bound of its guard that a feed's version is outside of, by its number of names and by the files of
    both versions. ``before``: None where there is none to compare with, and no file of that name where it is
    not what was taken."""
    found = size_refusal(feed.guard, sizes, names)
    if found is not None or before is None or not sizes.before:
        return found
    try:
        return exchange_refusal(feed.guard, sizes.before, changes(read_pieces(before), read_pieces(after)))
    except (OSError, CanonicalError):
        if feed.mandatory is None or feed.signature is not None:
            return None  # the numbers have been judged, or its signer says so; what was read mends the file
        text = "the file of the version in force is lost: nobody can tell which names are gone"
        return Refusal(HoldReason.MAX_EXCHANGE, text)

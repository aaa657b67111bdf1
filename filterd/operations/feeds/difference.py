"""The difference that a feed's new version would make: names added and removed, popular ones first.

The new version is what is held back of the feed, exactly as an acceptance would take it; where nothing is
held, it is what the source gives now, judged and not kept. Of a confidential list only counts are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from filterd.feed.popular import PopularNames
from filterd.feed.source import SourceError
from filterd.feed.version_checks import changes
from filterd.model.records import FeedHold, FeedVersion
from filterd.model.rule import NameRule
from filterd.operations.context import Context, OperationError
from filterd.operations.feeds import adoption, holds, reading, rule_files
from filterd.operations.policies import feed as find_feed
from filterd.policy.adoption import InForce
from filterd.policy.canonical import CanonicalError, parse_line
from filterd.policy.documents import Feed, Policies
from filterd.store import feeds as versions
from filterd.store import holds as rows


@dataclass(slots=True)
class Side:
    """Rules that are only in one of the two versions."""

    count: int = 0
    popular: int = 0
    """rules that block a popular name"""
    shown: list[str] = field(default_factory=list)
    """canonical lines, those on popular names first; of a confidential list none"""


@dataclass(frozen=True, slots=True)
class ListDifference:
    """The difference between two versions of a feed."""

    feed: str
    against: int
    """the number of the older version; 0: there is none"""
    new: str
    """``held`` or ``source``"""
    hold: FeedHold | None
    added: Side
    removed: Side


async def diff(
    context: Context, identifier: str, *, against: int | None = None, most: int | None = 50
) -> ListDifference:
    """Compare a feed's new version with the one in force, or with another that is kept. ``most`` bounds the
    rules that are shown of each side; None: all."""
    found = await adoption.policies_in_force(context)
    feed = find_feed(found.policies, identifier)
    async with context.store.read() as connection:
        current = (await versions.current(connection)).get(feed.id)
        known = await versions.versions(connection, feed.id, 1000)
        hold = await rows.find(connection, feed.id)
    old = current if against is None else _known(feed, known, against)
    before = [] if old is None else [_file(context, feed, old.version)]
    if hold is not None:
        base = hold.version or (current.version if current else 0)
        after = [_file(context, feed, base)] if base else []
        after += [holds.held_file(context.settings.state_dir, feed.id)] if hold.names else []
        pieces: Iterable[bytes] = rule_files.merged(after)
    else:
        pieces = await _read_now(context, found, feed, current)
    watch = _Watch(found.policies, shows=not feed.confidential, most=most)
    try:
        added, removed = await asyncio.to_thread(watch.compare, rule_files.merged(before), pieces)
    except (OSError, CanonicalError) as error:
        message = f"a version of the feed {feed.id} is gone, or not what was read"
        raise OperationError(message, f"read it again: filterd feed update {feed.id}") from error
    number = 0 if old is None else old.version
    return ListDifference(feed.id, number, "held" if hold else "source", hold, added, removed)


def _known(feed: Feed, known: Iterable[FeedVersion], number: int) -> FeedVersion:
    found = next((each for each in known if each.version == number), None)
    if found is None:
        message = f"the feed {feed.id} has no version {number}"
        raise OperationError(message, f"see those that it has: filterd feed show {feed.id}")
    return found


def _file(context: Context, feed: Feed, version: int) -> Path:
    return rule_files.rule_file(context.settings.state_dir, feed.id, version)


async def _read_now(
    context: Context, found: InForce, feed: Feed, current: FeedVersion | None
) -> Iterable[bytes]:
    """The text that the source gives now, without what would be refused or held."""
    try:
        found_now = await reading.read_now(context, found, feed, current)
    except SourceError as error:
        raise OperationError(
            str(error), "mend the source; a version that was read before stays in use"
        ) from error
    return rule_files.canonical_text(found_now.rules)


class _Watch:
    """Counts the changes, and keeps those that are shown."""

    def __init__(self, policies: Policies, *, shows: bool, most: int | None) -> None:
        self._popular = PopularNames(policies.popular | {each.name for each in policies.expected})
        self._shows = shows
        self._most = most

    def compare(self, before: Iterable[bytes], after: Iterable[bytes]) -> tuple[Side, Side]:
        """The rules that were added, and those that were removed."""
        added, removed = Side(), Side()
        firsts: tuple[list[str], list[str]] = ([], [])
        for change in changes(before, after):
            self._note(added, firsts[0], change.added)
            self._note(removed, firsts[1], change.gone)
        for side, first in zip((added, removed), firsts, strict=True):
            side.shown = [*first, *side.shown][: self._most]
        return added, removed

    def _note(self, side: Side, first: list[str], lines: frozenset[bytes]) -> None:
        side.count += len(lines)
        for line in sorted(lines):
            popular = self._is_popular(line)
            side.popular += popular
            kept = first if popular else side.shown
            if self._shows and (self._most is None or len(kept) < self._most):
                kept.append(line.decode("ascii"))

    def _is_popular(self, line: bytes) -> bool:
        if line.partition(b" ")[0].decode("ascii") not in self._popular.names_of_rules:
            return False
        rule = parse_line(line)
        return isinstance(rule, NameRule) and bool(self._popular.hit(rule.name, rule.scope))

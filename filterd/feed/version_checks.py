"""The checks of a feed's new version against its guard: too few names, shrunk, grown, or exchanged.

Counts are of canonical rules. :func:`changes` compares two versions without having either whole in memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from filterd.policy.compiler import whole_lines
from filterd.policy.feed_documents import Guard

WEEK = 7 * 86400
"""seconds over which slow shrinking is added up"""


class HoldReason(StrEnum):
    """The reasons to hold something of a feed back, as metrics and commands name them."""

    MIN_NAMES = "min_names"
    MAX_SHRINK = "max_shrink"
    MAX_GROW = "max_grow"
    MAX_WEEK_SHRINK = "max_week_shrink"
    MAX_EXCHANGE = "max_exchange"
    POPULAR = "popular"
    """single names; the others hold the whole version"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The bound that a whole version is outside of."""

    reason: HoldReason
    text: str
    """for people, with the figures"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The numbers of names that a new version is compared with."""

    before: int | None
    """of the version in force; None: this is the first"""
    week: int = 0
    """the most that any version had that was in force in the last week"""


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A stretch of the comparison of two versions: canonical lines, without line feeds."""

    gone: frozenset[bytes]
    added: frozenset[bytes]


def size_refusal(guard: Guard, sizes: Sizes, after: int) -> Refusal | None:
    """The reason to keep out a version with ``after`` names, by their number alone."""
    before = sizes.before
    if before and not after:
        return Refusal(HoldReason.MIN_NAMES, f"no name is left of {before}, whatever min_names says")
    if after < guard.min_names:
        return Refusal(HoldReason.MIN_NAMES, f"{after} names, fewer than min_names {guard.min_names}")
    if not before:
        return None
    if before - after > before * guard.max_shrink:
        bound = f"by more than max_shrink {guard.max_shrink:g}"
        return Refusal(HoldReason.MAX_SHRINK, f"shrank from {before} to {after} names, {bound}")
    if after - before > before * guard.max_grow:
        bound = f"by more than max_grow {guard.max_grow:g}"
        return Refusal(HoldReason.MAX_GROW, f"grew from {before} to {after} names, {bound}")
    if sizes.week - after > sizes.week * guard.max_week_shrink:
        bound = f"by more than max_week_shrink {guard.max_week_shrink:g}"
        text = f"shrank within a week from {sizes.week} to {after} names, {bound}"
        return Refusal(HoldReason.MAX_WEEK_SHRINK, text)
    return None


def exchange_refusal(guard: Guard, before: int, found: Iterable[VersionChange]) -> Refusal | None:
    """The reason to keep out a version with too many exchanged names."""
    gone = added = 0
    for change in found:
        gone, added = gone + len(change.gone), added + len(change.added)
    exchanged = min(gone, added)
    if exchanged > before * guard.max_exchange or gone > before * max(guard.max_exchange, guard.max_shrink):
        bound = f"more than max_exchange {guard.max_exchange:g}"
        text = f"{gone} of {before} names are gone and {added} new ones came, {bound}"
        return Refusal(HoldReason.MAX_EXCHANGE, text)
    return None


def changes(before: Iterable[bytes], after: Iterable[bytes]) -> Iterator[VersionChange]:
    """The differences between two canonical texts, given in pieces cut anywhere; no more than two pieces are
    in memory. Raises ``CanonicalError`` for a text that is cut."""
    old, new = _Lines(before), _Lines(after)
    while True:
        more_old, more_new = old.fill(), new.fill()
        if not more_old and not more_new:
            return
        if more_old and more_new:
            bound = min(old.last, new.last)
            left, right = old.take(bound), new.take(bound)
        else:
            left, right = (old.take(old.last), []) if more_old else ([], new.take(new.last))
        if left != right:
            was, now = frozenset(left), frozenset(right)
            yield VersionChange(was - now, now - was)


class _Lines:
    """The lines of a sorted text, a piece at a time."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = whole_lines(pieces)
        self._lines: list[bytes] = []

    def fill(self) -> bool:
        """Read on where nothing is left; False at the end of the text."""
        while not self._lines:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._lines = piece.split(b"\n")[:-1]
        return True

    @property
    def last(self) -> bytes:
        """The last line at hand."""
        return self._lines[-1]

    def take(self, bound: bytes) -> list[bytes]:
        """The lines at hand up to ``bound``."""
        end = bisect_right(self._lines, bound)
        taken, self._lines = self._lines[:end], self._lines[end:]
        return taken

"""The diary of the year: what is to happen when, and the words in which the run tells it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TextIO

from filterd.operations.context import Context
from tests.worlds.year.clock import moment_of, written
from tests.worlds.year.provider import Provider


class YearError(AssertionError):
    """Something did not come as the script of the year says."""


@dataclass
class Diary:
    """The run: the provider, what it has done, and where it tells that."""

    provider: Provider
    out: TextIO
    random: random.Random
    """every choice of the year that the script leaves open"""
    orders: dict[str, str] = field(default_factory=dict)
    """the script's name of an order -> its reference"""
    folios: dict[str, tuple[str, str]] = field(default_factory=dict)
    """the script's name of a complaint -> folio and code"""
    told: list[tuple[float, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """of what the script did itself; the reports are held against it"""

    def tell(self, text: str) -> None:
        """Write a line on what happened at this moment."""
        now = self.provider.clock.now
        self.told.append((now, text))
        print(f"{written(now)}  {text}", file=self.out, flush=True)

    def count(self, what: str, number: int = 1) -> None:
        """Count something that the script did."""
        self.counts[what] = self.counts.get(what, 0) + number

    def by(self, person: str) -> Context:
        """The context of a person."""
        return self.provider.by(person)

    async def answers(self, name: str, *, blocked: bool) -> str:
        """Ask every resolver that runs over DNS, and require that answer; the words for it."""
        up = self.provider.up()
        found = {each.name: await each.blocks(name) for each in up}
        wrong = sorted(each for each, here in found.items() if here is not blocked)
        if wrong:
            message = f"{name} is {'open' if blocked else 'blocked'} on {', '.join(wrong)}"
            raise YearError(message)
        self.count("questions over DNS", len(found))
        return f"{len(found)} resolvers {'block' if blocked else 'answer'} {name}"


Act = Callable[[Diary], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happens at a moment."""

    at: float
    act: Act
    quiet: bool = False
    """it touches no resolver: nobody else does anything at that moment, nor two seconds later"""


def at(month: int, day: int, hour: int, minute: int, act: Act, *, quiet: bool = False) -> Entry:
    """An entry at this time of the provider's zone."""
    return Entry(moment_of(date(2027, month, day), hour, minute), act, quiet)


def require(holds: bool, message: str) -> None:
    """Fail loudly where the year is not as its script says."""
    if not holds:
        raise YearError(message)

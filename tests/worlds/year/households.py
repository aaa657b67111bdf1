"""The households of the year: who registers, asks for the filter, and has enough of it. Drawn by a seed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from filterd.model.subscriber import RequestEvidence
from filterd.operations import subscribers
from tests.worlds.year.diary import Diary

TEXT = "2026-12"
"""the consent text that is read out"""
PROFILES = ("children", "children", "teens")
OPT_IN, OPT_OUT = 1.1, 0.35
"""of a day, for three hundred lines"""


@dataclass
class Households:
    """The lines and which of them have the filter."""

    lines: int
    """that there are after the first day"""
    random: random.Random
    without: list[int] = field(default_factory=list)
    having: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    async def register(self, diary: Diary) -> None:
        """All lines, on the first day."""
        for number in range(1, self.lines + 1):
            await subscribers.add(diary.by("provisioning"), f"line-{number:04}")
        self.without = list(range(1, self.lines + 1))
        diary.tell(f"{self.lines} lines are registered; none has the filter, since nobody has asked for it")

    async def live(self, diary: Diary, days: int) -> None:
        """So many days of opt-ins and opt-outs, told to the provider today."""
        share = self.lines / 300 * days
        for _ in range(self._drawn(OPT_IN * share, self.without)):
            line = self.without.pop(self.random.randrange(len(self.without)))
            self.having.append(line)
            now = diary.provider.clock.now
            evidence = RequestEvidence("the holder", "telephone", now, TEXT, f"T-{line}-{int(now)}")
            profile = self.random.choice(PROFILES)
            await subscribers.opt_in(diary.by("counter"), f"line-{line:04}", profile, evidence)
            self.counts["opt-ins"] += 1
        for _ in range(self._drawn(OPT_OUT * share, self.having)):
            line = self.having.pop(self.random.randrange(len(self.having)))
            self.without.append(line)
            await subscribers.opt_out(diary.by("counter"), f"line-{line:04}", reason="the holder asks")
            self.counts["opt-outs"] += 1

    def _drawn(self, mean: float, among: list[int]) -> int:
        """A number with this mean, and never more than there are lines to take."""
        whole = int(mean)
        return min(len(among), whole + (self.random.random() < mean - whole))

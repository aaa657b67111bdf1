"""The campaign: rounds of cases drawn by a seed, one after the other on grounds that are kept or fresh."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos import (
    contents,
    damage,
    disk_faults,
    disks,
    first_start,
    killed_acts,
    kills,
    rollback,
    stores,
)
from tests.chaos.case import Case, Ground, Outcome, ground_on, play
from tests.chaos.history import ACCOUNTING, History, record
from tests.chaos.site import copy_of, make_template
from tests.e2e.day import Upstream

CASES: dict[str, type[Case]] = {
    case.name: case
    for module in (kills, damage, stores, disks, contents, killed_acts, first_start, rollback)
    for case in module.CASES
}


def drawn(names: Sequence[str], rounds: int, seed: int) -> list[str]:
    """The cases of so many rounds: each once at first, then by weight."""
    draw = random.Random(seed)
    first = sorted(names)
    draw.shuffle(first)
    weights = [CASES[name].weight for name in first]
    return [*first, *draw.choices(first, weights, k=max(0, rounds - len(first)))][:rounds]


@dataclass
class Campaign:
    """Plays rounds below a folder. A context: at its end every process is gone."""

    folder: Path
    seed: int
    _ground: Ground | None = None
    _made: int = 0
    _upstream: Upstream = field(default_factory=Upstream)
    _library: Path | None = None
    _history: History | None = None

    def __enter__(self) -> Campaign:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._template = make_template(self.folder / "template")
        if disk_faults.available():
            self._library = disk_faults.compile_library(self.folder)
        self._upstream.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()
        self._upstream.stop()

    def play(self, name: str, number: int) -> Outcome:
        """Round ``number``, of the case of this name."""
        case = CASES[name]()
        draw = random.Random(f"{self.seed}:{number}:{name}")
        if case.fresh:
            self._leave()
        began = time.monotonic()
        try:
            ground = self._ground or self._enter(case)
            outcome = play(case, ground, number, draw)
        except Exception as error:
            outcome = Outcome(name, number, failures=[f"{type(error).__name__}: {error}"])
        if case.fresh or not outcome.good:
            self._leave(keep=not outcome.good)
        outcome.seconds = time.monotonic() - began
        return outcome

    def template(self, source: str) -> tuple[Path, dict[str, Any]]:
        """The folder that an installation is copied from, made if it is not there, and its accounting:
        ``later`` is the later moment of a history, ``first`` was never compiled."""
        if source == "later":
            if self._history is None:
                self._history = record(self.folder / "history", self._template, self._upstream.port)
            return self._history.later, ACCOUNTING
        if source == "first":
            folder = self.folder / "first"
            return folder if folder.exists() else make_template(folder, compiled=False), {}
        return self._template, {}

    def _enter(self, case: Case) -> Ground:
        """A ground for a round that needs its own, or for all that follow."""
        self._made += 1
        template, accounting = self.template(case.source)
        folder = self.folder / f"site-{self._made}"
        site = copy_of(template, folder, self._upstream.port, self._library, accounting)
        try:
            self._ground = ground_on(site, case.roles)
            self._ground.history = self._history
        except BaseException:
            site.close()
            raise
        return self._ground

    def _leave(self, *, keep: bool = False) -> None:
        if self._ground is None:
            return
        ground, self._ground = self._ground, None
        ground.close()
        if not keep:
            shutil.rmtree(ground.site.folder, ignore_errors=True)


def played(folder: Path, seed: int, rounds: Sequence[tuple[int, str]], until: float) -> Iterator[Outcome]:
    """The outcomes of rounds, as they come; none is begun after ``until`` (time.monotonic)."""
    with Campaign(folder, seed) as campaign:
        for number, name in rounds:
            if time.monotonic() > until:
                return
            yield campaign.play(name, number)

"""The slices of ``make night``, in their order: the tests of the ring ``night``, the other rings with other
seeds, and the campaigns.

A slice is one command, which runs at the top of the repository and is meant to take at most ten minutes. In
its words ``{python}`` is this interpreter, ``{processes}`` two test processes for each processor,
``{seed}`` the seed of the night and ``{files}`` an empty folder, build/night/NAME.files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

PASSED = r"^(?:=+ )?((?:\d+ [a-z]+, )*\d+ passed\b.*?) in \d"
"""the last line of a pytest run in which a test passed"""
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of the night."""

    name: str
    title: str
    command: tuple[str, ...]
    seconds: int = 40 * MINUTE
    """the time limit; a slice that takes longer has failed"""
    environment: Mapping[str, str] = field(default_factory=dict)
    figure: str = PASSED
    """a pattern for the line with the figure; where it has a group, the group is the figure. Exit code 0
    without such a line is a failure: a campaign that lacks a package or data says so and exits 0"""

    def words(self, seed: int, files: Path) -> list[str]:
        """The command with its placeholders filled."""
        values = {
            "{python}": sys.executable,
            "{processes}": str(2 * len(os.sched_getaffinity(0))),
            "{seed}": str(seed),
            "{files}": str(files),
        }
        words = list(self.command)
        for placeholder, value in values.items():
            words = [word.replace(placeholder, value) for word in words]
        return words

    @property
    def takes_files(self) -> bool:
        """True if the command names its folder for files."""
        return any("{files}" in word for word in self.command)


def seed_of(day: date, commits: int) -> int:
    """The seed of a night: another one each day and with each commit.

    Seeds are a thousand apart: a campaign may take the numbers after its seed as well (tests/equality).
    """
    return 1000 * ((day - date(2020, 1, 1)).days + commits)


def _pytest(*words: str, processes: str = "{processes}") -> tuple[str, ...]:
    """A run of pytest. Options are one word each: pytest takes a word on its own for a path."""
    seeds = ("--order-seed={seed}", "--hypothesis-seed={seed}")
    return ("{python}", "-m", "pytest", "-n", processes, *seeds, *words)


def _ring_night(*folders: str, processes: str = "{processes}") -> tuple[str, ...]:
    """The tests of the ring ``night`` below some folders of ``tests``."""
    return _pytest("--ring=night", *(f"--part=tests/{folder}" for folder in folders), processes=processes)


def _make(target: str, *variables: str) -> tuple[str, ...]:
    """A target of the Makefile."""
    return ("make", "--no-print-directory", target, *variables)


def _fuzz(target: str) -> Slice:
    """One target of ``make fuzz``."""
    command = _make("fuzz", "FUZZ_SECONDS=300", f"FUZZ_TARGETS={target}")
    return Slice(
        f"fuzz-{target}", f"libFuzzer on {target} for 300 s", command, figure=r"^fuzz \w+: \d+ inputs kept.*"
    )


EXAMPLES = {"FILTERD_EXAMPLES": "night"}
"""more examples of each property, drawn by the seed of the night (tests/worlds/examples.py)"""
OTHERS = ("evasion", "fuzz", "golden", "mutants", "night", "recipes", "smoke")
"""folders with few tests of the ring ``night``, which run with the unit tests"""

SLICES = (
    Slice(
        "unit",
        "night ring: unit, twins, meta, monitoring, concurrency and the small folders",
        _ring_night("unit", "twins", "meta", "monitoring", "concurrency", *OTHERS),
        environment=EXAMPLES,
    ),
    Slice("e2e", "night ring: end-to-end tests", _ring_night("e2e")),
    Slice("browser", "night ring: pages in a browser", _ring_night("browser")),
    # One process: a booted machine needs the processors, and some of its tests count lost queries.
    Slice("machine", "night ring: booted machines", _ring_night("machine", processes="0")),
    Slice("packaging", "night ring: the Debian package", _ring_night("packaging")),
    Slice("fronts", "night ring: other resolvers", _ring_night("fronts", "compliance", "comparison")),
    Slice(
        "chaos",
        "night ring: samples of the fault campaigns",
        _ring_night("chaos", "order_kills", "feeds_campaign"),
    ),
    Slice(
        "seeds-commit",
        "commit ring with other seeds and more examples",
        _pytest("--ring=commit"),
        60 * MINUTE,
        EXAMPLES,
    ),
    Slice(
        "seeds-merge",
        "merge ring with other seeds and more examples",
        _pytest("--ring=merge"),
        120 * MINUTE,
        EXAMPLES,
    ),
    Slice(
        "disk",
        "merge ring: end-to-end tests with their files on a disk",
        _pytest("--ring=merge", "--part=tests/e2e"),
        90 * MINUTE,
        {"TMPDIR": "/var/tmp"},  # noqa: S108 - each run makes a folder of its own there
    ),
    Slice(
        "chaos-campaign",
        "300 rounds of faults on real processes",
        _make("chaos", "CHAOS=--rounds 300 --minutes 20 --seed {seed}"),
        figure=r"^\d+ of \d+ rounds, \d+ bad.*",
    ),
    Slice(
        "order-kills",
        "1,000 kills during changes of orders",
        _make("order-kills", "ORDER_KILLS=--seed {seed}"),
        figure=r"^kill -9 of .* kills after which .*",
    ),
    Slice(
        "feeds",
        "a week of list refreshes",
        _make("feeds", "FEEDS=--seed {seed}"),
        60 * MINUTE,
        figure=r"^refreshes \d+, .*",
    ),
    Slice(
        "equality",
        "fast path, slow path and reference on 100,000 cases of each mode",
        _make("equality", "EQUALITY=--seed {seed}"),
        60 * MINUTE,
        figure=r"^\w+: \d+ cases in .*",
    ),
    # Only near and unit tests: the whole suite may take 50 minutes for each mutation that it misses.
    Slice(
        "mutants",
        "a sample of 20 mutations",
        _make("mutants", "MUTANTS=--sample 20 --minutes 20 --reach unit --seed {seed}"),
        90 * MINUTE,
        figure=r"^\w+ +[\d.]+ % noticed .*",
    ),
    Slice(
        "year", "a year of a provider", _make("year", "YEAR={files}"), figure=r"^\d+ facts of the reports .*"
    ),
    # Not make comparison, which writes docs/comparison.md.
    Slice(
        "comparison",
        "20,000 names beside Unbound and BIND",
        ("{python}", "-m", "tests.comparison", "../shared/data/popular"),
        figure=r"^\w+ equal.*: \d+ of \d+$",
    ),
    Slice(
        "api-examples",
        "schemathesis with 300 requests for each call of the API",
        _make("api-examples", "API_SEED={seed}"),
        75 * MINUTE,
    ),
    *map(_fuzz, ("query", "answer", "packet", "lines", "radius")),
    Slice("sanitize", "native core under ASan and UBSan", _make("sanitize"), 60 * MINUTE),
    Slice(
        "sanitize-threads", "threads of the native core under TSan", _make("sanitize-threads"), 60 * MINUTE
    ),
)

"""``make equality``: many generated cases to the fast path, to the slow path and to the reference, and every
difference.

    python -m tests.equality [--cases N] [--seed N] [--mode punted|forwarded|reference] [--reference]

Prints what became of the cases, so that it can be seen what was compared. Exit code 1: there was a
difference; its course is run alone with ``--mode``, ``--seed`` and ``--cases 1``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.equality import course

CASES = 100_000
MODES: dict[str, dict[str, bool]] = {
    "punted": {},
    "forwarded": {"native": True},
    "reference": {"reference": True},
}
"""what the fast path leaves its misses to: the slow path, or its own threads, which ask the upstream; and
beside the slow path's place taken by ``packet_reference``, once more to the slow path"""
COURSE = 3_000
"""cases of one course"""
SHARES = {
    "hit": ("lookup hit", "lookup prefetch"),
    "blocked": ("block ",),
    "rewritten": ("rewrite ",),
    "made here": ("local ", "refused", "malformed", "not_ready", "reduced", "limited truncated"),
    "recognised": ("identified ",),
    "forwarded": ("lookup miss",),
    "asked here": ("upstream asked",),
    "stale": ("lookup stale",),
    "dropped": ("drop ",),
    "punted": ("punt ",),
}
"""what is printed -> how the names of its counts begin; a case may be in several"""


def main(words: list[str]) -> int:
    """Run the courses, print; the exit code."""
    parser = argparse.ArgumentParser(
        prog="equality", description="the fast path beside the slow path, and beside the reference"
    )
    parser.add_argument("--cases", type=int, default=CASES, help="of each mode")
    parser.add_argument("--seed", type=int, default=1, help="of the first course; each has the next one")
    parser.add_argument("--mode", choices=MODES, action="append", help="one of them alone")
    parser.add_argument(
        "--reference",
        dest="mode",
        action="append_const",
        const="reference",
        help="the same as --mode reference",
    )
    chosen = parser.parse_args(words)
    differing = [_run(mode, chosen.seed, chosen.cases) for mode in chosen.mode or MODES]
    return 1 if any(differing) else 0


def _run(mode: str, seed: int, least: int) -> int:
    """Courses until there are enough cases; how many had a difference."""
    began = time.monotonic()
    counted: Counter[str] = Counter()
    cases = courses = differing = 0
    while cases < least:
        found = course.run(seed + courses, COURSE, whole=True, **MODES[mode])
        counted += found.counted
        cases, courses = cases + found.cases, courses + 1
        differing += bool(found.differences)
        for difference in found.differences:
            print(f"seed {found.seed}: {difference}")
    _show(counted, cases)
    seconds = time.monotonic() - began
    print(f"{mode}: {cases} cases in {courses} courses, {differing} with a difference, {seconds:.0f} s")
    return differing


def _show(counted: Counter[str], cases: int) -> None:
    """Shares of the cases, in all and by their reasons."""
    for share, beginnings in SHARES.items():
        parts = {name: 100 * n / cases for name, n in counted.items() if name.startswith(beginnings) and n}
        told = ", ".join(f"{name.split(' ', 1)[-1]} {part:.2f}" for name, part in sorted(parts.items()))
        print(f"{share:10} {sum(parts.values()):6.2f} %  {told}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

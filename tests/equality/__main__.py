"""``make equality``: many generated cases to the fast and to the slow path, and every difference.

    python -m tests.equality [--cases N] [--seed N] [--native]

Prints what became of the cases, so that it can be seen what was compared. Exit code 1: there was a
difference; its course is run alone with ``--seed`` and ``--cases 1``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.equality import course

CASES = 100_000
COURSE = 3_000
"""cases of one course"""
SHARES = {
    "hit": ("lookup hit", "lookup prefetch"),
    "blocked": ("block ",),
    "rewritten": ("rewrite ",),
    "made here": ("local ", "refused", "malformed", "not_ready", "reduced", "limited truncated"),
    "forwarded": ("lookup miss",),
    "stale": ("lookup stale",),
    "dropped": ("drop ",),
    "punted": ("punt ",),
}
"""what is printed -> how the names of its counts begin; a case may be in several"""


def main(words: list[str]) -> int:
    """Run the courses, print; the exit code."""
    parser = argparse.ArgumentParser(prog="equality", description="the fast path beside the slow path")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=1, help="of the first course; each has the next one")
    parser.add_argument("--native", action="store_true", help="threads ask the upstream themselves")
    chosen = parser.parse_args(words)
    began = time.monotonic()
    counted: Counter[str] = Counter()
    cases = courses = differing = 0
    while cases < chosen.cases:
        found = course.run(chosen.seed + courses, COURSE, whole=True, native=chosen.native)
        counted += found.counted
        cases, courses = cases + found.cases, courses + 1
        differing += bool(found.differences)
        for difference in found.differences:
            print(f"seed {found.seed}: {difference}")
    _show(counted, cases)
    seconds = time.monotonic() - began
    print(f"{cases} cases in {courses} courses, {differing} with a difference, {seconds:.0f} s")
    return 1 if differing else 0


def _show(counted: Counter[str], cases: int) -> None:
    """Shares of the cases, in all and by their reasons."""
    for share, beginnings in SHARES.items():
        parts = {name: 100 * n / cases for name, n in counted.items() if name.startswith(beginnings) and n}
        told = ", ".join(f"{name.split(' ', 1)[-1]} {part:.2f}" for name, part in sorted(parts.items()))
        print(f"{share:10} {sum(parts.values()):6.2f} %  {told}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

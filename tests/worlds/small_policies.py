"""The shipped policies with a short list of adult names: some 500 names instead of 77,000.

That list is four fifths of all shipped names. An installation that reads and compiles it takes seconds of
processor time; tests that are not about the lists themselves do without.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from itertools import islice
from pathlib import Path

from filterd.config.shipped_files import SUMS, sums

SHIPPED = Path(__file__).parents[2] / "policies"
ADULT = "lists/adult.txt"
LINES = 500
"""of the list that are kept, remarks among them"""
GUARD, SMALLER_GUARD = "min_names: 30000", "min_names: 100"
"""in feeds.yaml, of the adult list alone"""


def copy_policies(target: Path) -> Path:
    """Make the directory ``target``, a copy for a test to change; returns it."""
    shutil.copytree(SHIPPED, target, ignore=lambda folder, names: [n for n in names if n == "adult.txt"])
    with (SHIPPED / ADULT).open(encoding="utf-8") as whole:
        kept = list(islice(whole, LINES))
    (target / ADULT).write_text("".join(kept), encoding="utf-8")
    feeds = (target / "feeds.yaml").read_text(encoding="utf-8")
    if feeds.count(GUARD) != 1:
        message = f"{SHIPPED}/feeds.yaml no longer has {GUARD} once: change GUARD"
        raise ValueError(message)
    (target / "feeds.yaml").write_text(feeds.replace(GUARD, SMALLER_GUARD), encoding="utf-8")
    (target / SUMS).write_text(sums(target), encoding="utf-8")
    return target


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="policies-")


@cache
def small_policies() -> Path:
    """The directory that the tests of this process share and do not change."""
    return copy_policies(Path(_folder().name) / "policies")

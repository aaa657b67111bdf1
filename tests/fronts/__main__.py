"""``make fronts``: what clients of real resolvers see of what filterd blocks, in docs/fronts.md.

Exit code 1: something is not as it has to be. Without a network of its own, or without NSD, nothing is done.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fronts import table
from tests.fronts.asking import Found, ask_all
from tests.fronts.servers import FRONTS
from tests.worlds.network_namespace import in_own_network
from tests.worlds.system import PACKAGES, command

PAGE = Path(__file__).parents[2] / "docs" / "fronts.md"


def main() -> int:
    """Ask, print, write; the exit code."""
    if command("nsd") is None:
        print("fronts: skipped, apt-get install nsd")
        return 0
    here = [front for front in FRONTS if front.installed]
    absent = sorted({PACKAGES[front.command] for front in FRONTS if not front.installed})
    missing = [f"`apt-get install {package}`" for package in absent]
    kept: list[Found] = []
    try:
        in_own_network(lambda: kept.append(ask_all(here, print)))
    except pytest.skip.Exception as reason:
        print(f"fronts: skipped, {reason}")
        return 0
    wrong = table.problems(kept[0])
    print(*missing, *wrong, f"not as it has to be: {len(wrong)} (docs/fronts.md)", sep="\n")
    PAGE.write_text(table.page(kept[0], here, missing))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

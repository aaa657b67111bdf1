"""``make compliance``: every case, asked of every resolver that is installed.

    python -m tests.compliance [--write] [SYSTEM ...]

``--write`` puts the table into docs/compliance.md, which needs all systems. Exit code 1: filterd fails a case
on which two of the others agree, or a difference has no reason.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.compliance import table
from tests.compliance.collection import CASES
from tests.compliance.exchange import perform
from tests.compliance.systems import SYSTEMS
from tests.compliance.upstream import scripted
from tests.worlds.system import PACKAGES, command

PAGE = Path(__file__).parents[2] / "docs" / "compliance.md"
AT_ONCE = 8


def ask_all(port: int) -> dict[str, list[str]]:
    """Every case of one resolver: case -> what is wrong."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        faults = pool.map(lambda case: case.faults(perform(case, port)), CASES)
        return {case.name: found for case, found in zip(CASES, faults, strict=True)}


def version_of(system: str) -> str:
    """Name and version of an installed package; empty for filterd itself."""
    package = PACKAGES.get(SYSTEMS[system][0])
    if package is None:
        return ""
    words = ["dpkg-query", "-W", "-f", "${source:Upstream-Version}", package]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"{system} {done.stdout}".strip()


def main(words: list[str]) -> int:
    """Run, print, perhaps write; the exit code."""
    parser = argparse.ArgumentParser(prog="compliance", description="RFC cases asked of several resolvers")
    parser.add_argument("--write", action="store_true", help="write docs/compliance.md")
    parser.add_argument("system", nargs="*", help="only these")
    chosen = parser.parse_args(words)
    results: dict[str, dict[str, list[str]]] = {}
    with tempfile.TemporaryDirectory() as folder, scripted() as upstream:
        for system in chosen.system or SYSTEMS:
            needs, start = SYSTEMS[system]
            if command(needs) is None:
                print(f"{system} is not installed: apt-get install {PACKAGES[needs]}")
                continue
            with start(Path(folder) / system, upstream) as port:
                results[system] = ask_all(port)
    print(*table.terminal(results, CASES), "", *table.summary(results, CASES), sep="\n")
    wrong = table.problems(results, CASES) if len(results) == len(SYSTEMS) else []
    print(*wrong, sep="\n")
    if chosen.write and len(results) == len(SYSTEMS):
        PAGE.write_text(table.page(results, {system: version_of(system) for system in results}, CASES))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

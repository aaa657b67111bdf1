"""``python -m tests.worlds.year [FOLDER] [--short]``: run the year, and leave its files in the folder."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from filterd.telemetry import log
from tests.worlds.year import table
from tests.worlds.year.run import YearRun, run


def main() -> int:
    """Run it; 0 where all came as the script says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="an empty folder; one of its own by default")
    parser.add_argument("--short", action="store_true", help="fewer lines, and no uneventful days")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="filterd-year-"))
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        parser.error(f"{folder} is not empty")
    with (folder / "log.jsonl").open("w") as stream:
        log.configure("year", stream)
        year = YearRun(folder, sys.stdout, short=given.short)
        outcome = asyncio.run(run(year))
    print(f"\n{table.as_text(table.months(outcome.closed))}\n")
    for said in outcome.closed.said:
        print(said)
    print(f"{outcome.held} facts of the reports are as the script says")
    print(f"reports, export and evidence pack: {outcome.closed.folder}\nlog: {folder / 'log.jsonl'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``make comparison``: many names, asked of filterd, Unbound and BIND above the same scripted upstream.

    python -m tests.comparison [--names N] [--write] FOLDER

FOLDER holds the list of popular names; without it nothing is done. ``--write`` puts the table into
docs/comparison.md. Exit code 1: a difference has no reason.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.comparison import names, table
from tests.comparison.asking import Seen, ask
from tests.comparison.script import Question, question_of
from tests.comparison.upstream import upstream
from tests.compliance.__main__ import version_of
from tests.compliance.systems import SYSTEMS
from tests.worlds.system import PACKAGES, command

PAGE = Path(__file__).parents[2] / "docs" / "comparison.md"
ASKED = ("filterd", "Unbound", "BIND")


def run(questions: Sequence[Question], folder: Path) -> table.Found:
    """Ask all of them everything twice, one system after the other."""
    answers: dict[str, dict[str, list[Seen]]] = {}
    with upstream() as serving:
        for system in ASKED:
            with SYSTEMS[system][1](folder / system, serving) as port:
                answers[system] = {turn: ask(port, questions) for turn in table.PASSES}
    return table.compare(questions, answers)


def main(words: list[str]) -> int:
    """Run, print, perhaps write; the exit code."""
    parser = argparse.ArgumentParser(
        prog="comparison", description="answers beside those of Unbound and BIND"
    )
    parser.add_argument("folder", type=Path, help="the folder of popular names")
    parser.add_argument("--names", type=int, default=names.WHOLE, help="only the first so many")
    parser.add_argument("--write", action="store_true", help="write docs/comparison.md")
    chosen = parser.parse_args(words)
    listed = names.popular(chosen.folder)
    missing = [PACKAGES[SYSTEMS[system][0]] for system in ASKED[1:] if command(SYSTEMS[system][0]) is None]
    if listed is None or missing:
        print(
            "comparison: skipped,", f"apt-get install {' '.join(missing)}" if missing else f"no {names.LIST}"
        )
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = run([question_of(name) for name in listed[: chosen.names]], Path(folder))
    wrong = table.problems(found)
    print(*table.summary(found), *wrong, f"{time.monotonic() - began:.0f} s", sep="\n")
    if chosen.write:
        PAGE.write_text(table.page(found, [version_of(system) for system in ASKED[1:]]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

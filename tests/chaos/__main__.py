"""``make chaos``: rounds of faults on real processes while DNS is asked, and what came of them.

    python -m tests.chaos [--rounds N] [--seed N] [--case NAME] [--only ROUND] [--workers N] [--minutes N]
                          [--report FILE] [--keep FOLDER] [--list]

A seed fixes the cases of all rounds and the random choices in each. Prints a line for each bad round, then
the table. Exit code 1: a round was bad.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tests.chaos import table
from tests.chaos.campaign import CASES, drawn, played
from tests.chaos.case import Outcome

ROUNDS = 1000
MINUTES = 60.0


def main(words: list[str]) -> int:
    """Play a campaign, print; the exit code."""
    chosen = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # by way of the cleaning up
    if chosen.list:
        for name, case in CASES.items():
            print(f"{name:36} {' '.join((case.__doc__ or '').split())}")
        return 0
    lacking = {name: case.lacks() for name, case in CASES.items() if case.lacks()}
    for name, reason in lacking.items():
        print(f"{name} cannot be played here: it takes {reason}", file=sys.stderr)
    names = [name for name in chosen.case or CASES if name not in lacking]
    rounds = list(enumerate(drawn(names, chosen.rounds, chosen.seed)))
    if chosen.only is not None:
        rounds = [rounds[chosen.only]]
    if chosen.worker is not None:
        until = time.monotonic() + 60 * chosen.minutes
        for outcome in played(Path(chosen.keep), chosen.seed, rounds[chosen.worker :: chosen.workers], until):
            # One write: workers share the pipe, and two of an unbuffered print would mix with another's.
            os.write(sys.stdout.fileno(), (json.dumps(asdict(outcome)) + "\n").encode())
        return 0
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        outcomes = list(_shown(_gathered(words, chosen, Path(chosen.keep or folder)), len(rounds)))
    print(table.plain(outcomes))
    if chosen.report:
        table.write_report(Path(chosen.report), outcomes, chosen.seed)
    if len(outcomes) < len(rounds):
        print(f"{len(rounds) - len(outcomes)} rounds were not played")
    return int(len(outcomes) < len(rounds) or not all(each.good for each in outcomes))


def _gathered(words: list[str], chosen: argparse.Namespace, folder: Path) -> Iterator[Outcome]:
    """The outcomes of all workers, as they come."""
    read, write = os.pipe()
    workers = []
    for number in range(chosen.workers):
        own = ["--worker", str(number), "--keep", str(folder / f"worker-{number}")]
        command = [sys.executable, "-m", "tests.chaos", *words, *own]
        workers.append(subprocess.Popen(command, stdout=write))
    os.close(write)
    try:
        with os.fdopen(read) as lines:
            for line in lines:
                yield Outcome(**json.loads(line))
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait()


def _shown(outcomes: Iterator[Outcome], rounds: int) -> Iterator[Outcome]:
    """The same, with a line for each that was bad and for every fiftieth."""
    bad, began = 0, time.monotonic()
    heard: list[Outcome] = []
    for count, outcome in enumerate(outcomes, 1):
        heard.append(outcome)
        if not outcome.good:
            bad += 1
            print(f"round {outcome.round} {outcome.case}: {table.in_a_line(outcome)}", flush=True)
        if count % 50 == 0 or count == rounds:
            minutes = (time.monotonic() - began) / 60
            figures = table.sums(heard)
            print(f"{count} of {rounds} rounds, {bad} bad, {minutes:.1f} minutes: {figures}", flush=True)
        yield outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos", description="faults on real processes while DNS is asked")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="of the cases and of all that is drawn in them")
    parser.add_argument("--case", choices=sorted(CASES), action="append", help="one case alone")
    parser.add_argument("--only", type=int, help="this round alone, as the seed gives it")
    parser.add_argument("--workers", type=int, default=2, help="installations at one time")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="begin no round after so long")
    parser.add_argument("--report", help="write the table into this file, as Markdown")
    parser.add_argument("--keep", help="a folder in which the installations of bad rounds are left")
    parser.add_argument("--list", action="store_true", help="show the cases and play none")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``make night``: everything that is too long for ``make test`` and ``.ci/run``, slice by slice.

    python -m tests.night [--slice NAME ...] [--again] [--list] [--check] [--one-within SECONDS]

Runs the slices one after another and goes on after a failure. A slice that passed on the same tree is
skipped, so that a night which was interrupted goes on where it stopped. The output of a slice is in
build/night/NAME.log, the report in build/night/report.md, and the last result of each slice in
.ci/night.tsv, which is committed.

Exit code 1: a slice failed, or ``--check`` complains. 2: the night cannot go on. 128 + N: ended by signal N.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import math
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.night import execution, record, report
from tests.night.execution import Ending, Interruption, Outcome
from tests.night.record import NightError, Row
from tests.night.slices import SLICES, Slice, seed_of

ROOT = Path(__file__).parents[2]
LEAST_FREE = 64 << 20
"""bytes: a slice that failed with less free on the disk of its log says nothing about the code"""


@dataclass(slots=True)
class Night:
    """The slices asked for, on one repository."""

    slices: Sequence[Slice]
    """the whole table"""
    chosen: Sequence[Slice]
    root: Path
    stop: Interruption
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    skipped: dict[str, Row] = field(default_factory=dict)
    """slices that passed on the same tree before"""

    @property
    def folder(self) -> Path:
        """The folder of logs and report."""
        return self.root / "build" / "night"

    @property
    def place(self) -> Path:
        """The file of the record."""
        return self.root / record.PLACE

    def rows(self) -> dict[str, Row]:
        """The record as it is now."""
        return record.read(self.place)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other nights of this repository out. Raises :class:`NightError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = f"another night runs in {self.root}: wait for its end"
                raise NightError(message) from None
            yield

    def run_all(self, *, again: bool) -> int:
        """Run the chosen slices, write the report; the exit code."""
        heading = report.Heading(record.tree(self.root), record.head(self.root), _now(), self._seed())
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            for each in self.chosen:
                if not self.stop.signal:
                    self._run_or_skip(each, again=again)
        finally:
            path = self.folder / "report.md"
            names = [each.name for each in self.chosen]
            path.write_text(
                report.text(heading, names, self.outcomes, self.skipped, self.folder), encoding="utf-8"
            )
            print(f"report: {path}", flush=True)
        return self._exit_code()

    def run_one(self, seconds: float) -> int:
        """Run the slice with the oldest result of those that take at most so long; the exit code."""
        rows, ages = self._show_ages()
        turn = record.commits(self.root)
        picked = record.oldest_within(self.chosen, rows, ages, seconds, turn)
        if picked is None:
            print(f"no slice is known to take at most {seconds:.0f} s: make night records their times")
            return 0
        self.folder.mkdir(parents=True, exist_ok=True)
        outcome = self._run(picked, seconds)
        if outcome.ending is Ending.CUT:
            # Else it would be the oldest, and cut, each time.
            self._put(replace(rows[picked.name], seconds=math.floor(seconds) + 1))
            print(
                f"{picked.name} was cut after {seconds:.0f} s: neither passed nor failed;"
                " until make night has run it, it is not picked again for so short a time"
            )
        if outcome.ending is Ending.FAILED:
            print(*execution.last_lines(execution.log_of(self.folder, picked.name), report.LINES), sep="\n")
        return self._exit_code()

    def check(self) -> int:
        """Print what is out of date, failed or never ran; the exit code."""
        rows = self.rows()
        found = record.complaints(rows, self.chosen, record.all_ages(self.root, rows))
        print(*found, sep="\n", end="\n" if found else "")
        return int(bool(found))

    def show(self) -> int:
        """Print the slices with their last results; the exit code."""
        rows = self.rows()
        ages = record.all_ages(self.root, rows)
        for each in self.chosen:
            row = rows.get(each.name)
            last = f"{row.result}, {_old(ages[each.name])}, {row.seconds} s" if row else "never ran"
            print(f"{each.name:18} {last:34} {each.title}")
        return 0

    def _seed(self) -> int:
        return seed_of(datetime.now(UTC).date(), record.commits(self.root))

    def _show_ages(self) -> tuple[dict[str, Row], dict[str, int | None]]:
        """The record and the ages of its rows, which are printed."""
        rows = self.rows()
        ages = record.all_ages(self.root, rows)
        for each in self.chosen:
            print(f"{each.name:18} {_old(ages[each.name]) if each.name in rows else 'never ran'}")
        return rows, ages

    def _run_or_skip(self, each: Slice, *, again: bool) -> None:
        row = self.rows().get(each.name)
        if not again and row and row.result == record.PASSED and row.tree == record.tree(self.root):
            self.skipped[each.name] = row
            self._put(replace(row, commit=record.head(self.root)))
            print(f"{each.name}: passed on this tree on {row.date}: skipped (--again runs it)", flush=True)
        else:
            self._run(each)

    def _run(self, each: Slice, most: float = math.inf) -> Outcome:
        """Run a slice and record it."""
        tree, commit = record.tree(self.root), record.head(self.root)
        committed = record.is_committed(self.root)
        print(f"{_clock()} {each.name}: {each.title}", flush=True)
        outcome = execution.run(each, self.root, self.folder, self._seed(), self.stop, most)
        self.outcomes[each.name] = outcome
        if outcome.ending is Ending.FAILED and shutil.disk_usage(self.folder).free < LEAST_FREE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
        if outcome.ending in (Ending.PASSED, Ending.FAILED):
            if not committed or record.tree(self.root) != tree:
                tree = record.CHANGED
                print(f"{each.name}: no evidence for a release: its files are no commit", flush=True)
            seconds = round(outcome.seconds)
            self._put(Row(each.name, outcome.ending.value, tree, commit, _now(), seconds, outcome.figure))
        print(
            f"{_clock()} {each.name}: {outcome.ending}, {outcome.figure} ({outcome.seconds:.0f} s)",
            flush=True,
        )
        return outcome

    def _put(self, row: Row) -> None:
        """Put a row into the record; rows of slices that are no more go."""
        rows = self.rows() | {row.name: row}
        record.write(self.place, [rows[each.name] for each in self.slices if each.name in rows])

    def _exit_code(self) -> int:
        if self.stop.signal:
            return 128 + self.stop.signal
        return int(any(outcome.ending is Ending.FAILED for outcome in self.outcomes.values()))


def main(words: Sequence[str], slices: Sequence[Slice] = SLICES, root: Path = ROOT) -> int:
    """Do what the command line asks for; the exit code."""
    asked = _parser(slices).parse_args(words)
    chosen = [each for each in slices if not asked.slice or each.name in asked.slice]
    try:
        with Interruption() as stop:
            night = Night(slices, chosen, root, stop)
            record.require_history(root)
            if asked.list:
                return night.show()
            if asked.check:
                return night.check()
            with night.alone():
                if asked.one_within is not None:
                    return night.run_one(asked.one_within)
                return night.run_all(again=asked.again)
    except NightError as error:
        print(f"night: {error}", file=sys.stderr)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free space there" if full else "make it writable"
        path = error.filename or "the output"
        again = f"{advice} and run make night again: it skips what passed"
        print(f"night: cannot write {path}: {error.strerror}: {again}", file=sys.stderr)
    return 2


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _clock() -> str:
    return f"{datetime.now(UTC):%H:%M}"


def _old(age: int | None) -> str:
    """The age of a row in words."""
    return "age unknown" if age is None else f"{age} commits old"


def _seconds(word: str) -> float:
    seconds = float(word)
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(word)
    return seconds


def _parser(slices: Sequence[Slice]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="night", description="the slices of the night and their record")
    parser.add_argument("--slice", metavar="NAME", choices=[each.name for each in slices], action="append",
                        help="this slice alone; may be repeated")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="run slices that passed on the same tree too")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--list", action="store_true", help="show the slices and their last results")
    mode.add_argument("--check", action="store_true", help="say which slices must run before a release")
    mode.add_argument(
        "--one-within", type=_seconds, metavar="SECONDS", help="run one slice that fits, the oldest"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The run of one slice: its processes, its log, its time limit and its figure."""

from __future__ import annotations

import contextlib
import math
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from types import FrameType

from tests.night.record import LONGEST_FIGURE
from tests.night.slices import Slice

MARK = "FILTERD_NIGHT"
"""in the environment of a slice's processes: some of them make sessions of their own, outside its group"""
PATIENCE = ((signal.SIGINT, 20.0), (signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
"""signals to end a slice with, and seconds to wait after each. SIGINT comes first: pytest and the campaigns
then end what they started and remove their files"""
POLL = 0.5
OF_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "NIGHT", "PYTEST", "PYTEST_ADDOPTS")
"""variables that ``make night`` hands down and that a slice's own make must not see"""


class Ending(StrEnum):
    """How a run can end."""

    PASSED = "passed"
    FAILED = "failed"
    CUT = "cut"
    """the time of ``--one-within`` was over before the slice ended"""
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of one slice."""

    name: str
    ending: Ending
    figure: str
    seconds: float
    processor: float
    """seconds of processor time of the processes that ended"""


@dataclass(slots=True)
class Interruption:
    """A signal that asks the night to end; inside ``with`` it is noted, and the slice that runs is ended."""

    signal: int = 0
    """its number; 0: there was none"""
    _before: dict[int, object] = field(default_factory=dict)

    def __enter__(self) -> Interruption:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup ignores SIGHUP, and means it. A shell's & ignores SIGINT, which kill -INT may still send.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave back

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = self.signal or number


def log_of(folder: Path, name: str) -> Path:
    """The log of a slice."""
    return folder / f"{name}.log"


def run(
    chosen: Slice, root: Path, folder: Path, seed: int, stop: Interruption, most: float = math.inf
) -> Outcome:
    """Run a slice at the top of the repository ``root``, its output in its log below ``folder``.

    After ``most`` seconds it is cut. None of its processes is left. Raises OSError if the log cannot be
    written.
    """
    mark = f"{os.getpid()}-{chosen.name}"
    environment = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    environment |= {**chosen.environment, MARK: mark}
    words = chosen.words(seed, _files(chosen, folder))
    log = log_of(folder, chosen.name)
    log.unlink(missing_ok=True)  # a process that an earlier run left behind may still write into that one
    began, processor = time.monotonic(), _processor_seconds()
    with log.open("a", encoding="utf-8", buffering=1) as output:
        settings = (f"{name}={value}" for name, value in chosen.environment.items())
        print("$", *settings, shlex.join(words), end="\n\n", file=output)
        ending, reason = _run(words, root, environment, output, chosen.seconds, most, stop)
        figure, done = figure_of(log, chosen.figure)
        if ending is Ending.PASSED and not done:
            ending = Ending.FAILED
            print("night: exit code 0, but no line with the figure: nothing was tried", file=output)
        if reason:
            print(f"night: {reason}", file=output)
    seconds, processor = time.monotonic() - began, _processor_seconds() - processor
    return Outcome(chosen.name, ending, reason or figure or "no output", seconds, processor)


def figure_of(log: Path, pattern: str) -> tuple[str, bool]:
    """The figure of a run, and whether its log has a line of that pattern; else it is the last line."""
    expression, last, found = re.compile(pattern), "", ""
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            match = expression.search(line.rstrip())
            if match:
                found = match[1] if expression.groups else match[0]
            elif line.strip() and not line.startswith(("make:", "make[", "$ ")):
                last = line
    return " ".join((found or last).strip("= \n").split())[:LONGEST_FIGURE], bool(found)


def last_lines(log: Path, count: int) -> list[str]:
    """The end of a log."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        return [line.rstrip("\n") for line in deque(lines, count)]


def _files(chosen: Slice, folder: Path) -> Path:
    """The folder for the files of a slice, made empty if its command names it."""
    files = folder / f"{chosen.name}.files"
    if chosen.takes_files:
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
    return files


def _run(
    words: list[str],
    root: Path,
    environment: dict[str, str],
    output: TextIOWrapper,
    limit: float,
    most: float,
    stop: Interruption,
) -> tuple[Ending, str]:
    """Run a command to its end, to its limit, to ``most`` or to a signal.

    Returns its ending, and the reason of a failure that its output does not tell.
    """
    try:
        process = subprocess.Popen(
            words,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return Ending.FAILED, f"cannot start {words[0]}: {error.strerror}"
    began = time.monotonic()
    code = None
    try:
        code = _waited(process, began + min(limit, most), stop)
    finally:
        _end(process, environment[MARK], PATIENCE if code is None else PATIENCE[1:])
    if code is not None:
        return (Ending.PASSED if code == 0 else Ending.FAILED), ""
    if stop.signal:
        return Ending.INTERRUPTED, ""
    if most < limit:
        return Ending.CUT, ""
    return Ending.FAILED, f"over its time limit of {limit:.0f} s"


def _waited(process: subprocess.Popen[bytes], until: float, stop: Interruption) -> int | None:
    """The exit code; None at a signal or when the time is over."""
    while not stop.signal and (left := until - time.monotonic()) > 0:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(min(left, POLL))
    return None


def _end(
    process: subprocess.Popen[bytes], mark: str, patience: Sequence[tuple[signal.Signals, float]]
) -> None:
    """End what a slice started and still lives, and wait for its first process."""
    for number, seconds in patience:
        until = time.monotonic() + seconds
        told: set[int] = set()
        while (living := set(_living(process.pid, mark))) and time.monotonic() < until:
            for each in living - told:  # one that was started since the last look among them
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, number)
            told |= living
            process.poll()
            time.sleep(0.1)
        if not living:
            break
    with contextlib.suppress(subprocess.TimeoutExpired):  # a process that the kernel holds outlives SIGKILL
        process.wait(POLL)


def _living(group: int, mark: str) -> Iterator[int]:
    """The processes of a group, and those with its mark in their environment."""
    marked = f"{MARK}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            state, _parent, its_group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            if state in "ZX":
                continue
            if int(its_group) == group or marked in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)


def _processor_seconds() -> float:
    """Processor time of the child processes that were waited for, with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

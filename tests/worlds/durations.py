"""Wall time and processor time of each test: ``pytest --durations-file FILE`` (``make durations``).

Processor time is that of the test's process and of the child processes that ended during the test, with
theirs (getrusage(2)). The cost of a fixture of a module stands at the test that began or ended it. A file
whose tests start processes is of the kind ``process``; tests/browser and tests/machine are kinds of
their own.
"""

from __future__ import annotations

import resource
import sys
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HEADER = "# seconds of wall time, seconds of processor time, processes started, test"
SHOWN = 100
STARTS = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty")
"""audit events (PEP 578) of a process that starts another"""
KINDS = ("in process", "process", "browser", "machine")


@dataclass(frozen=True, slots=True)
class Duration:
    """One test: seconds of wall time and of processor time, and how many processes it started."""

    test: str
    wall: float
    processor: float
    processes: int = 0

    def __add__(self, other: Duration) -> Duration:
        return Duration(
            self.test,
            self.wall + other.wall,
            self.processor + other.processor,
            self.processes + other.processes,
        )


def folder_of(test: str) -> str:
    """``tests/e2e``, and of unit tests ``tests/unit/wire``."""
    parts = Path(test.split("::")[0]).parent.parts
    return "/".join(parts[: 3 if parts[1:2] == ("unit",) else 2])


def kinds(durations: Iterable[Duration]) -> dict[str, str]:
    """Test file -> its kind, one of ``KINDS``."""
    found: dict[str, str] = {}
    for each in durations:
        file = each.test.split("::")[0]
        folder = Path(file).parts[1:2]
        if folder in (("browser",), ("machine",)):
            found[file] = folder[0]
        elif each.processes or file not in found:
            found[file] = "process" if each.processes else "in process"
    return found


def summary(durations: list[Duration]) -> Iterator[str]:
    """Lines for a reader: sums by folder and by kind, the longest files and the longest tests."""
    of_file = kinds(durations)
    yield f"{len(durations)} tests: {_sums(durations)}"
    yield "\nby folder"
    yield from _table((folder_of(each.test), each) for each in durations)
    yield "\nby kind of test"
    yield from _table((of_file[each.test.split("::")[0]], each) for each in durations)
    yield "\nthe slowest 20 files"
    yield from _table(((each.test.split("::")[0], each) for each in durations), 20)
    yield f"\nthe slowest {SHOWN} tests"
    yield from _table(((each.test, each) for each in durations), SHOWN)


def _sums(durations: Iterable[Duration]) -> str:
    total = sum(durations, Duration("", 0.0, 0.0))
    return f"{total.wall:8.1f} s of workers, {total.processor:8.1f} s of processor"


def _table(rows: Iterable[tuple[str, Duration]], most: int | None = None) -> Iterator[str]:
    groups: defaultdict[str, list[Duration]] = defaultdict(list)
    for name, each in rows:
        groups[name].append(each)
    longest = sorted(groups, key=lambda name: -sum(each.wall for each in groups[name]))
    for name in longest[:most]:
        yield f"  {_sums(groups[name])}, {len(groups[name]):6} tests  {name}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option itself."""
    parser.addoption("--durations-file", metavar="FILE", help="write each test's times to it")


def pytest_configure(config: pytest.Config) -> None:
    """Measure in each process; write in the one that prints the summary."""
    if config.option.durations_file is None:
        return
    file = Path(config.option.durations_file).absolute()
    if not hasattr(config, "workerinput"):
        _require_place(file)
    config.pluginmanager.register(_Measurement())
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Record(file))


def _require_place(file: Path) -> None:
    """Raise :class:`pytest.UsageError` unless a table can be written there and replaces nothing else."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+") as opened:
            opened.seek(0)
            known = opened.readline()
    except (OSError, UnicodeDecodeError) as error:
        message = f"--durations-file={file}: {error}"
        raise pytest.UsageError(message) from error
    if known and known != f"{HEADER}\n":
        message = f"--durations-file={file} has something else in it: name another file"
        raise pytest.UsageError(message)


class _Measurement:
    """Adds processor time and processes to the report of each phase of a test."""

    def __init__(self) -> None:
        self._processes = 0
        self._processor = _processor_time()
        sys.addaudithook(self._count)

    def _count(self, event: str, _: object) -> None:
        self._processes += event in STARTS

    def pytest_runtest_logstart(self) -> None:
        """A test begins; what came before, as collecting the tests, is no test's."""
        self._processor, self._processes = _processor_time(), 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now = _processor_time()
        # xdist sends what an instance has to the process that prints.
        vars(report).update(processor=now - self._processor, processes=self._processes)
        self._processor, self._processes = now, 0
        return report


class _Record:
    """Collects the reports of all processes: writes each test as it ends, and all by wall time at the end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._durations: dict[str, Duration] = {}
        file.write_text(f"{HEADER}\n")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        phase = Duration(
            report.nodeid,
            report.duration,
            getattr(report, "processor", 0.0),
            getattr(report, "processes", 0),
        )
        known = self._durations.get(report.nodeid)
        self._durations[report.nodeid] = known + phase if known else phase
        if report.when == "teardown":
            with self._file.open("a") as file:
                file.write(_row(self._durations[report.nodeid]))

    def pytest_sessionfinish(self) -> None:
        rows = sorted(self._durations.values(), key=lambda each: (-each.wall, each.test))
        self._file.write_text(f"{HEADER}\n" + "".join(map(_row, rows)))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("durations")
        for line in summary(list(self._durations.values())):
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"\neach test: {self._file}")


def _row(each: Duration) -> str:
    return f"{each.wall:.3f}\t{each.processor:.3f}\t{each.processes}\t{each.test}\n"


def _processor_time() -> float:
    """Seconds, user and system, of this process and of its children that have ended."""
    used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)

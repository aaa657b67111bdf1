"""Tests of real processes that fail beside others are tried again, at last alone; the summary names each.

Decisions 0277 and 0413.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REAL = (
    "chaos",
    "compliance",
    "e2e",
    "fronts",
    "machine",
    "monitoring",
    "packaging",
    "recipes",
    "unit/dataplane/listeners",
    "unit/serve",
)
"""folders whose tests start processes or bind ports, on a machine that others keep busy"""
MOST = 6
"""tests that may have failed for want of a quiet machine; more are no accident"""
ALONE = "FILTERD_TESTS_ALONE"
"""in the environment of the run of the ones that are tried alone, which has no other after it"""


def of_processes(path: Path) -> bool:
    """True for a test file below one of these folders; given by its path inside the repository."""
    return any(path.is_relative_to(Path("tests", folder)) for folder in REAL)


def pytest_configure(config: pytest.Config) -> None:
    """The process that hands the tests out, of several, keeps those that failed."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Alone(config), "tried-alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each of them a second try at once: what is wrong is wrong twice."""
    for item in items:
        if ALONE not in os.environ and of_processes(item.path.relative_to(config.rootpath)):
            item.add_marker(pytest.mark.flaky(reruns=1))


class _Alone:
    """Tries tests alone that failed twice beside others, when the others are done."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failed: dict[str, pytest.TestReport] = {}
        self._output = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed[report.nodeid] = report

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """After the processes ended. A run that was broken off, or missed a file, is no accident either."""
        files = {Path(test.split("::")[0]) for test in self._failed}
        if (
            session.exitstatus == pytest.ExitCode.TESTS_FAILED
            and 0 < session.testsfailed == len(self._failed) <= MOST
            and all(map(of_processes, files))
            and self._passes_alone()
        ):
            session.exitstatus = pytest.ExitCode.OK
            self._count_as_tried_again()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The failures as they were, and the run alone."""
        if self._output:
            terminalreporter.section("tried again alone, when the others were done")
            for report in self._failed.values():
                terminalreporter.write_line(f"beside others: {report.nodeid}\n{report.longreprtext}")
            terminalreporter.write_line(self._output)

    def _passes_alone(self) -> bool:
        options = [word for word in self._config.invocation_params.args if word not in self._config.args]
        tests = [str(self._config.rootpath / test) for test in self._failed]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "-n", "0", *tests],
            cwd=self._config.invocation_params.dir,
            env={**os.environ, ALONE: "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        self._output = done.stdout
        return done.returncode == 0

    def _count_as_tried_again(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        assert isinstance(reporter, pytest.TerminalReporter)
        for kind in ("failed", "error"):
            reporter.stats.setdefault("rerun", []).extend(reporter.stats.pop(kind, []))

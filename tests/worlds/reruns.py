"""Reruns: outside the ring ``commit`` a test of processes that fails runs once more. Three reruns fail a run.

Such a test waits for servers on a machine that others may keep busy. A rerun is printed with its first
failure: it is a defect of the test or a race of the product, to be mended by the one who sees it (decision
0424).
"""

from __future__ import annotations

import pytest

from tests.worlds.rings import COMMIT, ring_of

FOLDERS = (
    "tests/browser/",
    "tests/chaos/",
    "tests/compliance/",
    "tests/e2e/",
    "tests/fronts/",
    "tests/machine/",
    "tests/monitoring/",
    "tests/packaging/",
    "tests/recipes/",
    "tests/unit/dataplane/listeners/",
    "tests/unit/serve/",
)
"""whose tests start processes or bind ports"""
TOO_MANY = 3


def pytest_configure(config: pytest.Config) -> None:
    """Count in the process that prints the summary."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Count(), "reruns")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each of these tests a rerun."""
    for item in items:
        if item.nodeid.startswith(FOLDERS) and ring_of(item) != COMMIT:
            item.add_marker(pytest.mark.flaky(reruns=1))


class _Count:
    """Fails a run with too many reruns."""

    def __init__(self) -> None:
        self._tests: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome: str = report.outcome  # pytest-rerunfailures adds a word
        if outcome == "rerun":
            self._tests.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if len(self._tests) >= TOO_MANY and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if len(self._tests) >= TOO_MANY:
            line = f"{len(self._tests)} reruns, and {TOO_MANY} fail a run: run each alone and fix it"
            terminalreporter.write_line(line, red=True)

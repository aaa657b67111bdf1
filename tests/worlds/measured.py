"""What tests measure on the way, for the summary of the run: figures, not verdicts."""

from __future__ import annotations

import pytest

_LINES: list[str] = []
"""what this process measured, and on the side that prints the summary what the processes beside it did"""


def measured(figure: str, seconds: float) -> None:
    """Keep a time."""
    _LINES.append(f"{figure}: {seconds * 1000:.0f} ms")


def noted(figure: str) -> None:
    """Keep something else."""
    _LINES.append(figure)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what one of several processes measured to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["measured"] = _LINES


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take in what one of several processes measured."""
    _LINES.extend(getattr(node, "workeroutput", {}).get("measured", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each figure."""
    for line in _LINES:
        terminalreporter.write_line(f"measured: {line}")

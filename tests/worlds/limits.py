"""A test that ran out of time shows where its coroutines wait; of them pytest-timeout shows the loop alone.

The limits stand in pyproject.toml; the mark ``timeout`` gives a test a longer one.
"""

from __future__ import annotations

import asyncio
import gc
import io
from collections.abc import Generator

import pytest


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Know faulthandler's settings where it is left out for a sanitizer, which catches the signals itself."""
    if pluginmanager.is_blocked("faulthandler"):
        for name in ("faulthandler_timeout", "faulthandler_exit_on_timeout"):
            parser.addini(name, "of a plugin that is left out")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the stacks of the tasks that are not done."""
    report = yield
    failure = call.excinfo.value if call.excinfo is not None else None
    if isinstance(failure, pytest.fail.Exception) and str(failure).startswith("Timeout"):
        report.sections.append(("Tasks that wait", _stacks()))
    return report


def _stacks() -> str:
    shown = io.StringIO()
    for task in gc.get_objects():
        if isinstance(task, asyncio.Task) and not task.done():
            task.print_stack(file=shown)
    return shown.getvalue()

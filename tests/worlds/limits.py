"""A test that ran out of time shows where its coroutines wait; of them pytest-timeout shows the loop alone.

The limits stand in pyproject.toml; the mark ``timeout`` gives a test a longer one. A test that leaves its
process at another priority fails: all tests after it would wait for processors that others use.
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
from collections.abc import Generator

import pytest


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Know faulthandler's settings where it is left out for a sanitizer, which catches the signals itself."""
    if pluginmanager.is_blocked("faulthandler"):
        for name in ("faulthandler_timeout", "faulthandler_exit_on_timeout"):
            parser.addini(name, "of a plugin that is left out")


def _priority() -> tuple[int, int]:
    """The scheduling policy (sched(7)) and the niceness of this process."""
    return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)


_priorities = [_priority()]
"""as the tests found it; the last is that of now"""


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Fail the test that changed the priority, and not those after it."""
    if _priority() != _priorities[-1]:
        _priorities.append(_priority())
        pytest.fail(
            "it left the process of the tests at another priority: patch what sets it",
            pytrace=False,
        )


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

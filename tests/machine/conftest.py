"""A machine for each module, and what its journal says when a test fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds import machine as machines

INSIDE = Path(__file__).parent / "inside"
ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what takes a machine, where none can be booted."""
    reason = machines.unavailable()
    for item in items:
        if reason and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add the machine's journal to a failure."""
    report: pytest.TestReport = yield  # type: ignore[assignment]  # what pluggy sends into a wrapper
    machine = getattr(item, "funcargs", {}).get("machine")
    if report.failed and isinstance(machine, machines.Machine):
        report.sections.append(("journal of the machine", machine.journal()))
    return report  # type: ignore[return-value]  # a wrapper returns the result

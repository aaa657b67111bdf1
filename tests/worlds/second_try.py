"""Tests of real processes are tried a second time; the summary names each that needed it (decision 0277)."""

from __future__ import annotations

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


def of_processes(path: Path) -> bool:
    """True for a test file below one of these folders; given by its path inside the repository."""
    return any(path.is_relative_to(Path("tests", folder)) for folder in REAL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each of them a second try: what is wrong is wrong twice."""
    for item in items:
        if of_processes(item.path.relative_to(config.rootpath)):
            item.add_marker(pytest.mark.flaky(reruns=1))

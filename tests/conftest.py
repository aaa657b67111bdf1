"""Fixtures shared by all tests."""

from __future__ import annotations

import pytest

from filterd.telemetry import log
from tests.worlds import examples

pytest_plugins = [
    "tests.worlds.durations",
    "tests.worlds.environment",
    "tests.worlds.limits",
    "tests.worlds.measured",
    "tests.worlds.order",
    "tests.worlds.rings",
    "tests.worlds.reruns",  # imports rings
    "tests.worlds.system",
    "tests.golden.option",
]

examples.load()


@pytest.fixture(autouse=True)
def log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with the log of a process that has set up none, and leaves none to the next."""
    monkeypatch.setattr(log, "_log", log.Log(""))

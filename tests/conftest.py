"""Fixtures shared by all tests."""

from __future__ import annotations

import sys

import pytest
from hypothesis import settings

from filterd.telemetry import log

pytest_plugins = [
    "tests.worlds.environment",
    "tests.worlds.limits",
    "tests.worlds.measured",
    "tests.worlds.order",
    "tests.worlds.second_try",
    "tests.worlds.system",
    "tests.golden.option",
]

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("filterd", deadline=None)
settings.load_profile("filterd")


@pytest.fixture(autouse=True)
def log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with the log of a process that has set up none, and leaves none to the next."""
    monkeypatch.setattr(log, "_log", log.Log("", sys.stderr))

"""Fixtures shared by all tests."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.worlds.system", "tests.golden.option"]

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("filterd", deadline=None)
settings.load_profile("filterd")

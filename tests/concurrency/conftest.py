"""What tests with threads begin and end with."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from filterd.dataplane.tables.epoch import collect, waiting
from tests.worlds.fast import until


@pytest.fixture
def fast_switching() -> Iterator[None]:
    """The interpreter goes over from thread to thread as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def nothing_is_kept() -> Iterator[None]:
    """Whatever was replaced is free to go once no thread is at work."""
    yield
    until(lambda: collect() == 0)
    assert waiting() == 0

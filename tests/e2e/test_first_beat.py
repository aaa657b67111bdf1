"""A resolver that is stopped before its first beat is ended and started again; nobody has to notice it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, soon
from tests.e2e.small import small
from tests.e2e.test_crash_loop import resolver_of

pytestmark = pytest.mark.ring("night")

SOONER = """
from filterd.cli.entry import main
from filterd.serve import pulse
pulse.FIRST_SECONDS = 5.0
main()
"""
"""``filterd`` whose supervisor does not wait a minute for the first sign"""


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    """Small policies and a store, not started."""
    with small(tmp_path, program=(sys.executable, "-c", SOONER)) as made:
        yield made


def test_a_resolver_that_is_stopped_before_its_first_beat_ends_in_another_resolver(
    filterd: Deployment,
) -> None:
    serve = filterd.start()
    try:
        assert soon(lambda: resolver_of(serve) is not None)
        first = resolver_of(serve)
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        assert soon(
            lambda: resolver_of(serve) not in (None, first), "stopped before its first beat, to another"
        )
        filterd.wait_ready(serve)
        assert filterd.ask("fine.example").answer
        assert filterd.log().count("its start gave no sign for 5 seconds") == 1
    finally:
        serve.terminate()
        assert serve.wait(timeout=20) == 0

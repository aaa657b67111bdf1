"""The benchmarks of lines, orders and pages run to their end on a few; some fill the store themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ring("night")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize(
    ("script", "options", "says"),
    [
        ("lines.py", ("--lines", "300", "--names", "100"), "orders while checkpoints are written"),
        ("order_times.py", ("--orders", "2", "--rate", "50", "--lines", "2000"), "bar: client p99"),
        ("pages_load.py", ("--seconds", "1", "--rate", "50"), "block page"),
        ("hostile_load.py", ("--seconds", "1", "--rate", "50"), "hostile requests"),
        ("request_costs.py", ("--only", "/consent-texts", "--repeats", "1"), "largest reply"),
        ("line_plans.py", ("--combinations", "1100", "--lines", "2000"), "10,000 edits, 10 at a time"),
    ],
)
def test_on_a_few_lines(script: str, options: tuple[str, ...], says: str) -> None:
    words = [sys.executable, str(BENCHMARKS / script), *options]
    around = {**os.environ, "PYTHONPATH": os.pathsep.join((str(BENCHMARKS), str(BENCHMARKS.parent)))}
    done = subprocess.run(words, env=around, capture_output=True, text=True, check=False)
    assert says in done.stdout, done.stderr

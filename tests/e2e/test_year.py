"""The scripted year in its short form: it comes as its script says, and its pages tell what came."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from filterd.telemetry import log
from tests.worlds.year import page
from tests.worlds.year.run import YearRun, run

pytestmark = pytest.mark.ring("night")


@pytest.mark.timeout(900)
async def test_the_year_comes_as_its_script_says(tmp_path: Path) -> None:
    log.configure("year", io.StringIO())
    outcome = await run(YearRun(tmp_path, io.StringIO(), short=True))
    assert outcome.closed.said[-1].endswith("no fault found")
    for path, parts in page.parts(outcome).items():
        text = path.read_text("utf-8")
        made = page.filled(text, parts)
        if os.environ.get("UPDATE_DOCS"):
            path.write_text(made, "utf-8")
        else:
            assert text == made, (
                f"{path.name} is stale: UPDATE_DOCS=1 make test PYTEST=tests/e2e/test_year.py"
            )

"""``make scale`` on a folder of few names, and where there is none."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "scale.py"


def run(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.ring("night")
def test_it_skips_where_the_folder_is_absent(tmp_path: Path) -> None:
    said = run(tmp_path / "none", "--generated", "0")
    assert said == f"scale: skipped, there is no folder {tmp_path / 'none'}\n"


@pytest.mark.ring("night")
def test_it_measures_every_set_from_text_to_a_blocked_answer(tmp_path: Path) -> None:
    folder, report = tmp_path / "lists", tmp_path / "report.json"
    for category, source, names in (
        ("ads", "one.txt", "b.example\na.example\nno..name\n"),
        ("malware+phishing", "two.txt", "a.example\nc.example\n"),
    ):
        (folder / category).mkdir(parents=True)
        (folder / category / source).write_text(names)
    with lzma.open(folder / "ads" / "three.txt.xz", "wt") as file:
        file.write("d.example\n")
    run(folder, "--names", "4", "--generated", "500", "--swaps", "1", "--report", str(report))
    first, every, generated = json.loads(report.read_text()).values()
    assert [each["feeds"] for each in (first, every, generated)] == [1, 3, 1]
    assert (every["names in feeds"], generated["names in feeds"]) == (5, 500)
    for each in (first, every, generated):
        assert each["blocked"] == each["asked"] > 0
        assert each["feed update"]["peak"] > 0
        assert each["compiler peak"] > 0
    assert first["resident after swaps"] > 0

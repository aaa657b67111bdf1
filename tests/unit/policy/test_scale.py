"""``make scale`` on a folder of few names, and where there is none."""

from __future__ import annotations

import lzma
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "scale.py"


def run(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_skips_where_the_folder_is_absent(tmp_path: Path) -> None:
    assert run(tmp_path / "none") == f"scale: skipped, there is no folder {tmp_path / 'none'}\n"


def test_it_measures_every_list(tmp_path: Path) -> None:
    for category, source, names in (
        ("ads", "one.txt", "b.test\na.test\nno..name\n"),
        ("malware+phishing", "two.txt", "a.test\nc.test\n"),
    ):
        (tmp_path / category).mkdir()
        (tmp_path / category / source).write_text(names)
    with lzma.open(tmp_path / "ads" / "three.txt.xz", "wt") as file:
        file.write("d.test\n")
    printed = {line[:36].strip(): line[36:].strip() for line in run(tmp_path).splitlines() if len(line) > 36}
    assert printed["lists"] == "3 (1 lines skipped, no names)"
    assert (printed["rules"], printed["different names"]) == ("7", "4")
    assert printed["names looked up and found"] == "3 of 3"

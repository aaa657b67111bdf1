"""The command ``restore``: what it says of the state that it put in force."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.cli.conftest import Run


def restored(run: Run, backup: Path) -> tuple[str, int]:
    """What it says of the restored state, and the revision at which the store ends then."""
    done = run("restore", str(backup), "--reason", "test")
    assert done.exit_code == 0, done.stderr
    fields = dict(
        re.split(r"\s{2,}|(?<=restored state)\s", line, maxsplit=1) for line in done.stdout.splitlines()
    )
    return fields["restored state"], int(fields["store now at"].removeprefix("revision "))


def test_what_is_lost_is_told_by_its_last_revision(run: Run, tmp_path: Path) -> None:
    """It said "1002 later revisions are lost" after a restore that had left 1,000 numbers out."""
    backup = tmp_path / "backup"
    assert run("backup", str(backup)).exit_code == 0
    told, end = restored(run, backup)
    begin = int(told.removeprefix("revision ").removesuffix(", the newest on record"))
    for _ in range(2):
        told, later = restored(run, backup)
        assert told == f"revision {begin}; what came after it, up to revision {end}, is lost"
        end = later
    for file in (tmp_path / "state/ledger").iterdir():
        file.unlink()
    told, _ = restored(run, backup)
    assert told == f"revision {begin}; what came after it is lost, and how much is not known"

"""``filterd evidence``: a pack is written under its own name, and proven without a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from tests.unit.cli.conftest import Run

DEMAND = ("--authority", "SAT", "--official", "A", "--document", "D-1", "--ground", "G", "--reason", "R")


@pytest.mark.ring("night")
def test_a_pack_is_made_and_proven(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("order", "add", "bad.example", *DEMAND).exit_code == 0
    made = run("evidence", "pack", "--order", "O-1", "--no-pdf")
    assert made.exit_code == 0, made.stderr
    assert "evidence-O-1.tar --key PUB" in made.stdout
    assert Path("evidence-O-1.tar").stat().st_mode & 0o777 == 0o600
    Path("PUB.pem").write_text(run("key", "export").stdout)
    command = ["evidence", "verify", "evidence-O-1.tar", "--key", "PUB.pem"]
    shown = CliRunner().invoke(main, command)
    assert shown.exit_code == 0, shown.output
    assert "order O-1" in shown.stdout
    assert "it does not prove" in shown.stdout
    found = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)
    assert (found["holds"], found["proven"]["orders"], found["receipts"]) == (True, 1, 1)
    data = bytearray(Path("evidence-O-1.tar").read_bytes())
    data[len(data) // 2] ^= 1
    Path("evidence-O-1.tar").write_bytes(data)
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 1
    assert "the pack does not hold" in refused.stderr
    assert "what to do:" in refused.stderr


def test_what_is_no_scope_and_no_pack_is_refused(run: Run, tmp_path: Path) -> None:
    assert "--order O-17" in run("evidence", "pack").stderr
    (tmp_path / "no.tar").write_bytes(b"nothing")
    (tmp_path / "PUB.pem").write_text(run("key", "make").stdout)
    (tmp_path / "PUB.pem").write_text(run("key", "export").stdout)
    wrong = CliRunner().invoke(
        main, ["evidence", "verify", str(tmp_path / "no.tar"), "--key", str(tmp_path / "PUB.pem")]
    )
    assert wrong.exit_code == 1
    assert "no archive" in wrong.stdout

"""``filterd order receipt`` and ``verify-receipt`` at the command line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from filterd.cli.main import main
from filterd.config.load import load
from filterd.operations.signing import Purpose, signer
from tests.unit.cli.conftest import Run

Answer = Callable[..., Any]
DEMAND = ("--authority", "SAT", "--official", "A", "--document", "D-1", "--ground", "G", "--reason", "R")


@pytest.fixture
def key(installation: Path, tmp_path: Path, run: Run) -> Path:
    """The public key, beside an order that was accepted."""
    assert run("order", "add", "bad.example", *DEMAND).exit_code == 0
    file = tmp_path / "receipts.pem"
    file.write_text(signer(load(installation), Purpose.RECEIPT).public_pem)
    return file


def verify(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["order", "verify-receipt", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_a_receipt_goes_to_standard_output_and_is_verified_without_the_store(
    run: Run, key: Path, tmp_path: Path
) -> None:
    issued = run("order", "receipt", "O-1")
    assert "does not name the provider" in issued.stderr
    assert "service.name" in issued.stderr
    file = tmp_path / "receipt.json"
    file.write_text(issued.stdout)
    code, shown, said = verify(file, "--key", key)
    assert code == 0, said
    assert "O-1" in shown
    assert "the signature of the key" in said
    file.write_text(issued.stdout.replace("SAT", "SAX"))
    code, shown, said = verify(file, "--key", key)
    assert (code, shown) == (1, "")
    assert "the signature does not hold" in said
    assert "what to do:" in said


@pytest.mark.ring("night")
def test_files_are_its_owners_alone_and_the_pdf_is_compared(
    run: Run, answer: Answer, key: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "receipts"
    done = answer("order", "receipt", "O-1", "--out", str(folder), "--format", "pdf", "--language", "en")
    signed, pdf = map(Path, done["files"])
    assert (signed.suffix, pdf.name) == (".json", f"{signed.stem}.en.pdf")
    assert {each.stat().st_mode & 0o777 for each in (signed, pdf)} == {0o600}
    assert hashlib.sha256(signed.read_bytes()).hexdigest() == done["digest"], "as sha256sum says it"
    code, shown, _ = verify(signed, "--key", key, "--pdf", pdf, "--json")
    assert code == 0
    found = json.loads(shown)
    assert (found["verified"], found["pdf"], found["digest"]) == (True, True, done["digest"])
    pdf.write_bytes(pdf.read_bytes() + b" ")
    code, _, said = verify(signed, "--key", key, "--pdf", pdf)
    assert code == 1
    assert "not what this filterd makes" in said
    assert run("order", "receipt", "O-1", "--out", str(folder)).stdout.endswith(".json\n")


def test_a_pdf_needs_a_directory(run: Run, key: Path) -> None:
    refused = run("order", "receipt", "O-1", "--format", "pdf")
    assert refused.exit_code == 2
    assert "--out" in refused.stderr


def test_without_typst_the_json_is_issued_and_named(
    run: Run, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "typst.py").write_text("raise ImportError('no typst')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "none"), prepend=":")
    refused = run("order", "receipt", "O-1", "--out", str(tmp_path / "out"), "--format", "pdf")
    assert refused.exit_code == 1
    (signed,) = (tmp_path / "out").iterdir()
    assert str(signed) in refused.stderr
    assert "pip install" in refused.stderr
    assert verify(signed, "--key", key)[0] == 0


def test_a_directory_that_cannot_be_written_is_told(run: Run, key: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run("order", "receipt", "O-1", "--out", str(tmp_path / "file" / "below"))
    assert refused.exit_code == 1
    assert "cannot be written" in refused.stderr


def test_no_receipt_is_told_as_such(key: Path, tmp_path: Path) -> None:
    for content in (b"", b"%PDF-1.7\xff", b"{}", b"x" * 17_000_000):
        (tmp_path / "wrong").write_bytes(content)
        code, _, said = verify(tmp_path / "wrong", "--key", key)
        assert code == 1
        assert "what to do:" in said

"""``filterd audit checkpoint`` and the commands beside it, and ``filterd key`` for keys that sign."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from filterd.store import verified_trail
from filterd.store.ledger import Ledger
from filterd.store.verified_trail import VerifiedTrail

Run = Callable[..., Result]
Answer = Callable[..., Any]


def test_a_checkpoint_is_signed_shown_and_written(answer: Answer, run: Run, tmp_path: Path) -> None:
    nothing = run("audit", "checkpoint")
    assert (nothing.exit_code, "no checkpoint yet" in nothing.stderr) == (1, True)
    made = answer("audit", "checkpoint", "--sign")
    assert (made["number"], json.loads(made["text"])["body"]["sequence"]) == (1, made["sequence"])
    assert run("audit", "checkpoint").stdout == made["text"] + "\n"
    assert run("audit", "checkpoint", "--number", "1", "--out", str(tmp_path / "one.json")).exit_code == 0
    assert (tmp_path / "one.json").read_text() == made["text"]
    again = run("audit", "checkpoint", "--out", str(tmp_path / "one.json"))
    assert (again.exit_code, "not there yet" in again.stderr) == (1, True)
    assert [each["digest"] for each in answer("audit", "checkpoints")] == [made["digest"]]
    assert run("audit", "checkpoint", "--sign", "--number", "1").exit_code == 2
    assert answer("audit", "verify")["holds"]


def test_keys_that_sign_are_made_listed_rotated_and_exported(
    answer: Answer, run: Run, tmp_path: Path
) -> None:
    assert answer("key", "list", "--signing") == []
    made = answer("key", "make")
    assert [each["purpose"] for each in made] == ["checkpoint", "receipt"]
    new = answer("key", "rotate", "--purpose", "receipt", "--reason", "yearly")
    assert new["in_use"]
    shown = run("key", "list", "--signing").stdout
    assert "rotated" in shown
    assert answer("key", "list") == [], "those that seal are others"
    pem = run("key", "export", "--purpose", "receipt").stdout
    assert pem.count("BEGIN PUBLIC KEY") == 2
    assert "PRIVATE" not in pem
    assert run("key", "export", "--out", str(tmp_path / "keys.pem")).exit_code == 0
    assert (tmp_path / "keys.pem").read_text().count("BEGIN") == 1, "of checkpoints alone"
    refused = run("key", "accept", new["id"], "--reason", "x")
    assert (refused.exit_code, "key list" in refused.stderr) == (1, True)


def test_a_lost_key_waits_until_somebody_accepts_it(answer: Answer, run: Run, tmp_path: Path) -> None:
    answer("key", "make")
    (path,) = tmp_path.rglob("checkpoint.key")
    path.unlink()
    replaced = answer("key", "make")[-1]
    assert (replaced["how"], replaced["accepted"]) == ("replaced", False)
    assert "NOT ACCEPTED" in run("key", "list", "--signing").stdout
    assert answer("key", "accept", replaced["id"], "--reason", "disk failed") == {"accepted": replaced["id"]}
    assert "NOT ACCEPTED" not in run("key", "list", "--signing").stdout


def test_a_statement_is_signed_and_written(answer: Answer, run: Run, tmp_path: Path) -> None:
    assert run("audit", "statement").exit_code == 1
    made = answer("audit", "statement", "--sign")
    assert answer("audit", "statement", "--day", made["day"]) == made
    assert run("audit", "statement", "--out", str(tmp_path / "day.json")).exit_code == 0
    assert (tmp_path / "day.json").read_text() == made["text"]
    assert run("audit", "statement", "--day", "2020-01-01").exit_code == 1


@pytest.mark.system("openssl")
def test_a_regulator_countersigns_with_openssl_alone(
    answer: Answer, run: Run, tmp_path: Path, installation: Path
) -> None:
    answer("audit", "checkpoint", "--sign")
    run("audit", "checkpoint", "--out", str(tmp_path / "checkpoint.json"))
    for command in (
        "genpkey -algorithm ed25519 -out their.pem",
        "pkey -in their.pem -pubout -out pub.pem",
        "pkeyutl -sign -rawin -inkey their.pem -in checkpoint.json -out signature",
    ):
        subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    settings = json.loads(installation.read_text())
    settings["signing"] = {"anchors": [{"id": "crt", "kind": "countersign", "key": "pub.pem"}]}
    installation.write_text(json.dumps(settings))
    arguments = ("--key", str(tmp_path / "pub.pem"), "--signature", str(tmp_path / "signature"))
    assert answer("audit", "countersign", "1", *arguments)["anchor"] == "crt"
    (shown,) = answer("audit", "anchors", "--check")
    assert (shown["checkpoint"], shown["fault"]) == (1, "")
    assert run("audit", "countersign", "1", *arguments).exit_code == 1


def test_without_anchors_the_command_says_so(run: Run) -> None:
    assert "signing.anchors" in run("audit", "anchors").stderr


def test_a_proof_says_from_where_it_was_made(answer: Answer, run: Run, installation: Path) -> None:
    answer("subscriber", "add", "home-1")
    first = answer("audit", "verify")
    assert (first["holds"], first["entries"], first["verified"]["start"]) == (True, 1, 0)
    answer("subscriber", "add", "home-2")
    again = run("audit", "verify")
    assert again.stdout.splitlines()[1] == (
        f"verified from entry 1 on; from the first one: {first['verified']['whole_at']}, or now with --whole"
    )
    told = answer("audit", "verify")["verified"]
    assert told == first["verified"] | {"start": 2}
    assert run("audit", "verify", "--whole").stdout.count("\n") == 1
    refused = run("audit", "verify", "export", "--whole")
    assert (refused.exit_code, "an export is always verified whole" in refused.stderr) == (2, True)


def test_a_trail_that_is_another_one_is_said_until_a_restore(
    answer: Answer, run: Run, installation: Path
) -> None:
    answer("subscriber", "add", "home-1")
    answer("audit", "verify")
    path = verified_trail.path_of(Ledger(installation.parent / "state/ledger"))
    verified_trail.note(Ledger(path.parent), VerifiedTrail(1, "0" * 64, 1.0, 1.0))
    for _ in range(2):
        told = run("audit", "verify")
        assert told.exit_code == 1
        assert "verified from the first entry on: entry 1 is not the one that was verified" in told.stdout
        assert "filterd restore (DIRECTORY | --in-place)" in told.stderr
    assert not json.loads(run("audit", "verify", "--json").stdout)["holds"]
    answer("restore", "--in-place", "--reason", "looked at")
    assert not path.exists()
    assert answer("audit", "verify")["holds"]

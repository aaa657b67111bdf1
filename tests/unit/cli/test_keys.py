"""``filterd key`` shows and replaces the keys of confidential names, and shows none of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Run = Callable[..., Result]
Answer = Callable[..., Any]
DEMAND = ("--authority", "A court", "--official", "Judge", "--document", "1/2026", "--ground", "Art. 1")


def test_a_key_is_made_rotated_and_dropped(answer: Answer, run: Run, tmp_path: Path) -> None:
    assert "nothing was sealed yet" in run("key", "list").stderr
    (tmp_path / "names").write_text("hidden.example\n")
    names = ("--confidential", "--file", str(tmp_path / "names"))
    answer("order", "add", *DEMAND, "--reason", "served", *names)
    (first,) = answer("key", "list")
    assert (first["seals"], first["present"], first["orders"], first["files"]) == (True, True, 1, 0)
    (path,) = tmp_path.rglob("confidential.key")
    secret = path.read_text().split()[1]
    in_use = run("key", "drop", first["id"], "--reason", "x")
    assert (in_use.exit_code, "is in use" in in_use.stderr) == (1, True)
    assert "filterd key rotate" in in_use.stderr
    done = answer("key", "rotate", "--reason", "yearly")
    assert (done["before"], done["orders"], done["files"]) == (first["id"], 1, 0)
    shown = run("key", "list")
    assert secret not in shown.stdout
    assert "earlier" in shown.stdout
    assert run("key", "drop", first["id"], "--reason", "no backup needs it").exit_code == 0
    unknown = run("key", "drop", first["id"], "--reason", "again")
    assert (unknown.exit_code, "filterd key list" in unknown.stderr) == (1, True)
    path.unlink()
    lost = run("key", "list")
    assert "LOST" in lost.stdout
    assert "put the key's line back" in lost.stderr
    refused = run("key", "rotate", "--reason", "yearly")
    assert (refused.exit_code, "cannot be opened" in refused.stderr) == (1, True)

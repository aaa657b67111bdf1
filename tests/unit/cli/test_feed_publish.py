"""``feed publish``, ``digests`` and ``compare``: what they print, write and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Answer = Callable[..., Any]


def test_a_list_is_published_and_a_confidential_one_is_not(
    run: Run, answer: Answer, installation: Path, tmp_path: Path
) -> None:
    entry = "{id: secret, source: lists/adult.txt, format: domains, mandatory: {%s, confidential: true}}"
    entry %= "authority: A, ground: g"
    feeds = installation.parent / "policies/feeds.yaml"
    feeds.write_text(feeds.read_text().replace("category: adult}]", f"category: adult}}, {entry}]"))
    assert run("feed", "update").exit_code == 0
    out = str(tmp_path / "out")
    (done,) = answer("feed", "publish", "starter-adult", "--out", out)
    assert (done["changed"], done["format"], done["entries"]) == (True, "domains", 1)
    again = run("feed", "publish", "starter-adult", "--out", out)
    assert again.exit_code == 0
    assert done["public_key"] in again.stdout
    assert "0 of 1 written" in again.output
    refused = run("feed", "publish", "secret", "--out", out)
    assert refused.exit_code == 1
    assert "confidential" in refused.stderr
    assert "feed digests" in refused.stderr
    assert run("feed", "publish", "--all-mandatory-public", "--out", out).exit_code == 1


@pytest.mark.ring("night")
def test_the_key_of_published_lists_is_rotated_and_shown(run: Run, answer: Answer, tmp_path: Path) -> None:
    assert run("feed", "update").exit_code == 0
    rotate = ("key", "rotate", "--purpose", "list", "--reason", "yearly")
    early = run(*rotate)
    assert early.exit_code == 1
    assert "filterd feed publish" in early.stderr
    out = str(tmp_path / "out")
    (first,) = answer("feed", "publish", "starter-adult", "--out", out)
    assert "the one before endorses it" in run(*rotate).output
    (second,) = answer("feed", "publish", "starter-adult", "--out", out)
    shown = [each for each in answer("key", "list", "--signing") if each["purpose"] == "list"]
    keys = [first["public_key"], second["public_key"]]
    assert [(each["minisign"], each["in_use"]) for each in shown] == list(
        zip(keys, (False, True), strict=True)
    )
    exported = run("key", "export", "--purpose", "list").stdout
    assert [exported.index(each) for each in keys] == sorted(
        (exported.index(each) for each in keys), reverse=True
    )
    next(tmp_path.rglob("publish.key")).unlink()
    assert "nothing vouches" in run(*rotate).stderr
    assert "NOT ACCEPTED" in run("key", "list", "--signing").output
    told = [each["entry"] for each in answer("audit", "tail") if each["entry"]["action"] == "key.sign"][-2:]
    assert [(each["reason"], each["after"]["how"]) for each in told] == [
        ("yearly", "rotated"),
        ("yearly", "replaced"),
    ]


def test_a_list_is_withdrawn_once(run: Run, answer: Answer, tmp_path: Path) -> None:
    assert run("feed", "update").exit_code == 0
    out = str(tmp_path / "out")
    never = run("feed", "unpublish", "starter-adult", "--reason", "r", "--out", out)
    assert (never.exit_code, "was published" in never.stderr) == (1, True)
    assert run("feed", "publish", "starter-adult", "--out", out).exit_code == 0
    assert run("feed", "unpublish", "starter-adult", "--out", out).exit_code == 2, "without a reason"
    done = answer("feed", "unpublish", "starter-adult", "--reason", "r", "--out", out)
    assert (done["list"], done["changed"]) == ("starter-adult", True)
    assert not list(Path(out).rglob("names.txt"))
    again = run("feed", "unpublish", "starter-adult", "--reason", "r", "--out", out)
    assert (again.exit_code, "withdrawn already" in again.output) == (0, True)


def test_digests_are_written_once_and_compared_with_a_key_alone(run: Run, tmp_path: Path) -> None:
    assert run("feed", "update").exit_code == 0
    file = str(tmp_path / "digests.json")
    assert run("feed", "digests", "--out", file).exit_code == 0
    assert run("feed", "digests", "--out", file).exit_code == 1
    assert json.loads(Path(file).read_text())["body"]["lists"][0]["id"] == "starter-adult"
    assert run("feed", "compare", file).exit_code == 2
    assert run("feed", "compare").exit_code == 2
    keys = tmp_path / "keys.pem"
    keys.write_text(run("key", "export").stdout)
    own = run("feed", "compare", file, "--key", str(keys))
    assert own.exit_code == 1
    none = run("feed", "compare", "--last")
    assert (none.exit_code, "nothing was compared yet" in none.output) == (0, True)

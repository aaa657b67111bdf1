"""``feed diff`` and ``feed update --accept``: what is held back is reviewed and taken by people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Answer = Callable[..., Any]
FEEDS = """
- {id: starter-adult, source: lists/adult.txt, format: domains, category: adult}
- id: adopted
  source: lists/adopted.txt
  format: domains
  mandatory: {authority: interpol, ground: adopted-list}
"""


@pytest.fixture
def lists(installation: Path, answer: Answer) -> Path:
    """The directory of lists; the adopted one has a popular name."""
    policies = installation.parent / "policies"
    (policies / "popular.txt").write_text("popular.test.example\n")
    (policies / "lists/adopted.txt").write_text("popular.test.example\nworst.test.example\n")
    (policies / "feeds.yaml").write_text(FEEDS)
    assert answer("config", "check")["valid"]
    return policies / "lists"


def test_what_is_held_is_shown_with_the_way_to_decide(lists: Path, run: Run, answer: Answer) -> None:
    read = run("feed", "update")
    assert read.exit_code == 0
    told = "1 rule on a popular name is held back, the rest is in use: popular.test.example"
    assert f"adopted: {told}" in read.stderr
    listed = run("feed", "list")
    assert "adopted: 1 rule on a popular name is held back (filterd feed diff adopted)" in listed.stderr
    (digest,) = (each["hold"]["digest"] for each in answer("feed", "list") if each["hold"])
    command = f"filterd feed update adopted --accept --digest {digest[:16]} --reason ..."
    assert command in run("feed", "show", "adopted").stdout
    shown = run("feed", "diff", "adopted")
    assert shown.stdout == "+ popular.test.example\n"
    assert "added: 1 rules, 1 of them on popular names" in shown.stderr
    assert command in shown.stderr
    found = answer("feed", "diff", "adopted")
    assert (found["new"], found["added"]["count"], found["removed"]["count"]) == ("held", 1, 0)
    assert lists.exists()


def test_two_people_accept_for_a_mandatory_list(
    lists: Path, installation: Path, run: Run, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.write_text(installation.read_text().replace('"approvals": 1', '"approvals": 2'))
    monkeypatch.setenv("SUDO_USER", "daemon")
    run("feed", "update")
    accept = ("feed", "update", "adopted", "--accept", "--reason", "the authority confirmed it")
    first = run(*accept)
    assert first.exit_code == 0
    assert "not in force: waits for another person" in first.stderr
    assert "waits for another person" in run("feed", "show", "adopted").stdout
    again = run(*accept)
    assert again.exit_code == 1
    assert "another person has to confirm it" in again.stderr
    monkeypatch.setenv("SUDO_USER", "bin")
    assert answer(*accept)["accepted_by"] == "bin"
    assert "held" not in run("feed", "list").stderr
    assert lists.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--accept",),
        ("adopted", "--accept"),
        ("adopted", "starter-adult", "--accept", "--reason", "x"),
        ("adopted", "--reason", "x"),
        ("adopted", "--digest", "00"),
    ],
)
def test_wrong_use_is_told(lists: Path, run: Run, arguments: tuple[str, ...]) -> None:
    refused = run("feed", "update", *arguments)
    assert refused.exit_code == 2
    assert "--accept" in refused.stderr
    assert lists.exists()


def test_a_version_that_is_not_there_and_a_digest_that_is_not_the_held_ones(lists: Path, run: Run) -> None:
    run("feed", "update")
    missing = run("feed", "diff", "adopted", "--against", "9")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "filterd feed show adopted" in missing.stderr
    other = run("feed", "update", "adopted", "--accept", "--reason", "x", "--digest", "00ff00ff")
    assert other.exit_code == 1
    assert "not what was reviewed" in other.stderr
    assert lists.exists()

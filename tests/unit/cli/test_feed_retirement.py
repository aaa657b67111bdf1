"""``feed retire``, and what ``feed`` and ``config check`` say of a feed that has lost its entry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Answer = Callable[..., Any]

ADOPTED = """
- id: adopted
  source: lists/adopted.txt
  format: domains
  mandatory: {authority: interpol, ground: adopted-list}
"""


@pytest.fixture
def feeds_yaml(installation: Path, answer: Answer) -> Path:
    """The file, after its feeds were read: one of a category and a mandatory one."""
    policies = installation.parent / "policies"
    (policies / "lists/adopted.txt").write_text("worst.test.example\n")
    (policies / "feeds.yaml").write_text(
        "- {id: starter-adult, source: lists/adult.txt, format: domains, category: adult}" + ADOPTED
    )
    assert answer("config", "check")["valid"]
    answer("feed", "update")
    assert answer("config", "check")["valid"]
    return policies / "feeds.yaml"


def test_a_lost_entry_is_named_with_its_remedy(feeds_yaml: Path, run: Run, answer: Answer) -> None:
    feeds_yaml.write_text("[]")
    checked = run("config", "check")
    assert checked.exit_code == 2
    assert "filterd: feeds.yaml, feeds.d: the entry of the feed adopted vanished\n" in checked.stderr
    assert "filterd: feeds.yaml, feeds.d: the entry of the feed starter-adult vanished\n" in checked.stderr
    assert "all of these feeds stay in force" in checked.stderr
    assert "filterd feed retire FEED --reason" in checked.stderr
    assert checked.stdout == ""
    assert run("config", "check", "--settings").exit_code == 0, "it keeps nothing from starting"
    listed = run("feed", "list")
    assert listed.stdout.count("entry vanished") == 2
    assert "put that back, or: filterd feed retire adopted --reason ..." in listed.stderr
    assert [(each["id"], each["state"], each["orphaned"]) for each in answer("feed", "list")] == [
        ("adopted", "entry vanished", "vanished"),
        ("starter-adult", "entry vanished", "vanished"),
    ]
    shown = answer("feed", "show", "adopted")
    assert shown["mandatory"]["authority"] == "interpol"
    assert shown["adopted"]["state"] == "active"
    assert "by" in run("feed", "show", "adopted").stdout.split("adopted  ")[-1]


def test_a_weakened_entry_is_named(feeds_yaml: Path, run: Run) -> None:
    text = feeds_yaml.read_text()
    feeds_yaml.write_text(
        text.replace("mandatory: {authority: interpol, ground: adopted-list}", "security: {}")
    )
    assert "the entry of the feed adopted would lift what was adopted" in run("config", "check").stderr
    assert "entry weakened" in run("feed", "list").stdout


def test_two_people_retire_a_mandatory_feed(
    feeds_yaml: Path, installation: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.write_text(installation.read_text().replace('"approvals": 1', '"approvals": 2'))
    feeds_yaml.write_text(feeds_yaml.read_text().replace(ADOPTED, ""))
    assert run("feed", "retire", "adopted").exit_code == 2
    monkeypatch.setenv("SUDO_USER", "daemon")
    asked = run("feed", "retire", "adopted", "--reason", "over")
    assert asked.exit_code == 0, asked.stderr
    assert "waits for another person" in asked.stderr
    again = run("feed", "retire", "adopted", "--reason", "over")
    assert again.exit_code == 1
    assert "another person has to confirm it" in again.stderr
    waiting = run("feed", "list")
    assert "its end was asked for" in waiting.stderr
    assert run("config", "check").exit_code == 2
    monkeypatch.setenv("SUDO_USER", "bin")
    ended = run("feed", "retire", "adopted", "--reason", "seen")
    assert ended.exit_code == 0, ended.stderr
    assert "lifted with the next snapshot" in ended.stderr
    assert run("config", "check").exit_code == 0
    assert "adopted" not in run("feed", "list").stdout


def test_a_retired_feed_is_shown_as_json(feeds_yaml: Path, answer: Answer) -> None:
    feeds_yaml.write_text(ADOPTED)
    ended = answer("feed", "retire", "starter-adult", "--reason", "over")
    assert (ended["feed"], ended["state"], ended["reason"]) == ("starter-adult", "retired", "over")


def test_a_check_says_why_the_store_was_not_asked(installation: Path, run: Run, answer: Answer) -> None:
    (installation.parent / "filterd.db").write_bytes(b"no store at all" * 100)
    checked = run("config", "check")
    assert checked.exit_code == 0
    assert "feeds and profiles in force were not compared with the files" in checked.stderr
    assert answer("config", "check")["store_unread"]
    (installation.parent / "filterd.db").unlink()
    assert "in force were not compared" not in run("config", "check").stderr

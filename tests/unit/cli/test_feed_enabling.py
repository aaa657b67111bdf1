"""``feed enable`` and ``feed list --ready``: what a person is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Answer = Callable[..., Any]

READY = """
- id: far-adult
  source: https://far.lists.example/names.txt
  format: domains
  category: adult
  about:
    title: {es: Lejana, en: Far}
    publisher: Far Lists
    licence: CC BY-NC 4.0
    address_from: README.md of far/lists
    address_on: "2026-11-26"
    note: {es: Larga, en: Long}
"""


@pytest.fixture
def ready(installation: Path) -> Path:
    """The file with one ready feed."""
    path = installation.parent / "policies/feeds.d/own.yaml"
    path.parent.mkdir()
    path.write_text(READY)
    return path


def test_the_licence_is_always_printed(ready: Path, run: Run) -> None:
    done = run("feed", "enable", "far-adult", "--reason", "wanted")
    assert done.exit_code == 0, done.stderr
    for text in ("CC BY-NC 4.0", "Far Lists", "README.md of far/lists, 2026-11-26", "Long"):
        assert text in done.stdout
    assert "filterd feed update far-adult" in done.stderr
    assert "filterd feed show far-adult" in done.stderr
    assert "for the profiles that restrict adult" in done.stderr
    again = run("feed", "enable", "far-adult")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "enabled already" in again.stderr


def test_what_is_ready_is_listed_apart(ready: Path, run: Run, answer: Answer) -> None:
    assert "far-adult" not in run("feed", "list").stdout
    line = next(line for line in run("feed", "list", "--ready").stdout.splitlines() if "far-adult" in line)
    assert [each in line for each in ("CC BY-NC 4.0", "unknown", "off")] == [True] * 3
    shown = run("feed", "show", "far-adult").stdout
    assert "filterd feed enable far-adult" in shown
    assert answer("feed", "show", "far-adult")["state"] == "off"
    (listed,) = answer("feed", "list", "--ready")
    assert (listed["id"], listed["enabled"], listed["names"]) == ("far-adult", False, None)
    assert listed["publication"]["licence"] == "CC BY-NC 4.0"
    enabled = answer("feed", "enable", "far-adult")
    assert (enabled["feed"], enabled["adopted"]["state"]) == ("far-adult", "active")
    assert answer("feed", "list", "--ready")[0]["enabled"]
    assert "far-adult" in run("feed", "list").stdout
    assert answer("feed", "show", "far-adult")["state"] == "never read"
    assert answer("config", "check")["valid"], "an enabled feed has its entry"
    assert answer("feed", "retire", "far-adult", "--reason", "over")["state"] == "retired"
    assert "far-adult" not in run("feed", "list").stdout


def test_the_lost_entry_of_an_enabled_feed_is_looked_for_in_its_folder(ready: Path, run: Run) -> None:
    run("feed", "enable", "far-adult", "--reason", "wanted")
    ready.write_text(READY.replace("category: adult", "security: {}"))
    assert "feeds.d: the entry of the feed far-adult would lift" in run("config", "check").stderr
    ready.unlink()
    checked = run("config", "check").stderr
    assert "feeds.yaml, feeds.d: the entry of the feed far-adult vanished\n" in checked
    assert "lost its entry in feeds.yaml, or in feeds.d if it was enabled" in run("feed", "list").stderr


def test_an_unknown_one_is_refused(ready: Path, run: Run) -> None:
    done = run("feed", "enable", "far-adlut")
    assert done.exit_code == 1
    assert "did you mean far-adult?" in done.stderr
    unread = run("feed", "update", "far-adult")
    assert unread.exit_code == 1
    assert "filterd feed enable far-adult" in unread.stderr


def test_a_way_around_is_named_with_its_feed(ready: Path, run: Run) -> None:
    (ready.parents[1] / "bypass.yaml").write_text(
        "- {id: tunnel, title: {es: T, en: T}, names: {subtree: [tunnel.example]}}"
    )
    ready.write_text(READY.replace("category: adult", "bypass: tunnel"))
    assert "bypass tunnel" in run("feed", "list", "--ready").stdout
    assert "for the profiles that close tunnel" in run("feed", "enable", "far-adult").stderr


def test_there_may_be_none(installation: Path, run: Run) -> None:
    assert "there is no ready feed" in run("feed", "list", "--ready").stderr

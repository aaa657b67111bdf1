"""Commands on a profile with a category of which no list was ever read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
EVIDENCE = ("--who", "the holder", "--text-version", "2026-11", "--reference", "ticket 7")


@pytest.fixture
def unread(run: Run, installation: Path) -> Run:
    """An installation after a pass over the feeds that did not find the adult list."""
    (installation.parent / "policies/lists/adult.txt").unlink()
    assert run("feed", "update").exit_code == 1
    return run


def test_a_build_publishes_says_it_and_fails(unread: Run) -> None:
    built = unread("snapshot", "build")
    assert built.exit_code == 1
    assert "no list was ever read of categories that profiles restrict: adult" in built.stderr
    assert unread("snapshot", "show").exit_code == 0, "it is published"


def test_the_first_build_waits_for_a_pass_over_the_feeds(run: Run) -> None:
    built = run("snapshot", "build")
    assert (built.exit_code, "starter-adult" in built.stderr) == (1, True)
    assert "filterd feed update" in built.stderr
    assert run("snapshot", "show").exit_code == 1
    assert run("feed", "update").exit_code == 0
    assert run("snapshot", "build").exit_code == 0


def test_opting_in_is_refused_unless_it_is_accepted(unread: Run) -> None:
    unread("subscriber", "add", "line-2")
    command = ("subscriber", "opt-in", "line-2", "--profile", "children", *EVIDENCE)
    refused = unread(*command)
    assert refused.exit_code == 1
    assert "--accept-empty" in refused.stderr
    accepted = unread(*command, "--accept-empty")
    assert accepted.exit_code == 0
    assert "no list was ever read: adult" in accepted.stderr
    assert "nothing is listed yet of games" in accepted.stderr, "no list is there at all"
    assert unread("subscriber", "set-profile", "line-2", "teenagers").exit_code == 1
    assert unread("subscriber", "set-profile", "line-2", "teenagers", "--accept-empty").exit_code == 0
    assert "no list was ever read of adult" in unread("profile", "show", "children").stderr


def test_before_a_pass_it_is_said_and_goes_on(run: Run) -> None:
    run("subscriber", "add", "line-2")
    chosen = run("subscriber", "opt-in", "line-2", "--profile", "teenagers", *EVIDENCE)
    assert (chosen.exit_code, "no list was ever read: adult" in chosen.stderr) == (0, True)


def test_check_says_what_the_node_answers(unread: Run) -> None:
    unread("subscriber", "add", "line-2")
    unread("subscriber", "opt-in", "line-2", "--profile", "children", *EVIDENCE, "--accept-empty")
    unread("snapshot", "build")
    found = json.loads(unread("check", "plain.example", "--subscriber", "line-2", "--json").stdout)
    assert (found["unread"], found["rcode"], found["ede"]) == (["adult"], "SERVFAIL", [14])
    assert "dns.parental_fail decides" in unread("check", "plain.example", "--subscriber", "line-2").stderr
    unread("subscriber", "pause", "line-2")
    found = json.loads(unread("check", "plain.example", "--subscriber", "line-2", "--json").stdout)
    assert (found["unread"], found["rcode"]) == ([], "")

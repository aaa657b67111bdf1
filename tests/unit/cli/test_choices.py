"""The commands of a line's own choices, as far as the transcript of every command does not show them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from filterd.cli.main import main
from tests.unit.cli.test_advice import EVIDENCE

Run = Callable[..., Result]
Answer = Callable[..., Any]
PLAN = 'schedule: [{days: [sat], from: "14:00", until: "16:00", block: [adult]}]'
WAY = "{id: vpn, title: {es: VPN, en: VPN}, names: {subtree: [vpn.test.example]}}"
SIGNAL = "{id: canary, title: {es: Aviso, en: Signal}, names: {subtree: [c.test.example]}, level: signal}"


@pytest.fixture(autouse=True)
def line(run: Run) -> None:
    """A line that has opted in."""
    run("subscriber", "add", "casa-5")
    run("subscriber", "opt-in", "casa-5", "--profile", "teenagers", *EVIDENCE)


def test_a_plan_may_come_by_standard_input(installation: Path) -> None:
    words = ["subscriber", "plan", "casa-5", "--file", "-", "--config", str(installation)]
    done = CliRunner().invoke(main, words, input=PLAN)
    assert "Sat  14:00  16:00  adult" in done.stdout
    refused = CliRunner().invoke(main, words, input=PLAN.replace("adult", "adlut"))
    assert refused.exit_code == 1
    assert "standard input.schedule[0].block: unknown category 'adlut'" in refused.stderr


def test_a_plan_of_everything_is_read_out_once_it_is_set(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN.replace("[adult]", "everything"))
    assert "también para personas adultas" in run("subscriber", "plan", "casa-5", "--file", str(file)).stderr
    assert "también para personas adultas" not in run("subscriber", "plan", "casa-5").stderr


def test_a_closing_on_a_paused_line_says_that_it_closes_nothing_yet(run: Run) -> None:
    run("subscriber", "pause", "casa-5", "--for", "2h")
    said = run("subscriber", "close", "casa-5", "--for", "45m", "--category", "adult").stderr
    assert "the line is paused" in said
    assert "filterd subscriber resume casa-5" in said


def test_ways_around_are_closed_with_the_warning_on_private_dns(run: Run, installation: Path) -> None:
    (installation.parent / "policies/bypass.yaml").write_text(f"[{WAY}, {SIGNAL}]")
    said = run("subscriber", "choose", "casa-5", "--add", "way:vpn").stderr
    assert "DNS privado" in said
    assert "--as-profile way:" in said
    assert "DNS privado" not in run("subscriber", "choose", "casa-5", "--add", "way:canary").stderr


def test_a_category_that_nothing_fills_is_told(run: Run, answer: Answer) -> None:
    assert answer("subscriber", "choose", "casa-5", "--add", "category:games")["empty"] == ["games"]
    assert "filterd feed list --ready" in run("subscriber", "choose", "casa-5").stderr
    assert answer("subscriber", "choose", "casa-5", "--reset")["empty"] == []


def test_a_name_for_a_while_shows_its_end(run: Run, answer: Answer) -> None:
    own = answer("subscriber", "deny", "casa-5", "https://b.test.example/x", "--today")
    assert own["taken_as"] == "b.test.example"
    assert own["own_names"][0]["until"].endswith("Z")
    assert "block b.test.example (subtree) until" in run("subscriber", "show", "casa-5").stdout


@pytest.mark.parametrize("words", [("--for", "0m"), ("--for", "45"), ("--for", "1h", "--today")])
def test_an_end_that_says_nothing_is_wrong_use(run: Run, words: tuple[str, ...]) -> None:
    assert run("subscriber", "allow", "casa-5", "a.test.example", *words).exit_code == 2


def test_a_line_in_a_zone_that_is_not_known_here_is_told_how_to_set_another(
    run: Run, installation: Path
) -> None:
    with closing(sqlite3.connect(installation.parent / "filterd.db")) as raw, raw:
        raw.execute("UPDATE line_state SET zone = 'Mars/Olympus'")
    refused = run("subscriber", "pause", "casa-5", "--until", "21:00")
    assert refused.exit_code == 1
    assert "filterd subscriber set-zone" in refused.stderr

"""``filterd policies coverage``: the figures that people and scripts get, and what is refused."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from filterd.cli import sudo
from tests.unit.cli.conftest import Run

NOW = 1_800_000_000.0
LISTS = {
    "coverage.yaml": """
- {area: search-engines, title: engines, file: engines.txt}
- {area: categories, id: adult, file: adult.txt}
- {area: must-pass, title: help, file: help.txt}
""",
    "engines.txt": "search.example\n",
    "adult.txt": "adult.test.example\nblue.test.example\nred.test.example\n",
    "help.txt": "adult.test.example\nhelp.example\n",
}


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A folder of independent lists."""
    folder = tmp_path / "independent"
    folder.mkdir()
    for name, text in LISTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands."""
    monkeypatch.setattr(time, "time", lambda: NOW)


def figures(text: str) -> list[list[str]]:
    """The words of each line of a report that has a percentage or a hyphen at its end."""
    return [line.split() for line in text.splitlines() if line.endswith(("%", " -"))]


def test_people_see_the_figures_of_every_profile(run: Run, lists: Path) -> None:
    said = run("policies", "coverage", "--against", str(lists))
    assert said.exit_code == 0
    assert figures(said.stdout) == [
        *(
            row
            for profile in ("children", "teenagers")
            for row in (
                [profile, "search-engines", "0", "0", "0", "0", "0", "-"],
                [profile, "categories", "1", "3", "1", "0", "2", "33.3", "%"],
                [profile, "must-pass", "1", "2", "1", "0", "1", "50.0", "%"],
            )
        ),
        ["all", "categories", "1", "3", "1", "0", "2", "33.3", "%"],
    ]
    assert said.stdout.count("  adult.test.example (category starter-adult)\n") == 2


def test_people_see_the_names_that_pass(run: Run, lists: Path) -> None:
    said = run("policies", "coverage", "--against", str(lists), "--profile", "children", "--list").stdout
    assert figures(said) == [
        ["engines", "search-engines", "no", "1", "0", "0", "1", "0.0", "%"],
        ["adult", "categories", "yes", "3", "1", "0", "2", "33.3", "%"],
        ["help", "must-pass", "no", "2", "1", "0", "1", "50.0", "%"],
    ]
    assert "  blue.test.example\n  red.test.example\n" in said


def test_scripts_get_the_same_figures_and_an_exit_code(run: Run, lists: Path) -> None:
    against = ("policies", "coverage", "--against", str(lists), "--profile", "children", "--list", "--strict")
    said = run(*against, "--json")
    assert said.exit_code == 1
    assert "1 site is blocked that must pass: adult.test.example (category starter-adult)" in said.stderr
    found = json.loads(said.stdout)
    (children,) = found["profiles"]
    assert children["at"] == "2027-01-15T08:00:00Z"
    assert {area: each["share"] for area, each in children["totals"].items()} == {
        "search-engines": None,
        "categories": 1 / 3,
        "must-pass": 0.5,
    }
    assert [(row["title"], row["blocked"], row["passing"], row["names"]) for row in children["rows"]] == [
        ("engines", 0, 1, []),
        ("adult", 1, 2, ["blue.test.example", "red.test.example"]),
        ("help", 1, 1, ["adult.test.example (category starter-adult)"]),
    ]
    assert [(row["title"], row["asked"], row["passing"]) for row in found["offered"]] == [("adult", 3, 2)]
    assert found["blocked_wrongly"] == ["adult.test.example (category starter-adult)"]


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--against", "{lists}", "--profile", "chidlren"), 1, "did you mean children?"),
        (("--against", "{lists}", "--at", "nine"), 1, "--at is no time: 'nine'"),
        (("--against", "{lists}/.."), 1, "coverage.yaml cannot be read"),
        (("--against", "{lists}/nowhere"), 2, "does not exist"),
        ((), 2, "Missing option '--against'"),
    ],
)
def test_refusals(run: Run, lists: Path, options: tuple[str, ...], code: int, told: str) -> None:
    said = run("policies", "coverage", *(word.format(lists=lists) for word in options))
    assert said.exit_code == code
    assert said.stdout == ""
    assert told in said.stderr


def test_the_snapshot_in_force_is_preferred(run: Run, lists: Path, tmp_path: Path) -> None:
    assert "compiled for this report" in run("policies", "coverage", "--against", str(lists)).stderr
    for line in (("feed", "update"), ("snapshot", "build")):
        assert run(*line).exit_code == 0
    assert "the snapshot in force" in run("policies", "coverage", "--against", str(lists)).stderr
    (tmp_path / "policies/lists/adult.txt").write_text("blue.test.example\n")
    stale = json.loads(run("policies", "coverage", "--against", str(lists), "--json", "--list").stdout)
    fresh = json.loads(
        run("policies", "coverage", "--against", str(lists), "--json", "--list", "--compile").stdout
    )
    assert stale["profiles"][0]["rows"][1]["names"] == ["blue.test.example", "red.test.example"]
    assert fresh["profiles"][0]["rows"][1]["names"] == ["adult.test.example", "red.test.example"]
    assert fresh["blocked_wrongly"] == []


def test_behind_sudo_a_list_must_be_the_persons_to_read(
    run: Run, lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the names of files that filterd alone may read could be printed with ``--list``."""
    monkeypatch.setattr(sudo, "caller", lambda: 4_000_000)
    monkeypatch.setattr(sudo, "configuration", lambda path: path)
    monkeypatch.setattr(sudo, "_groups", lambda person: frozenset())
    assert run("policies", "coverage", "--against", str(lists)).exit_code == 0
    (lists / "help.txt").chmod(0o600)
    result = run("policies", "coverage", "--against", str(lists))
    assert result.exit_code == 2
    assert "may not read it" in result.stderr


def test_a_line_that_nobody_asks_for_is_told(run: Run, lists: Path) -> None:
    """A public suffix is no name of a list: a site of that name would count as open unseen."""
    (lists / "help.txt").write_text("gob.mx\nhelp.example\n")
    (lists / "engines.txt").write_text("# nothing\n")
    said = run("policies", "coverage", "--against", str(lists), "--strict").stderr
    assert "warning: help: names asked for: 1; lines that give no name: 1" in said
    assert "warning: engines: names asked for: 0; lines that give no name: 0" in said
    assert "what to do: filterd feed parse FILE" in said
    assert said.count("warning") == 2


def test_a_terminal_of_80_columns_shows_whole_lines(run: Run, lists: Path) -> None:
    for extra in ((), ("--profile", "children")):
        result = run("policies", "coverage", "--against", str(lists), *extra)
        assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_strict_failure_in_hours_that_block_everything_advises_no_exception(
    installation: Path, run: Run, lists: Path
) -> None:
    """An exception lifts what lists block; a schedule that blocks everything leaves groups open."""
    night = installation.parent / "policies/profiles/night.yaml"
    texts = "title: {es: a, en: a}, description: {es: a, en: a}, audience: {es: a, en: a}"
    night.write_text(
        f"{{{texts}, warning: {{es: a, en: a}}, "
        "schedule: [{days: daily, from: '21:00', until: '06:00', block: everything}]}"
    )
    (lists / "help.txt").write_text("open.example\n")
    against = ("policies", "coverage", "--against", str(lists), "--profile", "night", "--strict", "--at")
    asleep = run(*against, "2026-11-26T22:00:00-06:00")
    assert asleep.exit_code == 1
    assert "open.example (schedule, everything)" in asleep.stderr
    assert "localhost" not in asleep.stderr
    assert "leaves open the groups of protected.yaml" in asleep.stderr
    assert "filterd exception add" not in asleep.stderr
    assert run(*against, "2026-11-26T12:00:00-06:00").exit_code == 0

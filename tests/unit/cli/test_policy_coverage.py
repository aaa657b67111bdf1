"""``filterd policies coverage`` as people and scripts see it: ``tests/golden/coverage.txt``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
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
LINES = (
    ("coverage", "--against", "{lists}"),
    ("coverage", "--against", "{lists}", "--profile", "children", "--list"),
    ("coverage", "--against", "{lists}", "--strict"),
    ("coverage", "--against", "{lists}", "--profile", "children", "--list", "--strict", "--json"),
    ("coverage", "--against", "{lists}", "--profile", "chidlren"),
    ("coverage", "--against", "{lists}", "--at", "nine"),
    ("coverage", "--against", "{empty}"),
    ("coverage", "--against", "{lists}/nowhere"),
    ("coverage",),
)


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


def said(run: Run, lists: Path, base: Path) -> Iterator[str]:
    """The output of each command line, and its exit code where that is not 0."""
    (base / "empty").mkdir()
    for line in LINES:
        words = [word.format(lists=lists, empty=base / "empty") for word in line]
        result = run("policies", *words)
        yield f"$ filterd policies {' '.join(words)}\n{result.stdout}"
        yield "".join(f"! {each}\n" for each in result.stderr.splitlines())
        yield f"exit code {result.exit_code}\n\n" if result.exit_code else "\n"


def test_what_people_and_scripts_see(
    run: Run, lists: Path, tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    golden("coverage.txt", "".join(said(run, lists, tmp_path)).replace(str(tmp_path), "DIR"))


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

"""The tool of ``make night``: its record, its choice of slices, and an end to everything that it started."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from tests.night import execution, record
from tests.night.__main__ import main
from tests.night.record import NightError, RecordError, Row
from tests.night.slices import PASSED, SLICES, Slice, seed_of

ROOT = Path(__file__).parents[2]
COMMIT, TREE = "c" * 40, "7" * 40
ROW = Row("good", "passed", TREE, COMMIT, "2026-12-01T20:00:00+00:00", 12, "2 passed")
SUMMARY = "echo '===== 2 passed, 1 skipped in 0.10s ====='"


def git(repository: Path, *words: str) -> str:
    settings = (
        "user.name=a", "user.email=a@filterd.example", "commit.gpgsign=false", "core.hooksPath=/dev/null"
    )  # fmt: skip
    options = [word for setting in settings for word in ("-c", setting)]
    return subprocess.run(
        ["git", *options, *words], cwd=repository, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(repository: Path, message: str = "a change") -> str:
    git(repository, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in record.OF_ANOTHER:  # in a hook of git they would lead to the repository of this suite
        monkeypatch.delenv(name, raising=False)
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "--quiet", "--initial-branch=main")
    (made / ".gitignore").write_text("build/\n")
    (made / "product.py").write_text("one\n")
    git(made, "add", "--all")
    commit(made)
    return made


def shell(name: str, text: str, seconds: int = 600) -> Slice:
    return Slice(name, f"the slice {name}", ("sh", "-c", text), seconds)


GOOD, BAD = shell("good", SUMMARY), shell("bad", "echo wrong; exit 1")


def rows_of(repository: Path) -> dict[str, Row]:
    return record.read(repository / record.PLACE)


def recorded(repository: Path, *rows: Row) -> None:
    record.write(repository / record.PLACE, rows)


# What a release may rest on


def test_a_pass_on_files_that_are_no_commit_is_no_evidence(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "product.py").write_text("not committed\n")
    assert main([], [GOOD], repository) == 0
    assert rows_of(repository)["good"].tree == record.CHANGED
    git(repository, "checkout", "--quiet", "product.py")
    assert main(["--check"], [GOOD], repository) == 1
    assert "files that are no commit" in capsys.readouterr().out


def test_what_is_skipped_counts_for_the_commit_of_now(repository: Path) -> None:
    assert main([], [GOOD], repository) == 0
    for _ in range(record.OLDEST + 1):
        commit(repository)
    assert main(["--check"], [GOOD], repository) == 1
    assert main([], [GOOD], repository) == 0
    assert main(["--check"], [GOOD], repository) == 0


def test_a_second_night_waits_for_the_first(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "build/night").mkdir(parents=True)
    with (repository / "build/night/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main([], [GOOD], repository) == 2
    assert "another night runs" in capsys.readouterr().err
    assert main([], [GOOD], repository) == 0


def test_a_shallow_clone_and_a_folder_of_another_repository_are_refused(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(repository)
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", str(tmp_path / "shallow"))
    assert main(["--check"], [GOOD], tmp_path / "shallow") == 2
    assert "git fetch --unshallow" in capsys.readouterr().err
    (repository / "build/copy").mkdir(parents=True)
    assert main([], [GOOD], repository / "build/copy") == 2
    assert "no repository of its own" in capsys.readouterr().err


def test_others_come_where_the_record_is_not_committed(repository: Path) -> None:
    slices = [shell(name, SUMMARY) for name in "abcd"]
    rows = {each.name: replace(ROW, name=each.name, seconds=1) for each in slices}
    found = [record.oldest_within(slices, rows, dict.fromkeys(rows, 3), 60, turn) for turn in range(8)]
    assert len({each.name for each in found if each is not None}) == 2, "the older half"


# The record


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / ".ci" / "night.tsv"
    assert record.read(path) == {}
    rows = [ROW, replace(ROW, name="bad", result="failed", tree="changed", figure="")]
    record.write(path, [*rows])
    assert [line.split("\t")[0][:7] for line in path.read_text().splitlines()] == ["# slice", "bad", "good"]
    assert record.read(path) == {row.name: row for row in rows}
    assert [each.name for each in path.parent.iterdir()] == ["night.tsv"]


def test_a_figure_of_several_lines_stays_one_row(tmp_path: Path) -> None:
    path = tmp_path / "night.tsv"
    record.write(path, [replace(ROW, figure="a\tb\nc\x85d")])
    assert record.read(path)["good"].figure == "a b c d"


LINE = "\t".join(("good", "passed", TREE, COMMIT, "2026-12-01T20:00:00+00:00", "12", "2 passed"))


@pytest.mark.parametrize(
    "line",
    [
        "<<<<<<< HEAD",
        LINE.replace("passed", "perhaps", 1),
        LINE.replace(COMMIT, "HEAD"),
        LINE.replace(TREE, "--output=x"),
        LINE.replace("2026-12-01", "yesterday"),
        LINE.replace("\t12\t", "\tlong\t"),
        LINE.replace("\t12\t", "\t-1\t"),
        LINE + "\tmore",
        LINE.rpartition("\t")[0],
        "other" + LINE[4:] + "\nother" + LINE[4:],
    ],
)
def test_a_damaged_row_is_named(repository: Path, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = repository / record.PLACE
    recorded(repository, ROW)
    path.write_text(path.read_text() + line + "\n")
    number = len(path.read_text().splitlines())
    with pytest.raises(RecordError, match=f"line {number} .*delete the line"):
        record.read(path)
    for words in (["--check"], ["--list"], ["--one-within", "60"], []):
        assert main(words, [GOOD], repository) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_tree_follows_every_file_but_the_record(repository: Path) -> None:
    seen = [record.tree(repository)]
    recorded(repository, ROW)
    (repository / "build").mkdir()
    (repository / "build" / "log").write_text("ignored")
    assert record.tree(repository) == seen[0]
    git(repository, "add", "--all")
    commit(repository)
    assert record.tree(repository) == seen[0], "the record is committed"
    recorded(repository, replace(ROW, seconds=13))
    assert record.tree(repository) == seen[0]

    def changed() -> bool:
        seen.append(record.tree(repository))
        return seen[-1] not in seen[:-1]

    (repository / "product.py").write_text("two\n")
    assert changed(), "a file that git knows"
    (repository / "new.py").write_text("")
    assert changed(), "a new file"
    before = record.tree(repository)
    git(repository, "add", "--all")
    commit(repository)
    assert record.tree(repository) == before, "committed or not"
    (repository / "product.py").unlink()
    assert changed(), "a file that is gone"


def test_the_tree_leaves_the_repository_as_it_is(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "new.py").write_text("uncommitted\n")
    before = git(repository, "status", "--porcelain"), git(repository, "count-objects")
    expected = record.tree(repository)
    assert (git(repository, "status", "--porcelain"), git(repository, "count-objects")) == before
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index-of-a-hook"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "of-a-hook"))
    assert record.tree(repository) == expected


def test_an_age_counts_commits(repository: Path) -> None:
    row = replace(ROW, commit=git(repository, "rev-parse", "HEAD"))
    assert record.age(repository, row) == 0
    commit(repository)
    commit(repository)
    assert record.age(repository, row) == 2
    assert record.age(repository, ROW) is None, "no such commit"
    git(repository, "checkout", "--quiet", "-b", "other", "HEAD~1")
    aside = commit(repository, "aside")
    git(repository, "checkout", "--quiet", "main")
    assert record.age(repository, replace(ROW, commit=aside)) is None, "not an ancestor"


@pytest.mark.parametrize(
    ("row", "old", "complaint"),
    [
        (ROW, 0, None),
        (ROW, 50, None),
        (ROW, 51, "its last run is 51 commits old"),
        (ROW, None, "not in the history"),
        (replace(ROW, result="failed", figure="1 failed"), 0, r"failed on 2026-12-01 \(1 failed\)"),
        (None, None, "never ran"),
    ],
)
def test_complaints(row: Row | None, old: int | None, complaint: str | None) -> None:
    rows = {} if row is None else {"good": row}
    found = record.complaints(rows, [GOOD], {"good": old})
    if complaint is None:
        assert found == []
    else:
        assert re.fullmatch(f'good: .*{complaint}.*: make night NIGHT="--slice good"', found[0])


def test_check_is_for_a_release(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(repository, replace(ROW, commit=git(repository, "rev-parse", "HEAD")))
    assert main(["--check"], [GOOD], repository) == 0
    assert capsys.readouterr().out == ""
    assert main(["--check"], [GOOD, BAD], repository) == 1
    assert capsys.readouterr().out == 'bad: never ran: make night NIGHT="--slice bad"\n'


def test_without_a_repository_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert main([], [GOOD], tmp_path) == 2
    assert "must be a git checkout" in capsys.readouterr().err
    with pytest.raises(NightError):
        record.head(tmp_path)


# A night


def test_it_goes_on_after_a_failure_and_reports(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = shell("long", "seq 100; exit 3")
    assert main([], [BAD, long, GOOD], repository) == 1
    rows = rows_of(repository)
    assert {name: (row.result, row.figure) for name, row in rows.items()} == {
        "bad": ("failed", "wrong"),
        "good": ("passed", "2 passed, 1 skipped"),
        "long": ("failed", "100"),
    }
    head, tree = git(repository, "rev-parse", "HEAD"), record.tree(repository)
    assert {(row.commit, row.tree) for row in rows.values()} == {(head, tree)}
    shown = capsys.readouterr().out
    assert [line.split()[1] for line in shown.splitlines()[:6]] == [
        "bad:", "bad:", "long:", "long:", "good:", "good:"
    ]  # fmt: skip
    assert "good: passed, 2 passed, 1 skipped (0 s)" in shown
    path = repository / "build" / "night" / "report.md"
    assert shown.endswith(f"report: {path}\n")
    report = path.read_text()
    for part in (
        f"`{tree}`",
        f"`{head}`",
        "- failed: bad, long\n",
        "| good | passed | 2 passed, 1 skipped | 0 | 0 |",
    ):
        assert part in report
    assert "\n60\n" not in report, "40 lines of a log"
    assert "\n61\n" in report
    assert "\n100\n~~~~~~~~\n" in report


def test_what_passed_on_the_same_tree_is_skipped(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = shell("good", f"echo x >>build/runs; {SUMMARY}")

    def runs() -> int:
        return len((repository / "build" / "runs").read_text().split())

    assert main([], [counted, BAD], repository) == 1
    assert main([], [counted, BAD], repository) == 1
    assert runs() == 1, "only the one that failed runs again"
    assert "good: passed on this tree" in capsys.readouterr().out
    assert "| good | passed on this tree, 2" in (repository / "build/night/report.md").read_text()
    assert main(["--again", "--slice", "good"], [counted, BAD], repository) == 0
    assert runs() == 2
    (repository / "product.py").write_text("two\n")
    assert main(["--slice", "good"], [counted, BAD], repository) == 0
    assert runs() == 3
    assert rows_of(repository)["bad"].result == "failed", "the rows of other slices stay"


def test_a_tree_that_changed_meanwhile_is_not_the_one_that_passed(repository: Path) -> None:
    changing = shell("good", f"echo x >>product.py; {SUMMARY}")
    assert main([], [changing], repository) == 0
    assert rows_of(repository)["good"].tree == record.CHANGED
    assert main([], [changing], repository) == 0
    assert (repository / "product.py").read_text() == "one\nx\nx\n"


def test_rows_of_slices_that_are_no_more_go(repository: Path) -> None:
    recorded(repository, replace(ROW, name="gone"), replace(ROW, name="bad"))
    assert main(["--slice", "good"], [GOOD, BAD], repository) == 0
    assert rows_of(repository).keys() == {"good", "bad"}


@pytest.mark.parametrize("text", ["echo comparison: skipped, no list", "echo 3 skipped in 0.1s", "true"])
def test_a_slice_that_tried_nothing_failed(repository: Path, text: str) -> None:
    assert main([], [shell("good", text)], repository) == 1
    assert rows_of(repository)["good"].result == "failed"
    assert "nothing was tried" in (repository / "build/night/good.log").read_text()


def test_a_command_that_is_missing_fails_alone(repository: Path) -> None:
    assert main([], [Slice("odd", "odd", ("no-such-command",)), GOOD], repository) == 1
    assert {name: row.result for name, row in rows_of(repository).items()} == {
        "odd": "failed",
        "good": "passed",
    }
    assert "cannot start no-such-command" in rows_of(repository)["odd"].figure


def test_a_slice_over_its_limit_failed(repository: Path) -> None:
    assert main([], [shell("slow", f"{SUMMARY}; sleep 60", seconds=0), GOOD], repository) == 1
    assert rows_of(repository)["slow"].result == "failed"
    assert rows_of(repository)["slow"].figure == "over its time limit of 0 s"


def test_list_shows_the_last_results(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(repository, replace(ROW, commit=git(repository, "rev-parse", "HEAD")))
    commit(repository)
    assert main(["--list"], [GOOD, BAD], repository) == 0
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()] == [
        "good passed, 1 commits old, 12 s the slice good",
        "bad never ran the slice bad",
    ]


def test_the_slices_get_their_environment_without_that_of_make(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", "n")
    text = 'echo "1 passed, ${MAKEFLAGS:-none} $OWN in 1s"'
    chosen = replace(shell("good", text), environment={"OWN": "own"}, figure="passed, .*")
    assert main([], [chosen], repository) == 0
    assert rows_of(repository)["good"].figure == "passed, none own in 1s"
    assert (repository / "build/night/good.log").read_text().startswith("$ OWN=own sh -c")


def test_files_of_a_slice_begin_empty(repository: Path) -> None:
    text = f"ls {{files}}; touch {{files}}/it; {SUMMARY}"
    assert [main(["--again"], [shell("good", text)], repository) for _ in range(2)] == [0, 0]
    assert "\nit\n" not in (repository / "build/night/good.log").read_text()


# What goes wrong around it


def test_a_folder_that_cannot_be_written_is_one_line(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "build").write_text("a file")
    assert main([], [GOOD], repository) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "make it writable and run make night again" in said


def test_a_failure_on_a_full_disk_is_not_recorded(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0))
    assert main([], [GOOD, BAD], repository) == 2
    assert rows_of(repository).keys() == {"good"}
    said = capsys.readouterr().err
    assert said.startswith(f"night: cannot write {repository / 'build/night'}: No space left on device")
    assert "free space there" in said


# The slice of a run of CI


def test_the_oldest_of_those_that_fit_is_picked() -> None:
    slices = [shell(name, "") for name in ("new", "old", "long", "lost", "never")]
    rows = {name: replace(ROW, name=name, seconds=60) for name in ("new", "old", "long", "lost")}
    rows["long"] = replace(rows["long"], seconds=61)
    ages: dict[str, int | None] = {"new": 3, "old": 4, "long": 9, "lost": None}

    def picked(turn: int = 0) -> str | None:
        found = record.oldest_within(slices, rows, ages, 60, turn)
        return found.name if found else None

    assert picked() == "lost"
    ages["lost"] = 0
    assert picked() == "old"
    ages["new"] = 4
    assert [picked(turn) for turn in range(4)] == ["new", "old", "new", "old"]
    rows.clear()
    assert picked() is None


def test_one_within_runs_one_and_records_it(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = git(repository, "rev-parse", "HEAD")
    second = commit(repository)
    recorded(repository, replace(ROW, commit=second), replace(ROW, name="bad", commit=first))
    assert main(["--one-within", "60"], [GOOD, BAD, shell("never", "")], repository) == 1
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert shown[:3] == ["good 0 commits old", "bad 1 commits old", "never never ran"]
    assert shown[-1] == "wrong", "the end of its log"
    assert rows_of(repository)["bad"].result == "failed"
    assert rows_of(repository)["good"].commit == second
    assert rows_of(repository).keys() == {"good", "bad"}
    assert main(["--one-within", "60", "--slice", "good"], [GOOD, BAD], repository) == 0
    assert rows_of(repository)["good"].date > ROW.date
    assert main(["--one-within", "60"], [shell("never", "")], repository) == 0


def test_a_slice_that_is_cut_has_no_result(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow, row = shell("slow", "sleep 60"), replace(ROW, name="slow", seconds=0)
    recorded(repository, row)
    assert main(["--one-within", "0.1"], [slow], repository) == 0
    assert "neither passed nor failed" in capsys.readouterr().out
    assert rows_of(repository)["slow"] == replace(row, seconds=1), "its time is known to be longer"
    assert main(["--one-within", "0.1"], [slow], repository) == 0
    assert "no slice is known to take at most" in capsys.readouterr().out


# An end to everything


@pytest.fixture
def pids(repository: Path) -> Path:
    """A pipe with a name: the slice writes process ids into it."""
    (repository / "build").mkdir()
    os.mkfifo(repository / "build" / "pids")
    return repository / "build" / "pids"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


NIGHT = """
import sys
from pathlib import Path
from tests.night import execution
from tests.night.__main__ import main
from tests.night.slices import Slice

execution.PATIENCE = tuple((number, 0.3) for number, _ in execution.PATIENCE[:2]) + execution.PATIENCE[2:]
texts = [text.partition(":") for text in sys.argv[2:]]
sys.exit(main([], [Slice(name, name, ("sh", "-c", text)) for name, _, text in texts], Path(sys.argv[1])))
"""


@pytest.fixture
def night(repository: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """A night with a slice that passes, one that sleeps and ignores signals, and one more."""
    sleeping = "trap '' INT TERM; setsid sleep 60 & one=$!; sleep 60 & echo $$ $one $! >build/pids; wait"
    words = [f"good:{SUMMARY}", f"sleeping:{sleeping}", f"more:{SUMMARY}"]
    process = subprocess.Popen(
        [sys.executable, "-c", NIGHT, str(repository), *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield [process]
    if process.poll() is None:
        process.terminate()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_slice_and_leaves_what_was_recorded(
    repository: Path, pids: Path, night: list[subprocess.Popen[str]], number: signal.Signals
) -> None:
    started = [int(word) for word in pids.read_text().split()]
    assert len(started) == 3
    assert all(map(alive, started))
    night[0].send_signal(number)
    shown, _ = night[0].communicate(timeout=60)
    assert night[0].returncode == 128 + number, shown
    assert not any(map(alive, started))
    assert rows_of(repository).keys() == {"good"}
    report = (repository / "build/night/report.md").read_text()
    assert "| sleeping | interrupted |" in report
    assert "| more | not run |" in report


def test_processes_that_outlive_their_slice_are_ended(repository: Path) -> None:
    left = shell("good", f"sleep 60 & echo $! >build/left; setsid sleep 60 & echo $! >>build/left; {SUMMARY}")
    assert main([], [left], repository) == 0
    started = [int(word) for word in (repository / "build" / "left").read_text().split()]
    assert len(started) == 2
    assert not any(map(alive, started))


def test_the_handlers_of_signals_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with execution.Interruption():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


# The table


def test_seeds_differ_from_night_to_night() -> None:
    seeds = [seed_of(date(2026, 12, day), commits) for day, commits in ((1, 7), (1, 8), (2, 8), (3, 8))]
    assert seeds == sorted(set(seeds))
    assert min(after - before for before, after in pairwise(seeds)) >= 1000


@pytest.mark.parametrize(
    ("line", "figure"),
    [
        ("===== 612 passed, 3 skipped in 72.31s (0:01:12) =====", "612 passed, 3 skipped"),
        ("== 1 failed, 612 passed, 2 rerun in 72.31s ==", "1 failed, 612 passed, 2 rerun"),
        ("1 passed in 0.01s", "1 passed"),
        ("== 3 skipped in 0.01s ==", None),
        ("== 2 failed, 1 error in 0.01s ==", None),
        ("== no tests ran in 0.01s ==", None),
    ],
)
def test_summaries_of_pytest(line: str, figure: str | None) -> None:
    found = re.search(PASSED, line)
    assert (found and found[1]) == figure


def test_a_figure_is_the_last_line_that_fits(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("== 1 passed in 1s ==\n== 2 passed in 1s ==\nmore\nmake: *** [Makefile:1: it] Error 1\n")
    assert execution.figure_of(log, PASSED) == ("2 passed", True)
    assert execution.figure_of(log, "^never") == ("more", False)
    log.write_bytes(b"\xff" + b"x" * 200)
    assert execution.figure_of(log, "x+") == ("x" * 100, True)


def test_the_slices_are_well_formed(tmp_path: Path) -> None:
    names = [each.name for each in SLICES]
    assert len(set(names)) == len(names)
    targets = re.findall(r"^([a-z-]+)(?: [a-z -]+)?:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for each in SLICES:
        assert re.fullmatch("[a-z][a-z0-9-]+", each.name)
        words = each.words(7, tmp_path)
        assert not any("{" in word for word in words)
        re.compile(each.figure)
        if words[0] == "make":
            assert words[2] in targets


def test_each_folder_of_tests_is_in_a_slice_of_the_ring() -> None:
    parts = [
        word.removeprefix("--part=")
        for each in SLICES
        if "--ring=night" in each.command
        for word in each.command
        if word.startswith("--part=")
    ]
    folders = {
        f"tests/{path.relative_to(ROOT / 'tests').parts[0]}" for path in (ROOT / "tests").rglob("test_*.py")
    }
    assert sorted(parts) == sorted(folders), "tests/night/slices.py names each folder once"

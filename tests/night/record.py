"""The record of the night, ``.ci/night.tsv``: the last result of each slice, its tree and its commit.

It is committed. The hash of a tree leaves it out, so that writing it does not make results out of date.

    NightError      said in one line: it tells what to do
    +- RecordError      a damaged row of the record
    +- RepositoryError  git cannot answer
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

from tests.night.slices import Slice

PLACE = Path(".ci", "night.tsv")
HEADER = (
    "# slice, result, tree, commit, date (UTC), seconds, figure: the last run of each slice of make night\n"
)
PASSED, FAILED = "passed", "failed"
CHANGED = "changed"
"""in place of the tree: files changed while the slice ran"""
OLDEST = 50
"""commits after which a result is out of date"""
LONGEST_FIGURE = 100
TRIES = 3
"""of the hash of a tree: git fails if a file goes away while it reads the folder"""
HASH = re.compile(r"[0-9a-f]{40,64}")
OF_ANOTHER = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)
"""variables that a hook of git sets for its own repository"""


class NightError(Exception):
    """The night cannot go on; says what to do."""


class RecordError(NightError):
    """A row of the record cannot be read."""


class RepositoryError(NightError):
    """Git cannot say what the record needs."""


@dataclass(frozen=True, slots=True)
class Row:
    """The last result of one slice."""

    name: str
    result: str
    """:data:`PASSED` or :data:`FAILED`"""
    tree: str
    """hash of the files it ran on, or :data:`CHANGED` where they are no commit"""
    commit: str
    """HEAD when it began"""
    date: str
    """its end, UTC, ISO 8601"""
    seconds: int
    figure: str


def read(path: Path) -> dict[str, Row]:
    """Slice -> its row; empty without a file. Raises :class:`RecordError`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        message = f"{path} is no UTF-8 text ({error}): delete it and run make night"
        raise RecordError(message) from error
    rows: dict[str, Row] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            row = _row(line)
            if row is None or row.name in rows:
                wrong = "is damaged" if row is None else f"is a second row of {row.name}"
                message = f"{path}: line {number} {wrong}: delete the line: {line[:60]!r}"
                raise RecordError(message)
            rows[row.name] = row
    return rows


def _row(line: str) -> Row | None:
    """The row of a line; None if it is damaged."""
    try:
        name, result, tree, commit, date, seconds, figure = line.split("\t")
        datetime.fromisoformat(date)
        row = Row(name, result, tree, commit, date, int(seconds), figure)
    except ValueError:
        return None
    hashes = HASH.fullmatch(commit) and (tree == CHANGED or HASH.fullmatch(tree))
    return row if name and result in (PASSED, FAILED) and hashes and row.seconds >= 0 else None


def write(path: Path, rows: Iterable[Row]) -> None:
    """Replace the file: all of the new rows or all of the old ones are there, whatever happens."""
    ordered = sorted(rows, key=lambda row: row.name)
    lines = ["\t".join(" ".join(str(cell).split()) for cell in astuple(row)) for row in ordered]
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(HEADER + "".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def tree(root: Path) -> str:
    """The hash of the working tree, uncommitted files included, without the record and what git ignores.

    It is made with an index and a store of objects of its own: the repository stays as it is.
    Raises :class:`RepositoryError`.
    """
    for _ in range(TRIES - 1):
        with contextlib.suppress(RepositoryError):
            return _tree(root)
    return _tree(root)


def _tree(root: Path) -> str:
    objects = (root / _git(root, "rev-parse", "--git-path", "objects")).resolve()
    with tempfile.TemporaryDirectory(prefix="night-") as folder:
        own = {
            "GIT_INDEX_FILE": str(Path(folder, "index")),
            "GIT_OBJECT_DIRECTORY": str(Path(folder, "objects")),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
        }
        Path(folder, "objects").mkdir()
        _git(root, "read-tree", "HEAD", environment=own)
        _git(root, "add", "--all", environment=own)
        _git(root, "rm", "--quiet", "--cached", "--ignore-unmatch", "--", str(PLACE), environment=own)
        return _git(root, "write-tree", environment=own)


def is_committed(root: Path) -> bool:
    """Return whether the working tree is that of HEAD; the record does not count. Raises
    :class:`RepositoryError`."""
    return not _git(root, "status", "--porcelain", "--untracked-files=all", "--", ".", f":(exclude){PLACE}")


def require_history(root: Path) -> None:
    """Raise :class:`RepositoryError` unless ``root`` is the top of a repository with all of its history."""
    top = Path(_git(root, "rev-parse", "--show-toplevel"))
    if top.resolve() != root.resolve():
        message = f"{root} is no repository of its own, but a folder of {top}: clone it"
        raise RepositoryError(message)
    if _git(root, "rev-parse", "--is-shallow-repository") == "true":
        message = "a shallow clone has no ages of slices: git fetch --unshallow"
        raise RepositoryError(message)


def head(root: Path) -> str:
    """The commit of HEAD."""
    return _git(root, "rev-parse", "--verify", "HEAD")


def commits(root: Path) -> int:
    """The number of commits of HEAD's history."""
    return int(_git(root, "rev-list", "--count", "HEAD"))


def age(root: Path, row: Row) -> int | None:
    """Commits since the row's commit; None if that is unknown or not in the history of HEAD."""
    if _run(root, "merge-base", "--is-ancestor", row.commit, "HEAD").returncode != 0:
        return None
    return int(_git(root, "rev-list", "--count", f"{row.commit}..HEAD"))


def all_ages(root: Path, rows: Mapping[str, Row]) -> dict[str, int | None]:
    """Slice -> the age of its row."""
    return {name: age(root, row) for name, row in rows.items()}


def complaints(rows: Mapping[str, Row], slices: Sequence[Slice], ages: Mapping[str, int | None]) -> list[str]:
    """A line for each slice that never ran, failed, or is more than :data:`OLDEST` commits old."""
    found = []
    for name in (each.name for each in slices):
        wrong = _wrong(rows.get(name), ages.get(name))
        if wrong:
            found.append(f'{name}: {wrong}: make night NIGHT="--slice {name}"')
    return found


def _wrong(row: Row | None, old: int | None) -> str:
    """Why a slice must run again; empty if it need not."""
    if row is None:
        return "never ran"
    if row.result == FAILED:
        return f"failed on {row.date[:10]} ({row.figure})"
    if row.tree == CHANGED:
        return "it ran on files that are no commit"
    if old is None:
        return f"its last run was on commit {row.commit[:8]}, which is not in the history of HEAD"
    return f"its last run is {old} commits old, {OLDEST} at most" if old > OLDEST else ""


def oldest_within(
    slices: Sequence[Slice],
    rows: Mapping[str, Row],
    ages: Mapping[str, int | None],
    seconds: float,
    turn: int,
) -> Slice | None:
    """One of the older half of the slices that took at most so long; an unknown age is the oldest.

    ``turn`` picks it, so that others come on a machine that cannot commit the record. None: no slice is known
    to fit.
    """
    fitting = [each for each in slices if each.name in rows and rows[each.name].seconds <= seconds]

    def oldest_first(each: Slice) -> tuple[float, str]:
        age = ages[each.name]
        return -math.inf if age is None else -age, rows[each.name].date

    older = sorted(fitting, key=oldest_first)[: (len(fitting) + 1) // 2]
    return older[turn % len(older)] if older else None


def _run(
    root: Path, *words: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A git command. It has a session of its own: Ctrl-C is for the slice, and must not break off git."""
    kept = {name: value for name, value in os.environ.items() if name not in OF_ANOTHER}
    try:
        return subprocess.run(
            ["git", *words],
            cwd=root,
            env={**kept, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        message = "git is missing: apt-get install git"
        raise RepositoryError(message) from error


def _git(root: Path, *words: str, environment: Mapping[str, str] | None = None) -> str:
    """The output of a git command. Raises :class:`RepositoryError` if it fails."""
    done = _run(root, *words, environment=environment)
    if done.returncode != 0:
        said = "; ".join(done.stderr.strip().splitlines()) or f"exit code {done.returncode}"
        needs = f"{root} must be a git checkout, and the temporary folder have room"
        message = f"git {words[0]} failed ({said}): {needs}"
        raise RepositoryError(message)
    return done.stdout.strip()

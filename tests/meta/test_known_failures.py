"""``docs/known-failures.md`` names tests that exist, at least one for each failure."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/known-failures.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
COLUMNS = 4


def proven_rows() -> list[str]:
    """The rows of the tables that name tests."""
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [row for row in rows if row.count(" | ") == COLUMNS - 1 and "| proven by |" not in row]


def functions(path: Path) -> set[str]:
    """The names of the functions of a module."""
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_failure_names_a_test() -> None:
    rows = [row for row in proven_rows() if not row.startswith("| ---")]
    assert len(rows) > 15
    assert [row for row in rows if not TEST.search(row)] == []


@pytest.mark.ring("night")
def test_every_named_test_exists() -> None:
    named = set(TEST.findall(PAGE.read_text()))
    missing = [
        f"{path}::{name}"
        for path, name in sorted(named)
        if not (ROOT / path).is_file() or name not in functions(ROOT / path)
    ]
    assert missing == []

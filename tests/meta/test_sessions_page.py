"""``docs/sessions.md``: each row of the order of trust names tests that exist."""

from __future__ import annotations

import ast
import re

from filterd.model.identity import Method
from tests.meta.test_known_failures import ROOT, TEST, functions

PAGE = ROOT / "docs/sessions.md"
CASES = ROOT / "tests/fronts/test_identities.py"
ROW = re.compile(r"^\| (\d) \|.*\| ([^|]+) \|$", re.MULTILINE)
CASE = re.compile(r'"([^"]+)"')


def proofs() -> list[str]:
    """The last column of the order of trust, row by row."""
    text = PAGE.read_text().partition("\n## The order of trust\n")[2].partition("\n## ")[0]
    rows = ROW.findall(text)
    assert [int(number) for number, _ in rows] == list(range(1, len(Method) + 1))
    return [proof for _, proof in rows]


def cases() -> set[str]:
    """The clients that are asked of a running resolver behind a front."""
    for node in ast.parse(CASES.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            targets = [each.id for each in node.targets if isinstance(each, ast.Name)]
            if targets == ["ROWS"]:
                return {ast.literal_eval(each) for each in node.value.keys if each is not None}
    msg = f"{CASES} has no ROWS"
    raise AssertionError(msg)


def test_every_row_of_the_order_of_trust_is_asked_behind_a_front() -> None:
    assert [proof for proof in proofs() if not CASE.search(proof)] == []
    named = {case for proof in proofs() for case in CASE.findall(proof)}
    assert named == cases()


def test_every_test_that_the_order_of_trust_names_exists() -> None:
    named = {each for proof in proofs() for each in TEST.findall(proof)}
    assert named, "no row names a test beside the cases"
    assert [f"{path}::{name}" for path, name in sorted(named) if name not in functions(ROOT / path)] == []

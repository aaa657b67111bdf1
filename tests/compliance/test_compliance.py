"""filterd's side of the compliance cases, and that the page tells of exactly these cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compliance.case import Case
from tests.compliance.collection import CASES
from tests.compliance.exchange import perform
from tests.compliance.systems import filterd
from tests.compliance.table import rows
from tests.compliance.upstream import scripted

PAGE = Path(__file__).parents[2] / "docs" / "compliance.md"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """One resolver for all cases."""
    with (
        scripted() as upstream,
        filterd(tmp_path_factory.mktemp("compliance") / "filterd", upstream) as ready,
    ):
        yield ready


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, port: int) -> None:
    assert case.faults(perform(case, port)) == [], f"{case.section}: {case.says}"


def test_cases_are_many_and_each_cites_its_section() -> None:
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)
    assert [case.name for case in CASES if not re.match(r"RFC \d{4}( §\d+(\.\d+)*)?$", case.section)] == []


def test_the_page_tells_of_exactly_these_cases() -> None:
    written = [
        line.rsplit(" | ", 4)[0] for line in PAGE.read_text().splitlines() if "/" in line and line[0] == "|"
    ]
    expected = [
        line.rsplit(" | ", 4)[0] for line in rows({s: {c.name: () for c in CASES} for s in "1234"}, CASES)
    ]
    assert written == expected, "docs/compliance.md is stale: make compliance"


def test_no_difference_is_without_a_reason() -> None:
    assert "Not explained." not in PAGE.read_text()

"""docs/request-costs.md has a row for each call, page and listener, and none is above its bound."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.web.api.test_matrix import MATRIX
from tests.unit.web.test_page_matrix import ROWS

PAGE = Path(__file__).parents[2] / "docs" / "request-costs.md"
ACCEPTED_MS, REFUSED_MS = 100.0, 20.0
LISTENERS = {"api", "block page"}


def _rows() -> dict[str, list[str]]:
    found = re.findall(r"^\| `(.+?)` \|(.+)\|$", PAGE.read_text(), re.MULTILINE)
    return {name: [each.strip() for each in cells.split("|")] for name, cells in found}


def test_each_call_page_and_listener_has_a_row() -> None:
    wanted = {f"{method.upper()} {path}" for method, path in MATRIX} | LISTENERS | ROWS.keys()
    wanted |= {f"{method} {path}" for pages in ROWS.values() for method, path in pages}
    assert wanted == _rows().keys()


def test_no_row_is_above_its_bound() -> None:
    above = [
        name
        for name, (_, _, _, accepted, _, refused) in _rows().items()
        if float(accepted or 0) > ACCEPTED_MS or float(refused or 0) > REFUSED_MS
    ]
    assert not above

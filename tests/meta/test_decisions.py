"""Decisions have one form, and each stands once in the index."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.meta.decisions import FOLDER, FormError, all_of_them, index, read

PAGE = """\
# 0033: A title

Date: 2026-11-26. Status: accepted.

**Context.** Why.

**Decision.** What.

**Consequences.** So.
"""


def test_every_page_has_the_form_and_a_number_of_its_own() -> None:
    numbers = Counter(each.number for each in all_of_them())
    assert numbers
    assert [number for number, times in numbers.items() if times > 1] == []


def test_the_index_lists_every_page_once() -> None:
    text = index("")
    pages = [page.name for page in FOLDER.glob("*.md") if page.name != "README.md"]
    assert pages
    assert [page for page in pages if text.count(f"| [{page[:4]}]({page}) |") != 1] == []


def test_a_page_that_is_superseded_names_one_that_holds() -> None:
    found = {each.number: each for each in all_of_them()}
    for each in found.values():
        if each.superseded_by:
            assert found[each.superseded_by].superseded_by is None, each.page


def test_a_page_in_its_form_is_read() -> None:
    assert read("0033-a-title.md", PAGE).title == "A title"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# 0033: ", "# "),
        ("# 0033: ", "# 0034: "),
        ("Date: 2026-11-26. ", ""),
        ("accepted.", "considered."),
        ("accepted.", "superseded by [0999](0999-nothing.md)."),
        ("**Decision.** What.\n\n", ""),
        ("**Context.**", "Context."),
    ],
)
def test_a_page_in_another_form_is_refused(old: str, new: str) -> None:
    with pytest.raises(FormError, match="0033-a-title"):
        read("0033-a-title.md", PAGE.replace(old, new))

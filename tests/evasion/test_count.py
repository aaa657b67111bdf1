"""The suite's own promise: a file a way in, and enough forms of them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.evasion import table


def test_there_are_enough_forms() -> None:
    counted = {name: len(table.forms(name)) for name in table.files()}
    assert sum(counted.values()) >= table.LEAST, counted
    assert all(counted.values()), counted


@pytest.mark.parametrize("name", table.files())
def test_every_form_has_a_word_of_its_own(name: str) -> None:
    words = Counter(form.id for form in table.forms(name))
    assert [word for word, times in words.items() if times > 1] == []

"""What the cache's hit rate is held against, and that it is measured on the real cache."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from bench.hits import best, lru, measure_hits


@pytest.mark.parametrize(
    ("asked", "share"),
    [
        ([1, 2, 1, 2], 1.0),
        ([1, 2, 3, 1], 0.0),
        ([1, 2, 3, 2, 3, 1], 2 / 3),
        ([1, 2, 1, 3, 1, 2], 1 / 3),
    ],
)
def test_lru_drops_what_was_not_used_for_longest(asked: Sequence[int], share: float) -> None:
    assert lru(asked, 2) == pytest.approx(share)


def test_the_best_holds_the_most_popular_and_nothing_that_is_asked_once() -> None:
    assert best([9, 9, 0, 1, 2, -3], 2) == pytest.approx(1 / 3)


@pytest.mark.ring("night")
def test_the_cache_is_between_lru_and_the_best() -> None:
    found = measure_hits(60_000, once=3)
    assert 1000 < found["entries"] < 4000
    assert found["LRU"] < found["S3-FIFO"] < found["best"]

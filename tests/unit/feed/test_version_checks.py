"""The guard on a feed's new version: by its size, by what it had a week ago, by what was exchanged."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.version_checks import Sizes, changes, exchange_refusal, size_refusal
from filterd.policy.canonical import CanonicalError
from filterd.policy.feed_documents import Guard

GUARD = Guard(min_names=10, max_shrink=0.5, max_grow=2, max_exchange=0.25, max_week_shrink=0.6)


@pytest.mark.parametrize(
    ("before", "week", "after", "word"),
    [
        (None, 0, 10, None),
        (None, 0, 9, "min_names"),
        (100, 100, 0, "min_names"),
        (100, 100, 50, None),
        (100, 100, 49, "max_shrink"),
        (100, 100, 300, None),
        (100, 100, 301, "max_grow"),
        (0, 0, 5000, None),
        (100, 150, 60, None),
        (100, 151, 60, "max_week_shrink"),
    ],
)
def test_the_guard_on_sizes(before: int | None, week: int, after: int, word: str | None) -> None:
    found = size_refusal(GUARD, Sizes(before, week), after)
    assert (None if found is None else found.reason.value) == word
    assert found is None or found.reason.value in found.text


def text(names: Iterator[str] | list[str]) -> bytes:
    return "".join(sorted(f"{name}.example\n" for name in names)).encode()


@pytest.mark.parametrize(
    ("kept", "new", "refused"),
    [(100, 0, False), (75, 25, False), (74, 26, True), (0, 100, True), (60, 0, False), (50, 0, False)],
)
def test_the_guard_on_exchange(kept: int, new: int, refused: bool) -> None:
    before = text([f"a{number}" for number in range(100)])
    after = text([*(f"a{number}" for number in range(kept)), *(f"b{number}" for number in range(new))])
    found = exchange_refusal(GUARD, 100, changes([before], [after]))
    assert (found is not None) is refused


def test_shrinking_to_the_bound_does_not_hide_that_every_name_was_exchanged() -> None:
    guard = Guard(max_shrink=0.5, max_exchange=0.5)
    before, after = text([f"a{number}" for number in range(100)]), text([f"b{n}" for n in range(50)])
    assert size_refusal(guard, Sizes(100, 100), 50) is None
    assert exchange_refusal(guard, 100, changes([before], [after])) is not None


LINES = st.frozensets(st.text("abc.", min_size=1, max_size=5).map(str.encode), max_size=40)


@given(LINES, LINES, st.integers(1, 30), st.integers(1, 30))
def test_changes_are_what_sets_say(old: frozenset[bytes], new: frozenset[bytes], one: int, two: int) -> None:
    def pieces(lines: frozenset[bytes], size: int) -> list[bytes]:
        whole = b"".join(line + b"\n" for line in sorted(lines))
        return [whole[start : start + size] for start in range(0, len(whole), size)]

    found = list(changes(pieces(old, one), pieces(new, two)))
    gone = [line for each in found for line in each.gone]
    added = [line for each in found for line in each.added]
    assert sorted(gone) == sorted(old - new)
    assert sorted(added) == sorted(new - old)


def test_a_text_that_is_cut_is_not_compared() -> None:
    with pytest.raises(CanonicalError):
        list(changes([b"one.example\n"], [b"one.exam"]))


@pytest.mark.ring("night")
def test_long_lists_are_compared_in_little_memory() -> None:
    def long(word: str) -> Iterator[bytes]:
        for block in range(200):
            yield "".join(f"{block:04}{line:05}{word}.example\n" for line in range(1000)).encode()

    tracemalloc.start()
    try:
        gone = sum(len(each.gone) for each in changes(long("a"), long("b")))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert gone == 200_000
    assert peak < 4 << 20

"""The native sorting of a list's names gives what Python's sets and sorting give, whatever the names are."""

from __future__ import annotations

from random import Random
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed import sorted_names, sorted_names_reference

OCTETS = bytes(range(0x21, 0x7F))
alike = st.text("ab.-", min_size=1, max_size=24)
long = st.builds(lambda name, times: (name * times)[:255], alike, st.integers(1, 255))
names = st.one_of(alike, long, st.just("")).map(lambda name: name.encode())
runs = st.lists(st.lists(names, max_size=80), max_size=6)
TWINS = pytest.mark.parametrize("module", [sorted_names, sorted_names_reference], ids=["native", "reference"])


def joined(lines: list[bytes]) -> bytes:
    """The lines, each with its newline."""
    return b"".join(line + b"\n" for line in lines)


def test_the_native_one_is_loaded() -> None:
    assert sorted_names.__file__.endswith(".so")


@given(runs, st.sampled_from([0, 64, 1 << 26]))
def test_both_sort_alike(given_runs: list[list[bytes]], step: int) -> None:
    """Also where repeated names are dropped between the runs."""
    native, reference = sorted_names.NameSorter(step), sorted_names_reference.NameSorter(step)
    for run in given_runs:
        native.add(joined(run))
        reference.add(joined(run))
    assert native.finish() == reference.finish()


@pytest.mark.parametrize("seed", range(4))
def test_many_names_of_few_beginnings(seed: int) -> None:
    """Deep groups: names that part after their eighth, sixteenth, two-hundredth octet, in many copies."""
    chance = Random(seed)
    starts = [bytes(chance.choices(OCTETS, k=length)) for length in (0, 1, 7, 8, 9, 15, 16, 17, 200, 247)]
    lines = [
        chance.choice(starts)
        + bytes(chance.choices(OCTETS[: chance.choice((2, 90))], k=chance.randint(1, 8)))
        for _ in range(20_000)
    ]
    sorter = sorted_names.NameSorter(step=seed * 5_000)
    for at in range(0, len(lines), 3000):
        sorter.add(joined(lines[at : at + 3000]))
    assert sorter.finish() == joined(sorted(set(lines)))


def test_names_that_part_octet_by_octet() -> None:
    """The deepest recursion that names can force: each name is the one before it, and an octet more."""
    lines = [b"a" * length for length in range(1, 256) for _ in range(40)]
    sorter = sorted_names.NameSorter()
    sorter.add(joined(lines[::-1]))
    assert sorter.finish() == joined([b"a" * length for length in range(1, 256)])


@TWINS
@pytest.mark.parametrize(
    "run", [b"a", b"a\nb", b"a" * 256 + b"\n", b"a b\n", b"a\0\n", b"a\x7f\n", b"caf\xc3\xa9\n", b"\r\n"]
)
def test_no_names(module: ModuleType, run: bytes) -> None:
    sorter = module.NameSorter(step=0)
    sorter.add(b"a.example\n\na.example\n")
    with pytest.raises(ValueError):
        sorter.add(b"b.example\n" + run)
    assert sorter.finish() == b"a.example\n"


@TWINS
def test_a_sorter_is_used_once(module: ModuleType) -> None:
    sorter = module.NameSorter()
    assert sorter.finish() == b""
    with pytest.raises(ValueError):
        sorter.finish()
    with pytest.raises(ValueError):
        sorter.add(b"a.example\n")


@given(st.sets(names), st.sets(names))
def test_both_find_the_same_in_common(one: set[bytes], other: set[bytes]) -> None:
    texts = [joined(sorted(lines)) for lines in (one, other)]
    assert sorted_names.common_names(*texts) == sorted_names_reference.common_names(*texts)
    assert sorted_names.common_names(*texts) == sorted(one & other)


@TWINS
def test_texts_without_a_last_newline_have_nothing_in_common(module: ModuleType) -> None:
    for texts in ((b"a", b"a\n"), (b"a\n", b"a")):
        with pytest.raises(ValueError):
            module.common_names(*texts)

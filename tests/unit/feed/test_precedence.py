"""The bounds on the work and the memory that a list's own precedence takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from filterd.feed.parsing import ParseReport, parse
from filterd.feed.precedence import Cover, ListRules, Rank, Sparing, by_rank
from filterd.feed.source import TooLargeError
from filterd.model.rule import Action, Scope
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes

EXCEPTION = (Rank.PLAIN, Action.ALLOW, Scope.SUBTREE)


def rules(sparing: set[Sparing]) -> int:
    """The number of rules that such a list gives."""
    return sum(run.count for run in by_rank(ListRules(sparing=sparing)))


@pytest.mark.ring("night")
def test_rules_that_spare_names_are_compared_a_bounded_number_of_times() -> None:
    """A hostile list holds nobody up: one that would is refused whole."""
    apart = {Sparing(f"a{n}.example", Scope.SUBTREE, frozenset({f"x.a{n}.example"})) for n in range(20_000)}
    assert rules(apart) == 40_000
    together = {Sparing("a.example", Scope.SUBTREE, frozenset({f"x{n}.a.example"})) for n in range(2_000)}
    with pytest.raises(TooLargeError, match="denyallow"):
        rules(together)


@pytest.mark.parametrize("cancels", [False, True])
def test_other_entries_take_a_bounded_amount_of_memory(cancels: bool) -> None:
    """A repeated one takes nothing; the first that does not fit refuses the list."""
    held = ListRules(room=3 * 120)
    for name in ("a.example", "b.example", "a.example", "c.example", "b.example"):
        held.add_claim(EXCEPTION, name, cancels=cancels)
    with pytest.raises(TooLargeError, match="beside plain blocks take more than 72 MB"):
        held.add_claim(EXCEPTION, "d.example", cancels=cancels)


@pytest.mark.parametrize("cancels", [False, True])
def test_each_spared_name_takes_memory(cancels: bool) -> None:
    two = Sparing("a.example", Scope.SUBTREE, frozenset({"x.a.example", "y.a.example"}))
    many = Sparing("b.example", Scope.SUBTREE, frozenset(f"x{n}.b.example" for n in range(9)))
    held = ListRules(room=2000)
    held.add_sparing(two, cancels=cancels)
    held.add_sparing(two, cancels=cancels)
    with pytest.raises(TooLargeError):
        held.add_sparing(many, cancels=cancels)


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (Format.DNSMASQ, "server=/{deep}.n{n}/192.0.2.1\n"),
        (Format.ADBLOCK, "||n{n}.example^$denyallow={deep}.n{n}.example\n"),
    ],
)
def test_each_name_above_an_entry_takes_memory(form: Format, line: str) -> None:
    """They are looked for among the plain blocks, and held for that; a repeated entry takes none."""
    deep = ".".join("a" * 110)

    def lines(first: int, last: int) -> bytes:
        return "".join(line.format(deep=deep, n=n) for n in range(first, last)).encode()

    def read(*blocks: bytes) -> None:
        for _ in parse(blocks, form, Scope.SUBTREE, Suffixes(), ParseReport()):
            pass

    read(lines(0, 1_500), lines(0, 1_500))
    with pytest.raises(TooLargeError, match="beside plain blocks"):
        read(lines(0, 1_500), lines(1_500, 4_500))


@pytest.mark.parametrize("line", ["@@||n{}.example^", "||n{}.example^$badfilter", "||n{}.example^$important"])
def test_a_list_of_exceptions_alone_is_refused(line: str) -> None:
    """As the reading of a file does it: the entry that is one too many ends the reading."""
    taken = 0

    def blocks() -> Iterator[bytes]:
        nonlocal taken
        for start in range(0, 10_000_000, 20_000):
            taken = start
            yield "".join(f"{line}\n".format(n) for n in range(start, start + 20_000)).encode()

    with pytest.raises(TooLargeError, match="beside plain blocks"):
        for _ in parse(blocks(), Format.ADBLOCK, Scope.SUBTREE, Suffixes(), ParseReport()):
            pass
    assert 500_000 < taken < 700_000


@pytest.mark.parametrize(("count", "kept"), [(50_000, True), (50_001, False)])
def test_a_large_cover_does_without_the_ends_of_its_names(count: int, kept: bool) -> None:
    """And covers the same."""
    cover = Cover((f"n{n}.example", Scope.SUBTREE) for n in range(count))
    assert (cover.ends is not None) is kept
    assert cover.at("n3.example")
    assert cover.below("a.n49999.example")
    assert not cover.at("other.example")


def test_exceptions_past_the_kept_ends_lift_the_same_blocks() -> None:
    """The plain blocks of a list beside few exceptions, and beside very many."""
    for count in (3, 60_000):
        lines = [f"@@||n{n}.example^" for n in range(count)]
        lines += ["||a.n1.example^", "||n2.example^", "||other.example^"]
        text = "".join(f"{line}\n" for line in lines).encode()
        report = ParseReport()
        found = [
            name
            for run in parse([text], Format.ADBLOCK, Scope.SUBTREE, Suffixes(), report)
            for name in run.names.decode().split()
            if run.action is Action.BLOCK
        ]
        assert found == ["other.example"]

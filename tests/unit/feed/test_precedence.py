"""The bound on the work that a list's own precedence takes."""

from __future__ import annotations

import pytest

from filterd.feed.precedence import ListRules, Sparing, by_rank
from filterd.feed.source import TooLargeError
from filterd.model.rule import Scope


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

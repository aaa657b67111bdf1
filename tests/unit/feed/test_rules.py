"""A list once it is read."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.parsing import Run
from filterd.feed.rules import collect
from filterd.model.rule import Action, NameRule, Scope

RUNS = st.lists(
    st.builds(
        lambda scope, action, names: Run(scope, action, "".join(f"{name}\n" for name in names).encode()),
        st.sampled_from(Scope),
        st.sampled_from(Action),
        st.lists(st.from_regex(r"[a-z]{1,3}\.[a-z]{1,3}", fullmatch=True), max_size=6),
    ),
    max_size=8,
)


@given(RUNS, st.randoms())
def test_order_and_repetition_do_not_count(runs: list[Run], chance: Random) -> None:
    shuffled = runs * 2
    chance.shuffle(shuffled)
    assert collect(runs) == collect(shuffled)


@given(RUNS)
def test_every_rule_is_there_once(runs: list[Run]) -> None:
    given_rules = {
        NameRule(name, run.scope, run.action) for run in runs for name in run.names.decode().splitlines()
    }
    listed = list(collect(runs).rules())
    assert set(listed) == given_rules
    assert len(listed) == collect(runs).count == len(given_rules)


def test_sections_are_sorted() -> None:
    rules = collect(
        [
            Run(Scope.SUBTREE, Action.BLOCK, b"b.example\na.example\n"),
            Run(Scope.EXACT, Action.ALLOW, b"c.example\n"),
            Run(Scope.EXACT, Action.BLOCK, b""),
        ]
    )
    assert rules.sections == (
        Run(Scope.SUBTREE, Action.BLOCK, b"a.example\nb.example\n"),
        Run(Scope.EXACT, Action.ALLOW, b"c.example\n"),
    )

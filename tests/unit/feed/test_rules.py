"""A list once it is read; the guard on its new version; popular names in the wrong list."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.parsing import Run
from filterd.feed.rules import collect
from filterd.feed.version_checks import guard_refusal, unexpected_names
from filterd.model.rule import Action, NameRule, Scope
from filterd.policy.documents import Expected
from filterd.policy.feed_documents import Guard

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


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (None, 10, None),
        (None, 9, "min_names"),
        (100, 0, "min_names"),
        (100, 50, None),
        (100, 49, "max_shrink"),
        (100, 300, None),
        (100, 301, "max_grow"),
        (0, 5000, None),
    ],
)
def test_the_guard(before: int | None, after: int, word: str | None) -> None:
    reason = guard_refusal(Guard(min_names=10, max_shrink=0.5, max_grow=2), before, after)
    assert (reason is None) if word is None else (reason is not None and word in reason)


EXPECTED = (
    Expected("google.com", ()),
    Expected("roblox.com", ("games",)),
    Expected("docs.example.org", ()),
)


@pytest.mark.parametrize(
    ("run", "found"),
    [
        (Run(Scope.EXACT, Action.BLOCK, b"google.com\nroblox.com\n"), ("google.com", "roblox.com")),
        (Run(Scope.SUBTREE, Action.BLOCK, b"example.org\n"), ("docs.example.org",)),
        (Run(Scope.EXACT, Action.BLOCK, b"example.org\nmaps.google.com\n"), ()),
        (Run(Scope.BELOW, Action.BLOCK, b"google.com\n"), ()),
        (Run(Scope.BELOW, Action.BLOCK, b"example.org\n"), ("docs.example.org",)),
        (Run(Scope.SUBTREE, Action.ALLOW, b"google.com\n"), ()),
    ],
)
def test_popular_names_in_the_wrong_list(run: Run, found: tuple[str, ...]) -> None:
    assert unexpected_names(collect([run]), "adult", EXPECTED) == found


def test_popular_names_in_the_right_list() -> None:
    rules = collect([Run(Scope.SUBTREE, Action.BLOCK, b"roblox.com\n")])
    assert unexpected_names(rules, "games", EXPECTED) == ()

"""A line's own changes to its profile, and the text that names them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.model.adjustments import (
    KINDS,
    MOST_HOLIDAYS,
    MOST_ONCE,
    MOST_SLOTS,
    UNADJUSTED,
    Adjustments,
    AdjustmentsError,
    Difference,
    from_text,
    policy_key,
    read_key,
    to_text,
)
from filterd.model.changelog import LineChange, decode, encode
from filterd.model.line import LineChoices
from filterd.model.slot import OneSlot, Slot

IDS = st.sets(st.text("abcdef-", min_size=1, max_size=8), max_size=5)


@st.composite
def differences(draw: st.DrawFn) -> Difference:
    """Sorted, and none in both."""
    added, taken = draw(IDS), draw(IDS)
    return Difference(tuple(sorted(added - taken)), tuple(sorted(taken - added)))


CLOSED = {
    "everything": st.booleans(),
    "categories": IDS.map(lambda ids: tuple(sorted(ids))),
    "services": IDS.map(lambda ids: tuple(sorted(ids))),
    "leaves": st.none() | IDS.map(lambda ids: tuple(sorted(ids))),
}
SLOTS = st.builds(
    Slot,
    days=st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days))),
    start=st.integers(0, 1439),
    end=st.integers(0, 1440),
    **CLOSED,
)
ONCE = st.integers(0, 10**10).flatmap(
    lambda begin: st.builds(OneSlot, begin=st.just(begin), end=st.integers(begin, 10**10 + 1), **CLOSED)
)
ADJUSTMENTS = st.builds(
    Adjustments,
    **{kind: differences() for kind in KINDS},
    plan=st.none() | st.lists(SLOTS, max_size=4).map(tuple),
    holidays=st.sets(st.dates().map(str), max_size=4).map(lambda days: tuple(sorted(days))),
    once=st.lists(ONCE, max_size=3).map(
        lambda some: tuple(sorted(some, key=lambda one: (one.begin, one.end)))
    ),
)


@given(ADJUSTMENTS, st.sampled_from(["", "families", "school-nights"]))
def test_the_text_says_all_and_is_the_same_for_the_same(adjustments: Adjustments, profile: str) -> None:
    key = policy_key(profile, adjustments)
    assert read_key(key) == (profile, adjustments)
    assert policy_key(*read_key(key)) == key
    assert from_text(to_text(adjustments)) == adjustments
    assert bool(adjustments) == (to_text(adjustments) != "")
    change = LineChange(LineChoices(7, opted_in=True, profile=profile, adjustments=adjustments))
    _, kind, payload = encode(change)
    assert decode(kind, payload) == change


def test_a_line_without_adjustments_is_named_by_its_profile_alone() -> None:
    assert policy_key("families", UNADJUSTED) == "families"
    assert read_key("families") == ("families", UNADJUSTED)
    assert policy_key("families", Adjustments(plan=())) != "families", "no hours at all is an own plan"
    assert to_text(UNADJUSTED) == ""
    assert not UNADJUSTED


def test_an_id_is_added_or_taken_or_left_to_the_profile() -> None:
    games = Difference().adding("games")
    assert games.of(["adult"]) == ("adult", "games")
    assert games.taking("games").of(["adult", "games"]) == ("adult",)
    assert games.taking("games").forgetting("games") == Difference()


def wrong(**fields: Any) -> str:
    return json.dumps({"profile": "families", **fields})


SLOT = {"days": [0], "start": 0, "end": 60}


@pytest.mark.parametrize(
    "key",
    [
        "{",
        wrong(colour="blue"),
        wrong(categories={"add": ["games"], "take": ["games"]}),
        wrong(categories={"more": ["games"]}),
        wrong(categories=["games"]),
        wrong(categories={"add": "games"}),
        wrong(categories={"add": [7]}),
        wrong(plan=[{**SLOT, "days": [7]}]),
        wrong(plan=[{**SLOT, "start": 1440}]),
        wrong(plan=[{**SLOT, "end": 1441}]),
        wrong(plan=[{**SLOT, "end": True}]),
        wrong(plan=[{"days": [0], "start": 0}]),
        wrong(plan=[{**SLOT, "begin": 1}]),
        wrong(plan=[SLOT] * (MOST_SLOTS + 1)),
        wrong(plan=["monday"]),
        wrong(holidays=["2026-02-30"]),
        wrong(holidays=[20261225]),
        wrong(holidays=["2026-12-25"] * (MOST_HOLIDAYS + 1)),
        wrong(once=[{"begin": 2, "end": 1}]),
        wrong(once=[{"begin": 1, "end": 2}] * (MOST_ONCE + 1)),
        wrong(once=[{"begin": 1, "end": 10**18}]),
        json.dumps({"profile": 7}),
    ],
)
def test_no_other_text_is_read(key: str) -> None:
    with pytest.raises(AdjustmentsError):
        read_key(key)

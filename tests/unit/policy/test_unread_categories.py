"""Categories whose lists were never read: what a snapshot says of them, and which lines they concern."""

from __future__ import annotations

from typing import Any

import pytest

from filterd.model.adjustments import Adjustments, Difference, policy_key
from filterd.model.rule import Scope
from filterd.model.slot import Slot
from filterd.policy.classes import FIXED, Classes
from filterd.policy.documents import Feed, Format, Policies
from filterd.policy.policy_book import PolicyBook
from filterd.policy.resolve import ProfileRules, to_meta
from filterd.policy.unread_categories import META, Unread, from_meta, never_read, settled, standing

NIGHT = Slot((0,), 1260, 420, categories=("games",))
CHILD = ProfileRules("child", ("adult", "bets"), schedule=(NIGHT,))
TEEN = ProfileRules("teen", ("adult",))


def feed(name: str, category: str, *, observe: bool = False) -> Feed:
    return Feed(name, f"lists/{name}", Format.DOMAINS, Scope.SUBTREE, category=category, observe=observe)


def meta(*profiles: ProfileRules, filled: tuple[str, ...] = (), unread: Any = ()) -> dict[str, Any]:
    """That of a snapshot; ``unread`` None: of one of an earlier version."""
    lists = [{"id": each, "kind": "category", "bit": 9, "category": each} for each in filled]
    told = {} if unread is None else {META: {"categories": list(unread), "waiting": {}}}
    return {"profiles": {each.id: to_meta(each) for each in profiles}, "lists": lists, **told}


def test_a_category_is_read_with_one_of_its_lists_and_never_without_a_list() -> None:
    lists = (feed("a1", "adult"), feed("a2", "adult"), feed("b", "bets"), feed("new", "games", observe=True))
    policies = Policies(feeds=lists)
    assert never_read(policies, ()) == {"adult", "bets"}
    assert never_read(policies, {"a2"}) == {"bets"}, "one dead list among several"
    assert never_read(policies, {"a1", "b", "new"}) == frozenset()


BOTH = frozenset({"adult", "games"})


@pytest.mark.parametrize(
    ("before", "failing", "waiting"),
    [
        ({}, ("adult", "games"), {}),
        (meta(TEEN), ("adult", "games"), {}),
        (meta(CHILD, unread=("adult", "games")), ("adult", "games"), {}),
        (meta(CHILD, unread=None), ("adult", "games"), {}),
        (meta(CHILD, filled=("adult",)), ("adult",), {"child": ("games",)}),
        (meta(CHILD, filled=("bets",)), (), {"child": ("adult", "games")}),
        (meta(ProfileRules("child", ("bets",)), filled=("bets",)), (), {"child": ("adult", "games")}),
    ],
    ids=["first", "new profile", "failing", "earlier version", "one new", "no list before", "new to it"],
)
def test_a_profile_takes_a_new_category_once_one_of_its_lists_was_read(
    before: dict[str, Any], failing: tuple[str, ...], waiting: dict[str, tuple[str, ...]]
) -> None:
    rules, unread = settled({"child": to_meta(CHILD)}, BOTH, standing(before))
    assert unread == Unread(failing, waiting)
    kept = rules["child"]
    assert set(kept["categories"]) == {"adult", "bets"} - set(waiting.get("child", ()))
    assert bool(kept["schedule"]) is ("games" not in waiting.get("child", ()))
    assert settled(rules, frozenset(), standing(before))[1] == Unread()


def test_a_meaning_of_a_profile_stands_as_the_profile_did() -> None:
    before = standing(meta(ProfileRules("child", ("bets",)), filled=("bets",)))
    _, unread = settled({"child@2": to_meta(CHILD)}, BOTH, before)
    assert unread == Unread((), {"child": ("adult", "games")})


def test_lines_with_an_unread_category_of_their_profile_are_marked() -> None:
    """Not those that took it off, nor those that added it to a profile without it."""
    book = PolicyBook.of_meta(meta(CHILD, TEEN, unread=("bets",)), Classes(FIXED))
    asked = {
        "child": True,
        "teen": False,
        policy_key("child", Adjustments(Difference(taken=("bets",)))): False,
        policy_key("teen", Adjustments(Difference(added=("bets",)))): False,
    }
    found = {key: book.index(key, "UTC") for key in asked}
    assert {key: book.at(0)[index].unread for key, index in found.items()} == asked
    assert book.unread() == {"bets": ("child",)}
    book.renew(meta(CHILD, TEEN), Classes(FIXED))
    assert not any(each.unread for each in book.at(0))
    assert book.unread() == {}


def test_a_snapshot_of_an_earlier_version_tells_of_none() -> None:
    assert from_meta(meta(CHILD, unread=None)) == Unread()

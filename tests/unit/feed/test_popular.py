"""Popular names, and the rules that would block one."""

from __future__ import annotations

import pytest

from filterd.feed.popular import PopularNames, unassigned
from filterd.model.rule import Scope
from filterd.policy.documents import Expected

EXPECTED = (
    Expected("google.com", ()),
    Expected("roblox.com", ("games",)),
    Expected("docs.example.org", ()),
)
POPULAR = PopularNames(unassigned(["video.example"], EXPECTED, "adult"))


@pytest.mark.parametrize(
    ("name", "scope", "popular"),
    [
        ("google.com", Scope.EXACT, "google.com"),
        ("roblox.com", Scope.SUBTREE, "roblox.com"),
        ("video.example", Scope.SUBTREE, "video.example"),
        ("example.org", Scope.SUBTREE, "docs.example.org"),
        ("example.org", Scope.BELOW, "docs.example.org"),
        ("example.org", Scope.EXACT, ""),
        ("google.com", Scope.BELOW, ""),
        ("maps.google.com", Scope.SUBTREE, ""),
        ("notgoogle.com", Scope.SUBTREE, ""),
    ],
)
def test_a_rule_hits_what_it_would_block(name: str, scope: Scope, popular: str) -> None:
    assert POPULAR.hit(name, scope) == popular
    assert not popular or name in POPULAR.names_of_rules


def test_a_name_is_assigned_to_the_categories_of_its_line_alone() -> None:
    popular = ["roblox.com", "video.example"]
    assert "roblox.com" not in unassigned(popular, EXPECTED, "games")
    assert "roblox.com" in unassigned(popular, EXPECTED, "adult")
    assert "roblox.com" in unassigned(popular, EXPECTED, None)
    assert "video.example" in unassigned(popular, EXPECTED, "games")

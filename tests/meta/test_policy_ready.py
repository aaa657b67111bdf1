"""The shipped ready feeds: where each address comes from, its licence, and how its list is guarded."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from filterd.config.policies import load_policies
from filterd.feed.version_checks import Sizes, changes, exchange_refusal, size_refusal
from filterd.policy.documents import ReadyFeed
from tests.worlds.real_names import names_of

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = load_policies(POLICIES)
WITHOUT = {"self-harm", "harmful-health", "video"}
"""the categories for which no public list was found"""
WAYS = {"public-dns"}
"""the ways around that ready feeds close; long lists of VPN services are a category"""


def by_id(identifier: str) -> ReadyFeed:
    return next(each for each in SHIPPED.ready if each.feed.id == identifier)


def test_there_is_one_for_each_category_and_way_that_has_a_public_list() -> None:
    assert len(SHIPPED.ready) >= 30
    categories = {each.feed.category for each in SHIPPED.ready if each.feed.category}
    assert {each.id for each in SHIPPED.categories} - categories == WITHOUT
    assert {each.feed.bypass for each in SHIPPED.ready if each.feed.bypass} == WAYS
    assert [each for each in SHIPPED.ready if each.feed.security]


@pytest.mark.parametrize("name", ["hagezi-bypass", "shadowwhisperer-tunnels", "ut1-vpn"])
def test_a_long_list_of_vpn_services_is_a_category(name: str) -> None:
    """A name that a line allows never lifts a way around, and these lists have names that somebody needs."""
    assert by_id(name).feed.category == "vpn"


@pytest.mark.parametrize("ready", SHIPPED.ready, ids=lambda each: each.feed.id)
def test_each_is_fetched_guarded_and_says_where_it_is_from(ready: ReadyFeed) -> None:
    feed, about = ready.feed, ready.publication
    assert feed.source.startswith("https://")
    assert feed.mandatory is None
    assert not (feed.mirrors or feed.login or feed.pins or feed.observe)
    assert feed.guard.min_names > 1, "a list that comes nearly empty is not taken"
    assert 3600 <= feed.refresh <= 7 * 86400, "no publisher is asked more often than hourly"
    assert feed.stale_after > feed.refresh
    assert date.fromisoformat(about.address_on) <= date(2026, 11, 26)
    assert about.licence
    assert "test" not in about.address_from


def test_each_address_stands_once() -> None:
    sources = [(each.feed.source, each.feed.part) for each in SHIPPED.ready]
    assert len(set(sources)) == len(sources)


def test_each_file_says_that_no_address_was_asked() -> None:
    for path in sorted((POLICIES / "feeds.d").iterdir()):
        assert path.suffix == ".yaml"
        head = path.read_text().partition("\n- id")[0]
        assert "No address here was ever asked" in head, path.name


def test_every_folder_of_the_policies_is_installed() -> None:
    project = tomllib.loads((POLICIES.parent / "pyproject.toml").read_text())
    installed = project["tool"]["setuptools"]["data-files"]
    for folder in (each for each in POLICIES.iterdir() if each.is_dir()):
        assert f"share/filterd/policies/{folder.name}" in installed


@pytest.mark.ring("night")
def test_a_list_of_new_names_passes_its_guard_as_it_ages() -> None:
    """Fourteen days on the list: each day the oldest go and as many come. After three weeks without a reading
    none of the old names is left, and the list is still taken; one that was cut short is not."""
    names = names_of("newly-registered")
    day = len(names) // 40
    days = [names[start : start + day] for start in range(0, day * 40, day)]
    guard = by_id("nrd-14").feed.guard
    scale = guard.min_names / (day * 14)

    def text(first: int) -> bytes:
        return b"".join(sorted(name + b"\n" for each in days[first : first + 14] for name in each))

    def refused(before: int, after: int) -> str:
        size = round(day * 14 * scale) + 1
        found = size_refusal(guard, Sizes(size, size), size)
        found = found or exchange_refusal(guard, day * 14, changes([text(before)], [text(after)]))
        return found.reason if found else ""

    assert [refused(first, first + 1) for first in range(5)] == [""] * 5
    assert refused(0, 21) == "", "a machine that was off for three weeks catches up"
    cut = size_refusal(guard, Sizes(guard.min_names * 2), guard.min_names - 1)
    assert cut is not None
    assert cut.reason == "min_names"
    default = by_id("hagezi-gambling").feed.guard
    held = exchange_refusal(default, day * 14, changes([text(0)], [text(21)]))
    assert held is not None
    assert held.reason == "max_exchange", "the guard of another list would hold it"

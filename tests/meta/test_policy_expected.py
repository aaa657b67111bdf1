"""The shipped profiles over real lists: of the popular names, those blocked are those that a person assigned.

Every list of a folder beside the repository is loaded under the guard that a feed has, compiled, and asked by
the native code, a line of each profile. The lists hold millions of names; read of them is what can block a
popular name: the name itself, or one above it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from content.expected import PAGES, sources_of
from content.sources import read_provenance
from filterd.config.policies import icann_suffixes, load_policies
from filterd.config.policy_documents import read_expected
from filterd.config.policy_values import DocumentValue, Problem
from filterd.config.yamlfile import read_yaml
from filterd.feed.parsing import ParseReport, parse
from filterd.feed.rules import RuleSet, collect
from filterd.feed.source import line_blocks, read_chunks
from filterd.model.rule import NameRule, Scope
from filterd.model.verdict import Outcome
from filterd.operations.feeds import judging
from filterd.operations.feeds.rule_files import canonical_text
from filterd.operations.snapshot_sources import Material
from filterd.policy.classes import assign, kind_of
from filterd.policy.compiler import ListSource, compile_snapshot
from filterd.policy.decide import LineHandle, PublishedState, decide_name
from filterd.policy.documents import Expected, Feed, Policies, Profile
from filterd.policy.overlaps import above
from filterd.policy.policy_book import PolicyBook
from filterd.policy.snapshot import Snapshot
from filterd.wire.names import name_from_text
from tests.worlds import list_folder

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
REVIEWED = ROOT / "tests" / "worlds" / "expected_popular.yaml"
KEY = bytes(range(16))
ZONE = "America/Mexico_City"
NOON = 1_800_036_000
"""a Friday's noon there, outside of the hours of any profile"""
MOST = 10_000

needs_lists = pytest.mark.skipif(not list_folder.FOUND, reason=f"needs the lists of {list_folder.DATA}")


def reviewed() -> tuple[Expected, ...]:
    """The reviewed lines that no free source has, for tests alone."""
    problems: list[Problem] = []
    found = read_expected(DocumentValue(read_yaml(REVIEWED), REVIEWED.name, problems))
    assert problems == []
    return tuple(each for _, _, each in found if each is not None)


@dataclass(frozen=True)
class Loaded:
    """The shipped policies with every list of the folder."""

    policies: Policies
    popular: frozenset[str]
    held_by: Mapping[str, frozenset[str]]
    """by popular name: the categories of the lists that have it, or a name above it"""
    judged: Mapping[str, RuleSet]
    """by feed: the rules that load"""

    @property
    def expected(self) -> dict[str, frozenset[str]]:
        return {each.name: frozenset(each.categories) for each in self.policies.expected}


def collected(feed: Feed, blocks: Iterable[bytes]) -> RuleSet:
    return collect(parse(blocks, feed.format, feed.scope, icann_suffixes(), ParseReport()))


def of_folder(watched: frozenset[str]) -> Iterator[tuple[Feed, RuleSet]]:
    """The feeds of the folder, with what they have of the names that are watched."""
    for category, directory in list_folder.directories():
        feed = list_folder.feed_of(category, directory)
        found = set().union(*(watched & names for names in list_folder.names_of(directory)))
        if found:
            yield feed, collected(feed, ["".join(f"{name}\n" for name in sorted(found)).encode()])


def shipped_lists(policies: Policies) -> Iterator[tuple[Feed, RuleSet]]:
    for feed in policies.feeds:
        yield feed, collected(feed, line_blocks(read_chunks(POLICIES / feed.source)))


def covers(rules: Mapping[str, set[Scope]], name: str) -> bool:
    """True if one of the rules, by their names, speaks of the name."""
    for each in above(name):
        scopes = rules.get(each, set())
        if scopes - ({Scope.BELOW} if each == name else {Scope.EXACT}):
            return True
    return False


def by_name(rules: Iterable[NameRule]) -> dict[str, set[Scope]]:
    found: dict[str, set[Scope]] = {}
    for rule in rules:
        found.setdefault(rule.name, set()).add(rule.scope)
    return found


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    popular = list_folder.tier(MOST)
    shipped = load_policies(POLICIES)
    watched = frozenset(each for name in popular for each in above(name))
    read = [*shipped_lists(shipped), *of_folder(watched)]
    policies = replace(
        shipped,
        feeds=tuple(feed for feed, _ in read),
        expected=(*shipped.expected, *reviewed()),
        popular=shipped.popular | popular,
    )
    held: dict[str, set[str]] = {}
    judged = {}
    for feed, rules in read:
        names = by_name(rules.rules())
        if feed.category is not None:
            for name in popular:
                if covers(names, name):
                    held.setdefault(name, set()).add(feed.category)
        report = ParseReport()
        judged[feed.id] = judging.judge(feed, policies, rules, report, judging.nothing_stands).rules
    return Loaded(policies, popular, {name: frozenset(found) for name, found in held.items()}, judged)


def snapshot_of(loaded: Loaded) -> Snapshot:
    """The snapshot that the compiler makes of it."""
    policies = loaded.policies
    classes = assign(policies)
    material = Material(policies, classes, icann_suffixes(), Path(), {}, (), b"")
    feeds = []
    for feed in policies.feeds:
        place = classes.find(kind_of(feed), feed.id)
        assert place is not None
        feeds.append(ListSource((place,), "1", canonical_text(loaded.judged[feed.id])))
    compiled = compile_snapshot(
        [*feeds, *material.sources()], KEY, revision=1, built_at=NOON, meta=material.meta()
    )
    data = b"".join(compiled.pieces)
    return Snapshot.read(io.BytesIO(data), len(data), KEY)


@pytest.fixture(scope="module")
def blocked(loaded: Loaded) -> dict[str, set[str]]:
    """The popular names that each profile blocks, as the native code decides."""
    snapshot = snapshot_of(loaded)
    book = PolicyBook.of_meta(snapshot.meta, assign(loaded.policies))
    lines = {
        each.id: LineHandle(1, policy=book.index(each.id, ZONE), opted_in=True)
        for each in loaded.policies.profiles
    }
    state = PublishedState(snapshot, KEY, now=NOON, policies=book.at(NOON))
    wires = {name: name_from_text(name) for name in loaded.popular}

    def blocks(line: LineHandle, wire: bytes) -> bool:
        return decide_name(state, line, wire, NOON, traced=False).verdict.outcome is Outcome.BLOCK

    return {
        profile: {name for name, wire in wires.items() if blocks(line, wire)}
        for profile, line in lines.items()
    }


def assigned(loaded: Loaded, profile: Profile) -> set[str]:
    """The popular names that the profile should block: those of which a list of one of its categories has the
    name and a person assigned it to that category, and those of its services and ways around."""
    chosen = set(profile.categories)
    expected = loaded.expected
    found = {name for name, held in loaded.held_by.items() if chosen & held & expected.get(name, frozenset())}
    rules = [rule for each in loaded.policies.services if each.id in profile.services for rule in each.names]
    rules += [rule for each in loaded.policies.bypass if each.id in profile.bypass for rule in each.names]
    named = by_name(rules)
    return found | {name for name in loaded.popular if covers(named, name)}


@needs_lists
def test_every_directory_of_the_folder_has_its_place() -> None:
    placed = {name for names in list_folder.CATEGORIES.values() for name in names}
    apart = {name for names in list_folder.NONE_HERE.values() for name in names}
    assert placed.isdisjoint(apart)
    assert {each.name for each in list_folder.LISTS.iterdir()} == placed | apart
    assert list_folder.CATEGORIES.keys() <= {each.id for each in load_policies(POLICIES).categories}


@pytest.mark.ring("merge")
@needs_lists
def test_every_popular_name_that_a_list_has_was_reviewed(loaded: Loaded) -> None:
    missing = sorted(loaded.held_by.keys() - loaded.expected.keys())
    print(f"measured: {len(loaded.held_by)} of {len(loaded.popular)} popular names stand in a list")
    assert missing == [], f"write a line for each: {missing}"


@pytest.mark.ring("merge")
@needs_lists
def test_of_the_most_popular_names_those_blocked_are_those_assigned(
    loaded: Loaded, blocked: Mapping[str, set[str]]
) -> None:
    differences = {}
    for profile in loaded.policies.profiles:
        wanted, found = assigned(loaded, profile), blocked[profile.id]
        too_much, too_little = sorted(found - wanted), sorted(wanted - found)
        print(
            f"measured: {profile.id}: {len(found)} of {len(loaded.popular)} blocked, "
            f"not assigned {too_much}, assigned and open {too_little}"
        )
        if too_much or too_little:
            differences[profile.id] = (too_much, too_little)
    assert differences == {}
    assert len(blocked["families"]) > 100, "the lists were not read"
    assert blocked["families"] < blocked["teenagers"] < blocked["children"]


@pytest.mark.ring("night")
@needs_lists
def test_without_the_guard_the_lists_would_block_far_more(loaded: Loaded) -> None:
    """The review keeps names open: the difference would be empty too if the lists had no mistake."""
    chosen = {profile.id: set(profile.categories) for profile in loaded.policies.profiles}["children"]
    kept = [
        name
        for name, held in loaded.held_by.items()
        if chosen & held and not chosen & held & loaded.expected.get(name, frozenset())
    ]
    print(f"measured: children: {len(kept)} popular names stay open that a list would have closed")
    assert {"google.com", "wordpress.com", "dropbox.com"} <= set(kept)


def test_the_reviewed_lines_of_tests_are_beside_the_shipped_ones() -> None:
    shipped = load_policies(POLICIES)
    lines = reviewed()
    assert {each.name for each in lines}.isdisjoint(each.name for each in shipped.expected)
    known = {each.id for each in shipped.categories}
    assert all(known.issuperset(each.categories) for each in lines)
    names = [each.name for each in lines]
    assert names == sorted(names)


def test_every_shipped_name_has_a_source() -> None:
    sources = {each["id"] for each in read_yaml(POLICIES / "sources.yaml")}
    found = read_provenance("expected")
    assert found.keys() == {each.name for each in load_policies(POLICIES).expected}
    for name, ids in found.items():
        assert ids, name
        assert sources.issuperset(ids), name
    pages = read_yaml(PAGES)
    assert sources.issuperset(pages.values())
    assert found.keys() >= pages.keys()


@pytest.mark.ring("night")
@needs_lists
def test_the_sources_are_those_that_the_lists_give() -> None:
    services = list_folder.DATA / "services"
    found = sources_of(
        frozenset(read_provenance("expected")),
        services / "v2fly_domain_list_community.json.xz",
        services / "nextdns_services.json.xz",
        list_folder.LISTS,
    )
    assert {name: tuple(sorted(ids)) for name, ids in found.items()} == read_provenance("expected")

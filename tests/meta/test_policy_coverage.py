"""Tests of the shipped policies as they act: sites that must pass, and the page with the figures.

Tests with public lists skip where their folder is absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from content.coverage import BEFORE, before_of, main, text_of, text_with_feeds, with_feeds
from content.independent import CATEGORIES, MUST_PASS, describe
from content.sources import read_names
from filterd.config.policies import load_policies
from filterd.model.rule import Scope
from filterd.model.verdict import Outcome
from filterd.operations.coverage.engine import Engine, LineOfProfile, compiled
from filterd.operations.coverage.folder import Area, read_folder
from filterd.operations.coverage.measuring import Coverage, Request, measure
from filterd.policy.documents import Expected, Feed, Format, Policies
from filterd.policy.resolve import ProfileRules
from filterd.policy.schedule import Moment, next_boundary, state_at
from filterd.wire.names import name_from_text

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
DATA = ROOT.parent / "shared" / "data"
ZONE = "America/Mexico_City"
MONDAY = 1_796_623_200
"""2026-12-07 00:00 in that zone"""
WEEK = 7 * 86400
PERMISSIVE = {
    "adult": ("shadowwhisperer", "bon-appetit", "sinfonietta", "4skinskywalker", "blocklistproject"),
    "gambling": ("blocklistproject", "shadowwhisperer", "sinfonietta"),
    "dating": ("shadowwhisperer",),
    "drugs": ("blocklistproject",),
    "games": ("blocklistproject",),
    "piracy": ("blocklistproject",),
    "social": ("blocklistproject", "sinfonietta"),
    "torrent": ("blocklistproject",),
    "malware": ("blocklistproject", "maltrail", "shadowwhisperer"),
    "phishing": ("blocklistproject",),
    "scam": ("blocklistproject", "shadowwhisperer"),
}
"""folders of public lists, and in each those under MIT or the Unlicense"""
OURS = {"torrent": "file-sharing", "scam": "phishing"}
"""the category for a folder that is called otherwise"""

needs_lists = pytest.mark.skipif(not (DATA / "domains").is_dir(), reason="no folder of public lists here")


def names_that_must_pass() -> dict[str, list[str]]:
    """The sites by kind."""
    return {
        file.stem: [line.split(" #")[0] for line in file.read_text().splitlines() if not line.startswith("#")]
        for file in sorted(MUST_PASS.glob("*.txt"))
    }


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(POLICIES)


@pytest.fixture(scope="module")
def shipped(policies: Policies) -> Engine:
    """The shipped policies, compiled."""
    return compiled(policies, POLICIES)


def moments(rules: ProfileRules) -> Iterator[int]:
    """Each moment of a week at which the profile's restrictions change; not while it blocks everything, when
    what passes is another matter."""
    moment = MONDAY
    while moment < MONDAY + WEEK:
        if not state_at(rules.schedule, ZONE, moment).everything:
            yield moment
        moment = next_boundary(rules.schedule, ZONE, moment) or MONDAY + WEEK


def blocked(engine: Engine, names: Iterable[str]) -> dict[str, set[str]]:
    """The names that some profile blocks at some moment, with the profiles."""
    wires = {name: name_from_text(name) for name in names}
    found: dict[str, set[str]] = {}
    for profile, rules in engine.profiles.items():
        for moment in moments(rules):
            line = LineOfProfile(engine, rules, ZONE, moment)
            for name, wire in wires.items():
                if line.verdict(wire).outcome is Outcome.BLOCK:
                    found.setdefault(name, set()).add(profile)
    return found


def test_the_sites_that_must_pass() -> None:
    kinds = names_that_must_pass()
    assert set(kinds) == {"contraception", "government", "health", "lgbt", "news", "rights", "violence"}
    everything = [name for names in kinds.values() for name in names]
    assert len(everything) == len(set(everything)) >= 500
    assert min(map(len, kinds.values())) >= 40
    for file in MUST_PASS.glob("*.txt"):
        for line in file.read_text().splitlines():
            assert re.fullmatch(
                r"#.*|[a-z0-9.-]+\.[a-z]{2,} # ([A-Z]{2}|international|Latin America)(, .+)?", line
            )


@pytest.mark.ring("night")
def test_every_moment_of_a_week_is_looked_at(shipped: Engine) -> None:
    nights = [rules for rules in shipped.profiles.values() if rules.schedule]
    assert nights, "no profile has hours"
    for rules in nights:
        seen = {state_at(rules.schedule, ZONE, moment) for moment in moments(rules)}
        slots = [slot for slot in rules.schedule if not slot.everything]
        assert Moment() in seen
        assert len(seen) > 1 or not slots, rules.id


@pytest.mark.ring("night")
def test_no_profile_blocks_a_site_that_must_pass(shipped: Engine) -> None:
    names = [name for each in names_that_must_pass().values() for name in each]
    www = [f"www.{name}" for name in names if not name.startswith("www.")]
    assert blocked(shipped, [*names, *www]) == {}


def test_children_find_no_engine_without_its_safe_mode(policies: Policies, shipped: Engine) -> None:
    """Every host of an engine that offers a safe one is answered with it, or blocked."""
    line = LineOfProfile(shipped, shipped.profiles["children"], ZONE, MONDAY)
    names = {rule.name for engine in policies.safe_search for rule in engine.names}
    assert len(names) > 100
    assert [
        name for name in sorted(names) if line.verdict(name_from_text(name)).outcome is Outcome.PASS
    ] == []


def test_a_blocked_site_would_be_found(policies: Policies, tmp_path: Path) -> None:
    (tmp_path / "wrong.txt").write_text("gire.org.mx\n")
    wrong = Feed("wrong", str(tmp_path / "wrong.txt"), Format.DOMAINS, Scope.SUBTREE, category="adult")
    opened = replace(policies, feeds=(*policies.feeds, wrong), expected=(), popular=frozenset())
    engine = compiled(opened, POLICIES)
    found = blocked(engine, ["gire.org.mx", "mexfam.org.mx"])
    assert found == {"gire.org.mx": set(engine.profiles)}


@pytest.mark.ring("night")
@needs_lists
def test_large_public_lists_block_none_of_them_under_guards(policies: Policies) -> None:
    """Lists of millions of names have such sites among them; what is expected holds these back."""
    feeds = [
        Feed(
            f"{folder}-{source}",
            str(file),
            Format.DOMAINS,
            Scope.SUBTREE,
            category=OURS.get(folder, folder),
        )
        for folder, sources in PERMISSIVE.items()
        for source in sources
        for file in (DATA / "domains" / folder).glob(f"{source}.txt*")
    ]
    assert len(feeds) >= 20
    names = [name for each in names_that_must_pass().values() for name in each]
    assert read_names(Path(feed.source) for feed in feeds).intersection(names), "nothing to hold back"
    known = {each.name for each in policies.expected}
    expected = (*policies.expected, *(Expected(name, ()) for name in names if name not in known))
    loaded = replace(policies, feeds=(*policies.feeds, *feeds), expected=expected)
    engine = compiled(loaded, POLICIES)
    assert engine.snapshot.names > 1_000_000
    assert blocked(engine, names) == {}


@pytest.fixture(scope="module")
def measured(shipped: Engine, tmp_path_factory: pytest.TempPathFactory) -> Coverage:
    """The shipped policies by the public lists, with a small sample of each."""
    folder = tmp_path_factory.mktemp("coverage") / "lists"
    describe(DATA, folder)
    request = Request(folder, MONDAY, ZONE, sample=200)
    return measure(shipped, request, nullcontext)


@pytest.mark.ring("night")
@needs_lists
def test_every_profile_is_measured_by_every_list(measured: Coverage, policies: Policies) -> None:
    assert {each.profile for each in measured.profiles} == {each.id for each in policies.profiles}
    counts = {len(each.rows) for each in measured.profiles}
    assert len(counts) == 1
    for each in measured.profiles:
        areas = {row.area for row in each.rows}
        assert areas == set(Area)
        assert each.totals(Area.MUST_PASS).blocked == 0
        assert each.totals(Area.MUST_PASS).asked >= 500
        assert all(row.asked > 0 for row in each.rows if row.listed)
    assert measured.blocked_wrongly == ()
    known = [row for row in measured.offered if row.area is Area.SERVICES and row.id]
    assert len(known) >= 60, "services of these policies that others list too"


@pytest.mark.ring("night")
@needs_lists
def test_the_page_says_what_is_measured(measured: Coverage) -> None:
    text = text_of(measured)
    for profile in (each.profile for each in measured.profiles):
        assert text.count(f"| {profile} |") == 4
    assert [line for line in text.splitlines() if len(line) > 100] == []


@pytest.mark.ring("night")
@needs_lists
def test_with_feeds_children_do_not_get_around(policies: Policies, tmp_path: Path) -> None:
    """Of NextDNS's ways around that lists of 2026 still have, at least 90 % are closed."""
    describe(DATA, tmp_path / "lists", (Area.SEARCH_ENGINES, Area.WAYS_AROUND, Area.MUST_PASS))
    engine = compiled(with_feeds(policies, DATA), POLICIES)
    found = measure(engine, Request(tmp_path / "lists", MONDAY, ZONE, profiles=["children"]), nullcontext)
    rows = {(row.area, row.title): row for row in found.profiles[0].rows}
    still = rows[Area.WAYS_AROUND, "NextDNS 2026"]
    assert still.asked > 400
    assert still.blocked >= 0.9 * still.asked
    assert found.profiles[0].totals(Area.MUST_PASS).blocked == 0
    assert "| children |" in text_with_feeds(found)


def test_the_page_has_both_parts() -> None:
    page = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    before, now = page.split("\n# Before\n")[1].split("\n# Now\n")
    assert "| children |" in before
    assert "| children |" in now
    assert re.fullmatch(r"[0-9a-f]{7,40}", BEFORE)


def test_the_page_measures_the_shipped_profiles_and_no_others(policies: Policies) -> None:
    now = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8").split("\n# Now\n")[1]
    shipped = sorted(each.id for each in policies.profiles)
    for heading in ("By profile", "Search engines", "Ways around", "With lists like"):
        (part,) = [each for each in now.split("\n## ") if each.startswith(heading)]
        first = re.findall(r"^\| ([a-z-]+) \|", part, re.MULTILINE)
        assert sorted(set(first) - {"profile", "---"}) == shipped, f"{heading}: run make coverage"


def test_without_public_lists_the_page_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = ROOT / "docs" / "coverage.md"
    text = page.read_bytes()
    assert main([str(tmp_path)]) == 0
    assert page.read_bytes() == text
    assert "skipped: there are no public lists" in capsys.readouterr().err
    assert main([]) == 2


def test_without_the_earlier_commit_its_part_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("content.coverage.BEFORE", "0" * 40)
    part = before_of(tmp_path, tmp_path / "policies")
    page = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    assert part.startswith("## By profile")
    assert f"# Before\n\n{part}\n# Now" in page
    assert "cannot be measured, so their part stays" in capsys.readouterr().err


def test_the_example_of_the_page_is_read(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```text\n(- \{area: .*?)```", page, re.DOTALL)
    (tmp_path / "coverage.yaml").write_text(example)
    assert {each.area for each in read_folder(tmp_path, nullcontext)} == set(Area)


def test_the_categories_of_the_measurement_are_ours(policies: Policies) -> None:
    known = {each.id for each in policies.categories}
    assert known.issuperset(CATEGORIES)
    assert known.issuperset(OURS.get(each, each) for each in PERMISSIVE)

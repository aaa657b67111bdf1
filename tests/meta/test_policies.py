"""The shipped policies: valid, complete, with provenance, and harmful to nobody who should be left alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from filterd.config.policies import icann_suffixes, load_policies
from filterd.feed.parsing import ParseReport, parse
from filterd.feed.rules import RuleSet, collect
from filterd.feed.source import line_blocks, read_chunks
from filterd.feed.version_checks import Sizes, VersionChange, exchange_refusal, size_refusal
from filterd.model.rule import NameRule, Scope
from filterd.operations.feeds import judging
from filterd.policy.documents import Bypass, Feed, Policies, Service, Use

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
NEEDED_CATEGORIES = {
    "adult",
    "gambling",
    "drugs",
    "violence",
    "self-harm",
    "dating",
    "social",
    "games",
    "malware",
    "phishing",
    "vpn",
    "dns-bypass",
}
AUDIENCES = {"children", "teenagers", "families", "schools", "libraries"}
BY_SCHEDULE = {"music"}
"""categories that no shipped profile restricts, and that a schedule of one's own may"""
FEWER = {"self-harm": 5}
"""lists that say in their header why they hold fewer than 50 names"""
SOURCE = re.compile(
    r"# Source: (?:\S+/\S+ @ [0-9a-f]{6,40}, \d{4}-\d\d-\d\d \((MIT|Unlicense)\)"
    r"|https?://\S+, \d{4}-\d\d-\d\d \(facts\)), (\d+) names"
)
"""a public list with its licence, or the page of a body that publishes a fact about its own service"""


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(POLICIES)


def read(feed: Feed) -> tuple[RuleSet, ParseReport]:
    """The feed's rules and what was skipped."""
    report = ParseReport(keep=None)
    blocks = line_blocks(read_chunks(POLICIES / feed.source))
    return collect(parse(blocks, feed.format, feed.scope, icann_suffixes(), report)), report


@pytest.fixture(scope="module")
def lists(policies: Policies) -> dict[str, RuleSet]:
    """The rules of every shipped feed, by its id."""
    return {feed.id: read(feed)[0] for feed in policies.feeds}


def covers(rule: NameRule, name: str) -> bool:
    """True if the rule speaks of the name."""
    below = name.endswith("." + rule.name)
    return (name == rule.name and rule.scope is not Scope.BELOW) or (below and rule.scope is not Scope.EXACT)


def test_categories_and_audiences(policies: Policies) -> None:
    assert {each.id for each in policies.categories} >= NEEDED_CATEGORIES
    assert {each.id for each in policies.profiles} >= AUDIENCES
    fed = {feed.category for feed in policies.feeds}
    assert {each.id for each in policies.categories if not each.empty} <= fed, "a category without a list"
    used = {category for profile in policies.profiles for category in profile.categories}
    used |= {each for profile in policies.profiles for slot in profile.schedule for each in slot.categories}
    offered = {each.id for each in policies.categories if not (each.empty or each.optional)}
    assert offered - used <= BY_SCHEDULE, "a category in no profile"


def test_the_five_audiences_do_not_depend_on_the_hour(policies: Policies) -> None:
    assert {each.id for each in policies.profiles if not each.schedule} >= AUDIENCES
    assert any(slot.everything for each in policies.profiles for slot in each.schedule)


def test_profiles_by_age(policies: Policies) -> None:
    profiles = {each.id: set(each.categories) for each in policies.profiles}
    assert profiles["families"] < profiles["older-teenagers"] < profiles["teenagers"] < profiles["children"]
    assert profiles["schools-upper"] - {"streaming"} < profiles["schools"]
    assert profiles["schools"] < profiles["schools-secondary"] < profiles["schools-primary"]
    assert profiles["children"] == profiles["school-nights"] == profiles["school-nights-offline"]
    for each in policies.profiles:
        assert {"google", "bing", "duckduckgo"} <= set(each.safe_search)
        assert {"adult", "malware", "phishing"} <= set(each.categories)


def test_nothing_blocks_by_default_for_everybody(policies: Policies) -> None:
    assert not [feed.id for feed in policies.feeds if feed.use is Use.MANDATORY]


def test_lists_are_read_whole(policies: Policies) -> None:
    for feed in policies.feeds:
        rules, report = read(feed)
        assert report.kept == [], feed.id
        assert rules.count >= feed.guard.min_names, feed.id
        assert rules.count >= FEWER.get(feed.category or "", 50), feed.id


def test_an_upgrade_is_not_held_back_by_the_guards_of_the_shipped_lists(policies: Policies) -> None:
    """A release may multiply a starter list and exchange all its names: they were reviewed with it."""
    old, new = (
        frozenset(b"%d.%b.example" % (number, age) for number in range(9)) for age in (b"old", b"new")
    )
    exchanged = [VersionChange(gone=old, added=new)]
    for feed in policies.feeds:
        rules, _ = read(feed)
        before = rules.count // 600 + 1
        assert size_refusal(feed.guard, Sizes(before, before), rules.count) is None, feed.id
        assert exchange_refusal(feed.guard, len(old), exchanged) is None, feed.id


def test_every_list_file_is_used_and_says_where_it_is_from(policies: Policies) -> None:
    files = sorted((POLICIES / "lists").glob("*.txt"))
    assert {f"lists/{file.name}" for file in files} == {feed.source for feed in policies.feeds}
    for file in files:
        text = file.read_text(encoding="utf-8")
        header = [line for line in text.splitlines() if line.startswith("#")]
        names = [line for line in text.splitlines() if not line.startswith("#")]
        sources = [match for line in header if (match := SOURCE.fullmatch(line))]
        assert sources, f"{file.name} has no source with its licence"
        assert len(sources) == sum(line.startswith("# Source") for line in header), file.name
        assert sum(int(match[2]) for match in sources) == len(names), file.name
        assert any(re.match(r"# Date: \d{4}-\d\d-\d\d\.", line) for line in header), file.name
        assert names == sorted(set(names), key=lambda name: name.split(".")[::-1]), file.name
        if file.stem in FEWER:
            assert "Fewer than 50 names" in text


def test_every_source_is_attributed(policies: Policies) -> None:
    attributed = (POLICIES / "lists" / "SOURCES.md").read_text(encoding="utf-8")
    for file in POLICIES.rglob("*"):
        if file.suffix in (".txt", ".yaml"):
            for source in re.findall(r"([\w-]+/[\w-]+) @ [0-9a-f]{6}", file.read_text(encoding="utf-8")):
                assert source in attributed, f"{source} of {file.name}"


def test_nothing_of_a_shipped_list_is_refused_or_held_back(
    policies: Policies, lists: dict[str, RuleSet]
) -> None:
    for feed in policies.feeds:
        report = ParseReport()
        found = judging.judge(feed, policies, lists[feed.id], report, judging.nothing_stands)
        assert (found.held, report.kept) == ((), []), feed.id
        assert found.rules == lists[feed.id]


def popular_names(document: str) -> list[str]:
    """The names of a file of popular names, which are in order."""
    lines = (POLICIES / "popular" / f"{document}.txt").read_text(encoding="utf-8").splitlines()
    names = [line for line in lines if not line.startswith("#")]
    assert names == sorted(set(names))
    return names


def test_the_shipped_popular_names_are_those_of_services_and_search_engines(policies: Policies) -> None:
    known = {rule.name for each in policies.services for rule in each.names}
    engines = {each.target for each in policies.safe_search}
    engines |= {rule.name for each in policies.safe_search for rule in each.names}
    services, searches = (popular_names(name) for name in ("services", "safesearch"))
    assert len(services) > 500
    assert known.issuperset(services)
    assert engines - set(services) == set(searches), "run python -m content.services"
    assert policies.popular == {*services, *searches}


@pytest.mark.ring("night")
def test_no_list_blocks_a_protected_or_always_allowed_name(
    policies: Policies, lists: dict[str, RuleSet]
) -> None:
    suffixes = icann_suffixes()
    kept = [rule.name for rule in (*policies.protected.names, *policies.protected.always_allowed)]
    for rules in lists.values():
        for rule in rules.rules():
            assert rule.name not in suffixes
            assert not any(covers(rule, name) for name in kept), rule.name
            assert not any(covers(guard, rule.name) for guard in policies.protected.names), rule.name


def test_no_help_site_in_a_list(lists: dict[str, RuleSet]) -> None:
    """Words of counselling, prevention and health: such a site in these lists would be a mistake."""
    words = re.compile(
        r"help|prevent|counsel|rehab|hotline|lifeline|samaritan|health|clinic|doctor|ayuda|salud"
    )
    for name in ("drugs", "self-harm", "violence", "gambling"):
        assert not [rule.name for rule in lists[f"starter-{name}"].rules() if words.search(rule.name)]


def test_services_and_ways_around_spare_protected_names(policies: Policies) -> None:
    suffixes = icann_suffixes()
    groups: list[Service | Bypass] = [*policies.services, *policies.bypass]
    for group in groups:
        for rule in group.names:
            assert rule.name not in suffixes, f"{group.id}: {rule.name}"
            assert not any(covers(guard, rule.name) for guard in policies.protected.names)


def test_safe_search(policies: Policies) -> None:
    targets = {each.id: each.target for each in policies.safe_search}
    assert targets == {
        "google": "forcesafesearch.google.com",
        "bing": "strict.bing.com",
        "duckduckgo": "safe.duckduckgo.com",
        "youtube-strict": "restrict.youtube.com",
        "youtube-moderate": "restrictmoderate.youtube.com",
        "yandex": "familysearch.yandex.ru",
        "ecosia": "strict-safe-search.ecosia.org",
        "brave": "forcesafe.search.brave.com",
        "pixabay": "safesearch.pixabay.com",
    }
    names = {each.id: {rule.name for rule in each.names} for each in policies.safe_search}
    countries = ("com", "com.mx", "es", "co.uk")
    assert {f"{www}google.{each}" for www in ("", "www.") for each in countries} <= names["google"]
    assert "edgeservices.bing.com" in names["bing"]
    assert names["youtube-strict"] == names["youtube-moderate"]
    assert "youtube.com" not in names["youtube-strict"], "Google says that it breaks"
    for each in policies.safe_search:
        assert all(rule.scope is Scope.EXACT for rule in each.names)
        assert each.target not in names[each.id]
        assert each.source.startswith("https://"), each.id


@pytest.mark.ring("night")
def test_no_profile_blocks_its_own_safe_hosts(policies: Policies, lists: dict[str, RuleSet]) -> None:
    services = {each.id: each.names for each in policies.services}
    targets = {each.id: each.target for each in policies.safe_search}
    for profile in policies.profiles:
        rules = [rule for each in profile.services for rule in services[each]]
        rules += [
            rule
            for feed in policies.feeds
            if feed.category in profile.categories
            for rule in lists[feed.id].rules()
        ]
        for each in profile.safe_search:
            assert not [rule.name for rule in rules if covers(rule, targets[each])], profile.id


def test_bypass(policies: Policies) -> None:
    ways = {each.id: each for each in policies.bypass}
    assert ways.keys() == {"relay", "canary", "ech", "public-dns", "vpn"}
    assert {rule.name for rule in ways["relay"].names} >= {"mask.icloud.com", "mask-h2.icloud.com"}
    canaries = {"use-application-dns.net", "dns-tunnel-check.googlezip.net"}
    assert {rule.name for rule in ways["canary"].names} == canaries
    assert [each.id for each in policies.bypass if each.strip_ech] == ["ech"]
    addresses = {str(network): network for network in ways["public-dns"].addresses}
    assert addresses.keys() >= {"1.1.1.1/32", "8.8.8.8/32"}
    whole = {"76.76.2.0/24", "76.76.10.0/24", "2606:1a40::/48", "2606:1a40:1::/48"}
    single = [network for text, network in addresses.items() if text not in whole]
    assert whole < addresses.keys(), "of these the resolver says that they are for DNS alone"
    assert all(network.prefixlen == network.max_prefixlen for network in single)


def test_mexico(policies: Policies) -> None:
    (mexico,) = [each for each in policies.jurisdictions if each.id == "mx"]
    grounds = {each.id: each for each in mexico.grounds}
    tax = grounds["liva-18h"]
    for deadline in (tax.deadlines.enforce, tax.deadlines.report, tax.deadlines.unblock):
        assert deadline is not None
        assert (deadline.days, deadline.count.value) == (5, "business")
    assert {"lmtr-182", "adopted-list"} <= grounds.keys()
    assert mexico.zone == "America/Mexico_City"


@pytest.mark.ring("night")
def test_the_examples_of_the_page_load(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    laid_over, protected, *feeds, profile = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    own = tmp_path / "own"
    own.mkdir()
    (own / "protected.yaml").write_text(protected, encoding="utf-8")
    laid = load_policies(own, POLICIES)
    assert "policies_base:" in laid_over
    assert laid.remarks == (), "it takes out what is shipped"
    assert "filtro.operador.example" not in {each.name for each in laid.protected.names}
    for file in POLICIES.glob("*.yaml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    shipped = (POLICIES / "feeds.yaml").read_text(encoding="utf-8")
    (tmp_path / "feeds.yaml").write_text(shipped + "".join(feeds), encoding="utf-8")
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "nights.yaml").write_text(profile, encoding="utf-8")
    loaded = load_policies(tmp_path)
    written, fetched, signed = loaded.feeds[-5:-2], loaded.feeds[-2], loaded.feeds[-1]
    assert [each.use for each in written] == [Use.CATEGORY, Use.MANDATORY, Use.SECURITY]
    assert fetched.pins
    assert fetched.login is not None
    assert signed.use is Use.MANDATORY
    assert signed.signature is not None
    assert loaded.profiles[0].schedule[1].everything

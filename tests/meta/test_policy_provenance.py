"""Each shipped name has a source on record, under a licence that allows shipping it; and the starter lists
are what the generator makes of their sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest

from content import lists
from filterd.config.policies import load_policies
from filterd.config.policy_sources import Sources, read_sources
from filterd.model.rule import NameRule
from filterd.policy.documents import Policies

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
DATA = ROOT.parent / "shared" / "data"
LICENCES = {"MIT", "Unlicense", "facts"}
DOCUMENTS = (
    "lists",
    "lists-ways",
    "services",
    "safesearch",
    "bypass",
    "protected",
    "expected",
    "popular",
)
WAYS = ("vpn", "dns-bypass", "anonymizers", "unsafe-search")
"""lists of ways around, whose provenance is kept apart: lists-ways.tsv"""


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(POLICIES)


@pytest.fixture(scope="module")
def sources() -> Sources:
    return read_sources(POLICIES)


def _rules(entries: Iterable[NameRule]) -> set[str]:
    return {rule.name for rule in entries}


def _listed(of: Callable[[Path], bool]) -> set[str]:
    files = [path for path in (POLICIES / "lists").glob("*.txt") if of(path)]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    return {line for line in lines if not line.startswith("#")}


def names(policies: Policies, document: str) -> set[str]:
    """The names of a document that must have a source; those under .example are nobody's."""
    protected = policies.protected
    found = {
        "lists": lambda: _listed(lambda path: path.stem not in WAYS),
        "lists-ways": lambda: _listed(lambda path: path.stem in WAYS),
        "services": lambda: _rules(rule for each in policies.services for rule in each.names),
        "safesearch": lambda: (
            _rules(rule for each in policies.safe_search for rule in each.names)
            | {each.target for each in policies.safe_search}
        ),
        "bypass": lambda: _rules(rule for each in policies.bypass for rule in each.names),
        "protected": lambda: _rules(
            (
                *protected.names,
                *protected.always_allowed,
                *(rule for each in protected.groups for rule in each.names),
            )
        ),
        "expected": lambda: {each.name for each in policies.expected},
        "popular": lambda: set(policies.popular),
    }[document]()
    return {name for name in found if not name.endswith(".example")}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_name_has_a_source(policies: Policies, sources: Sources, document: str) -> None:
    found = sources.anywhere if document == "popular" else partial(sources.of, document)
    without = {name for name in names(policies, document) if not found(name)}
    assert without == set()


def test_nothing_is_on_record_that_no_list_has(policies: Policies, sources: Sources) -> None:
    assert set(sources.documents["lists"]) == names(policies, "lists")


def test_each_file_of_provenance_is_sorted(sources: Sources) -> None:
    for document, found in sources.documents.items():
        assert list(found) == sorted(found), document


def test_each_source_may_be_shipped_and_says_where_it_is_from(sources: Sources) -> None:
    for source in sources.sources.values():
        assert source.licence in LICENCES, source.id
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", source.date), source.id
        assert source.notice, source.id
        if source.licence == "facts":
            assert re.fullmatch(r"https?://[\w.-]+/[^ .]*\S*", source.page), source.id
            assert "..." not in source.page, source.id
        else:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+", source.repository), source.id
            assert re.fullmatch(r"[0-9a-f]{6,40}", source.commit), source.id


@pytest.fixture(scope="module")
def made() -> lists.Sources:
    """The sources of the lists, where the folder of public lists is at hand."""
    if not (DATA / "domains").is_dir():
        pytest.skip("the folder of public lists is not beside the project")
    return lists.read_sources(
        DATA / "services/v2fly_domain_list_community.json.xz",
        DATA / "services/nextdns_services.json.xz",
        DATA / "domains",
        {
            "adult/4skinskywalker": DATA / "lists/4skin-porn.hosts.xz",
            "wild-ads/shadowwhisperer": DATA / "lists/shadowwhisperer-wild-ads.wildcard.xz",
        },
    )


@pytest.mark.ring("night")
def test_the_starter_lists_are_what_the_generator_makes(made: lists.Sources) -> None:
    known = lists.known_sources()
    reviewed = lists.read_reviewed()
    for terms in reviewed:
        shipped = (POLICIES / "lists" / f"{terms.list}.txt").read_text(encoding="utf-8")
        assert lists.render(terms, lists.choose(terms, made, known), known) == shipped, terms.list
    feeds = (POLICIES / "feeds.yaml").read_text(encoding="utf-8")
    assert lists.lay_feeds(feeds, reviewed) == feeds
    files = {path.stem for path in (POLICIES / "lists").glob("*.txt")}
    assert files - set(WAYS) == {terms.list for terms in reviewed}


def test_what_a_list_leaves_out_has_a_reason_and_stands_in_none() -> None:
    for terms in lists.read_reviewed():
        names = (POLICIES / "lists" / f"{terms.list}.txt").read_text(encoding="utf-8").splitlines()
        assert not terms.leave_out.keys() & set(names), terms.list
        assert all(len(reason) > 4 for reason in terms.leave_out.values()), terms.list

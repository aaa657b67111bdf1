"""A feed in force against its entry: what an entry may change, and what takes a person's word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.policy.adoption import Orphaned, covers, in_force
from filterd.policy.documents import Feed, Format, MandatoryTerms, Policies
from filterd.policy.feed_documents import Guard, Signature

TERMS = MandatoryTerms("interpol", "adopted-list", confidential=True)
MANDATORY = Feed("worst", "lists/worst.txt", Format.DOMAINS, Scope.SUBTREE, mandatory=TERMS)
CATEGORY = Feed("adult", "lists/adult.txt", Format.HOSTS, Scope.EXACT, category="adult")
SECURITY = Feed("bad", "lists/bad.txt", Format.DOMAINS, Scope.BELOW, security=True)


@pytest.mark.parametrize("feed", [MANDATORY, CATEGORY, SECURITY])
def test_an_entry_may_change_how_a_list_is_read_and_widen_its_scope(feed: Feed) -> None:
    assert covers(feed, feed)
    for entry in (
        replace(feed, source="/elsewhere"),
        replace(feed, format=Format.WILDCARD),
        replace(feed, refresh=60),
        replace(feed, guard=Guard(0, 1.0, 100.0)),
        replace(feed, scope=Scope.SUBTREE),
        replace(feed, category=None, security=False, mandatory=TERMS),
    ):
        assert covers(entry, feed)


def test_an_observed_feed_may_come_to_block() -> None:
    assert covers(CATEGORY, replace(CATEGORY, observe=True))


def test_the_terms_of_a_mandatory_feed_may_change_but_not_its_confidence() -> None:
    for terms in (
        replace(TERMS, authority="fgr"),
        replace(TERMS, ground="lmtr-182"),
        replace(TERMS, blocking_mode=BlockingMode.SINKHOLE),
    ):
        assert covers(replace(MANDATORY, mandatory=terms), MANDATORY)
    told = replace(MANDATORY, mandatory=replace(TERMS, confidential=False))
    assert not covers(told, MANDATORY)
    assert covers(MANDATORY, told)


@pytest.mark.parametrize(
    ("entry", "adopted"),
    [
        (replace(MANDATORY, mandatory=None, category="adult"), MANDATORY),
        (replace(MANDATORY, mandatory=None, security=True), MANDATORY),
        (replace(CATEGORY, category="games"), CATEGORY),
        (replace(CATEGORY, category=None, security=True), CATEGORY),
        (replace(SECURITY, security=False, category="malware"), SECURITY),
        (replace(MANDATORY, scope=Scope.EXACT), MANDATORY),
        (replace(MANDATORY, scope=Scope.BELOW), MANDATORY),
        (replace(CATEGORY, scope=Scope.BELOW), CATEGORY),
        (replace(SECURITY, scope=Scope.EXACT), SECURITY),
        (replace(CATEGORY, observe=True), CATEGORY),
    ],
)
def test_an_entry_that_lifts_something_leaves_the_adopted_definition_in_force(
    entry: Feed, adopted: Feed
) -> None:
    assert not covers(entry, adopted)
    found = in_force(Policies(feeds=(entry,)), [adopted])
    assert found.policies.feeds == (adopted,)
    assert found.orphans == {adopted.id: Orphaned.WEAKENED}


def test_feeds_without_an_entry_follow_the_entries() -> None:
    entry = replace(CATEGORY, id="new")
    found = in_force(Policies(feeds=(entry, SECURITY)), [CATEGORY, SECURITY, MANDATORY])
    assert found.policies.feeds == (entry, SECURITY, CATEGORY, MANDATORY)
    assert found.orphans == {"adult": Orphaned.VANISHED, "worst": Orphaned.VANISHED}


KEY, OTHER_KEY = Signature("RWQ-one"), Signature("RWQ-other")


def test_the_key_of_a_signed_mandatory_feed_stays() -> None:
    signed = replace(MANDATORY, signature=KEY)
    assert covers(signed, signed)
    assert covers(signed, MANDATORY), "an unsigned one may get a key"
    for entry in (replace(signed, signature=OTHER_KEY), MANDATORY):
        assert not covers(entry, signed)
        found = in_force(Policies(feeds=(entry,)), [signed])
        assert found.policies.feeds == (signed,)
        assert found.orphans == {signed.id: Orphaned.REKEYED}
    weaker = replace(MANDATORY, signature=OTHER_KEY, scope=Scope.EXACT)
    assert in_force(Policies(feeds=(weaker,)), [signed]).orphans == {signed.id: Orphaned.WEAKENED}


def test_the_key_of_any_other_feed_is_the_operators() -> None:
    for feed in (CATEGORY, SECURITY):
        assert covers(replace(feed, signature=OTHER_KEY), replace(feed, signature=KEY))
        assert covers(feed, replace(feed, signature=KEY))
        terms = replace(feed, category=None, security=False, mandatory=TERMS)
        assert covers(terms, replace(feed, signature=KEY)), "it blocks for everybody, and told nobody more"

"""Definitions of feeds as text, and the shipped ``feeds.yaml`` cut off at every byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.feed_documents import read_feed
from filterd.config.feed_entries import DefinitionError, combined, definition_of, feed_of
from filterd.config.policies import load_policies
from filterd.config.policy_values import DocumentValue, Problem
from filterd.config.yamlfile import YamlError, parse_yaml
from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.policy.adoption import covers
from filterd.policy.documents import Feed, Format, MandatoryTerms, Policies
from filterd.policy.feed_documents import Guard
from tests.worlds.examples import share

SHIPPED = Path(__file__).parents[3] / "policies" / "feeds.yaml"
MANDATORY = """
- id: worst-of
  source: lists/worst.txt
  format: hosts
  mandatory:
    authority: interpol
    ground: adopted-list
    blocking_mode: null
    confidential: true
  scope: subtree
  guard:
    min_names: 40
    max_shrink: 0.05
""".replace("null", '"null"')
"""Written in a way in which a cut leaves YAML, and even an entry."""


@pytest.mark.parametrize(
    "feed",
    [
        Feed("a", "lists/á b.txt", Format.HOSTS, Scope.BELOW, category="adult", refresh=90),
        Feed("b", "/b", Format.WILDCARD, Scope.EXACT, security=True, guard=Guard(3, 0.25, 1.0)),
        Feed(
            "c", "/c", Format.DOMAINS, Scope.SUBTREE,
            mandatory=MandatoryTerms("fgr", "Artículo 1", BlockingMode.SINKHOLE, confidential=True),
        ),
    ],
)  # fmt: skip
def test_a_definition_gives_the_feed_back(feed: Feed) -> None:
    assert feed_of(definition_of(feed)) == feed


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"id":"a"}', '{"id":"worst.example","source":7}'])
def test_a_damaged_definition_is_not_quoted(text: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        feed_of(text)
    assert str(caught.value) == "the store's record of an adopted feed is damaged"


def entries(text: str) -> list[Feed] | None:
    """The feeds of a ``feeds.yaml``; None: the file is refused."""
    problems: list[Problem] = []
    try:
        value = parse_yaml(text)
    except YamlError:
        return None
    if value is None:
        return None
    found = [read_feed(item) for item in DocumentValue(value, "feeds.yaml", problems).items()]
    return None if problems else found


@pytest.mark.ring("night")
def test_no_cut_of_the_file_lifts_a_feed_in_force() -> None:
    whole = SHIPPED.read_text(encoding="utf-8") + MANDATORY
    adopted = entries(whole)
    assert adopted is not None
    definitions = [definition_of(each) for each in adopted]
    accepted = 0
    for end in share(range(len(whole)), 5):
        found = entries(whole[:end])
        if found is None:
            continue
        accepted += 1
        kept = {each.id: each for each in combined(Policies(feeds=tuple(found)), definitions).policies.feeds}
        for each in adopted:
            assert covers(kept[each.id], each), f"cut at {end}: {each.id}"
    assert accepted > 30, "the cuts that a check of the file alone lets pass"


@pytest.mark.ring("night")
def test_a_directory_with_a_cut_file_is_refused_or_keeps_everything(tmp_path: Path) -> None:
    """The whole way, at the cuts between lines and in the middle of them."""
    for file in SHIPPED.parent.glob("*.yaml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = load_policies(tmp_path).feeds
    definitions = [definition_of(each) for each in whole]
    text = SHIPPED.read_text(encoding="utf-8")
    (tmp_path / "feeds.yaml").write_text(text[: text.index("- id: starter-games")], encoding="utf-8")
    cut = load_policies(tmp_path)
    assert len(cut.feeds) == 7
    found = combined(cut, definitions)
    assert sorted(each.id for each in found.policies.feeds) == sorted(each.id for each in whole)
    assert len(found.orphans) == len(whole) - 7
    assert combined(replace(cut, feeds=()), definitions).orphans.keys() == {each.id for each in whole}

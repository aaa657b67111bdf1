"""The generator of the starter lists, on sources made for it: which names it takes, and which it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from content import assignments
from content.lists import (
    Clause,
    Offered,
    Sources,
    StarterList,
    choose,
    known_sources,
    lay_feeds,
    read_reviewed,
    render,
)
from content.services import parents
from content.sources import POLICIES, Community, SourceError
from filterd.config.policies import load_policies

CLOSED_BY = {
    "omegle": "social dating",
    "chatroulette": "social dating",
    "azar": "social dating",
    "yubo": "social dating",
    "wizz": "social dating",
    "xiaohongshu": "social",
    "kuaishou": "social video",
    "betway": "gambling",
    "vix": "streaming",
    "claro-video": "streaming",
    "crunchyroll": "streaming",
    "wechat": "chat",
    "kik": "chat",
    "kimi": "ai-chat",
    "shein": "shopping",
    "shazam": "music",
}
"""services, each with the categories that must close it"""
KNOWN = ("v2fly", "sinfonietta", "shadowwhisperer")
GUARD = {"min_names": 40, "max_shrink": 0.5, "max_grow": 10}


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """Two lists of a class, one of another, and a list of services."""
    for path, names in {
        "adult/sinfonietta": "porn.example www.site.example hotel.example gayporn.example gaynews.example",
        "adult/shadowwhisperer": "site.example porn.example sub.porn.example alone.example gaynews.example",
        "adult/somebody": "hotel.example",
        "other/sinfonietta": "picked.example",
    }.items():
        file = tmp_path / f"{path}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(names.replace(" ", "\n") + "  # a remark\n")
    community = Community({"video": "service.example\nfull:host.example @cn\nads.example @ads\nexample\n"})
    offered = Offered(
        {
            "chat": frozenset({"chat.example"}),
            "work": frozenset({"work.example"}),
            "game": frozenset({"g.example"}),
        },
        {"chat": "social", "work": "social", "game": "games"},
        {"chat.example": ("v2fly", "chat-terms"), "work.example": ("v2fly",), "g.example": ("v2fly",)},
    )
    return Sources(community, {"app": ["app.example"]}, tmp_path, {}, offered)


def chosen(sources: Sources, *clauses: Clause, **terms: Any) -> dict[str, set[str]]:
    """The names that a list takes on these terms."""
    return choose(StarterList("mine", ("Mine.",), GUARD, take=clauses, **terms), sources, KNOWN)


def test_two_sources_must_agree(sources: Sources) -> None:
    clause = Clause("sinfonietta", ("adult",), agree=2)
    both = {"sinfonietta", "shadowwhisperer"}
    assert chosen(sources, clause) == {"porn.example": both, "site.example": both, "gaynews.example": both}


def test_a_source_that_may_not_be_shipped_is_no_witness(sources: Sources) -> None:
    assert "hotel.example" not in chosen(sources, Clause("sinfonietta", ("adult",), agree=2))


def test_a_name_says_by_itself_what_the_site_is(sources: Sources) -> None:
    found = chosen(sources, Clause("sinfonietta", ("adult",), words="porn|news"))
    assert set(found) == {"porn.example", "gayporn.example", "gaynews.example"}
    clause = Clause("sinfonietta", ("adult",))
    doubted = chosen(sources, clause, sure="porn", doubt="gay|hotel")
    assert {"gayporn.example", "site.example"} <= doubted.keys()
    assert not {"gaynews.example", "hotel.example"} & doubted.keys()
    assert not [name for name in chosen(sources, clause, never="gay") if "gay" in name]


def test_names_below_a_listed_one_and_those_left_out_are_not_taken(sources: Sources) -> None:
    clause = Clause("shadowwhisperer", ("adult",))
    assert "sub.porn.example" not in chosen(sources, clause)
    without = chosen(sources, clause, leave_out={"porn.example": "another class"})
    assert not {"porn.example", "sub.porn.example"} & without.keys()


def test_services_come_without_advertisements_and_suffixes(sources: Sources) -> None:
    assert set(chosen(sources, Clause("v2fly", ("video",)))) == {"service.example"}
    assert set(chosen(sources, Clause("v2fly", ("video",), marked=True))) == {"ads.example"}
    assert set(chosen(sources, Clause("nextdns-services", ("app",)))) == {"app.example"}


def test_shipped_services_come_with_the_sources_that_they_have(sources: Sources) -> None:
    group = Clause("services", ("group/social",), without=("work",))
    assert chosen(sources, group) == {"chat.example": {"v2fly", "chat-terms"}}
    assert chosen(sources, Clause("services", ("game",))) == {"g.example": {"v2fly"}}
    with pytest.raises(SourceError, match="no service or group group/nothing"):
        chosen(sources, Clause("services", ("group/nothing",)))


def test_short_names_alone_and_none_taken_by_mistake(sources: Sources) -> None:
    clause = Clause("sinfonietta", ("adult",), longest=4, never="^site")
    assert set(chosen(sources, clause)) == {"porn.example"}
    assert "sub.porn.example" not in chosen(sources, Clause("shadowwhisperer", ("adult",), longest=9))


def test_a_category_closes_the_services_of_its_subject() -> None:
    """A parent who closes a category finds the services of that subject closed: but for those reviewed."""
    services = {
        each["id"]: each for each in yaml.safe_load((POLICIES / "services.yaml").read_text(encoding="utf-8"))
    }
    for terms in read_reviewed():
        path = POLICIES / "lists" / f"{terms.list}.txt"
        listed = set(path.read_text(encoding="utf-8").splitlines())
        for service, subject in CLOSED_BY.items():
            if terms.list in subject.split():
                names = set(services[service]["names"]["subtree"]) - terms.leave_out.keys()
                covered = {name for name in names if {name, *parents(name)} & listed}
                assert names
                assert names == covered, (terms.list, service)


def test_a_picked_name_must_stand_in_a_source(sources: Sources) -> None:
    assert chosen(sources, names=("app.example",)) == {"app.example": {"nextdns-services"}}
    assert chosen(sources, names=("picked.example",), folders=("other",)) == {
        "picked.example": {"sinfonietta"}
    }
    with pytest.raises(SourceError, match=r"mine: no source has invented\.example"):
        chosen(sources, names=("invented.example",))
    with pytest.raises(SourceError, match=r"no sinfonietta\.txt"):
        chosen(sources, Clause("sinfonietta", ("nowhere",)))


def test_the_file_counts_each_name_once_and_its_feed_has_the_guard() -> None:
    terms = StarterList("mine", ("Mine.",), GUARD)
    known = known_sources()
    text = render(terms, {"b.example": {"v2fly", "sinfonietta"}, "a.example": {"sinfonietta"}}, known)
    assert "v2fly/domain-list-community" in text
    assert text.count(", 1 names") == 2
    assert text.endswith("#\na.example\nb.example\n")
    laid = lay_feeds("# The operator's own security blocking\n- id: last\n", [terms])
    assert "guard: {min_names: 40, max_shrink: 0.5, max_grow: 10}\n\n# The operator's own" in laid
    assert lay_feeds(laid, [terms]) == laid


def test_every_reviewed_expression_is_one() -> None:
    assert len(read_reviewed()) >= 20


@pytest.mark.ring("night")
def test_every_popular_name_on_a_shipped_list_is_assigned() -> None:
    assert assignments.missing(load_policies(POLICIES)) == {}


def test_an_assignment_keeps_the_head_and_the_order() -> None:
    text = "# Popular names.\n# Reviewed.\nb.example: []\nd.example: [games]\n"
    changes = {"c.example": ["chat"], "d.example": ["chat", "games"]}
    assert assignments.laid(text, changes) == (
        "# Popular names.\n# Reviewed.\nb.example: []\nc.example: [chat]\nd.example: [chat, games]\n"
    )

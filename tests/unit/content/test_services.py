"""The generator of services: what it takes from the lists, what the review changes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from content import services, sources
from content.services import Entry, Sources, make
from content.sources import Community, SourceError

COMMUNITY = {
    "chat": """
chat.example
full:files.chat.example.net
ads.cdn.example @ads
below.chat.example
include:other
keyword:chat
com
""",
    "other": "other.example # another company's\n",
    "games": "shop.games.example\nfull:play.games.example\ngames-tools.example @cn\n",
}
NEXTDNS = {"chat": ["chat.example", "chat-cdn.example # an issue", "_chat._tcp.example"]}
TEXT = "Chat"


@pytest.fixture
def lists(tmp_path: Path) -> Sources:
    (tmp_path / "social").mkdir()
    (tmp_path / "social" / "sinfonietta.txt").write_text("# names\nmeet.example\n", encoding="utf-8")
    clean = {name: [each.partition("#")[0].strip() for each in names] for name, names in NEXTDNS.items()}
    return Sources(Community(COMMUNITY), clean, tmp_path)


def made(lists: Sources, **service: Any) -> Entry:
    """One service as the review describes it."""
    entry = {"id": "chat", "title": TEXT, "group": "g", **service}
    (found,) = make({"groups": [{"id": "g"}], "services": [entry]}, lists)
    return found


def test_a_list_gives_its_own_lines_without_advertising(lists: Sources) -> None:
    entry = made(lists, v2fly=["chat"])
    assert entry.names == {"chat.example": {"v2fly"}, "files.chat.example.net": {"v2fly"}}
    assert entry.exact.keys() == {"files.chat.example.net"}
    assert entry.title == {"es": TEXT, "en": TEXT}


def test_the_sources_are_checkouts_or_files(tmp_path: Path) -> None:
    for name, texts in {"v2fly": COMMUNITY, "nextdns": {k: "\n".join(v) for k, v in NEXTDNS.items()}}.items():
        (tmp_path / name).mkdir()
        for each, text in texts.items():
            (tmp_path / name / each).write_text(text, encoding="utf-8")
        (tmp_path / f"{name}.json").write_text(json.dumps(COMMUNITY if name == "v2fly" else NEXTDNS))
    directories = Sources.read(tmp_path / "v2fly", tmp_path / "nextdns", tmp_path)
    single = Sources.read(tmp_path / "v2fly.json", tmp_path / "nextdns.json", tmp_path)
    wanted = {"v2fly": ["chat", "games"], "nextdns": ["chat"]}
    assert made(directories, **wanted).names == made(single, **wanted).names != {}


def test_lists_come_together(lists: Sources) -> None:
    entry = made(lists, v2fly=["chat"], nextdns=["chat"])
    assert entry.subtree["chat.example"] == {"v2fly", "nextdns-services"}
    assert "chat-cdn.example" in entry.subtree, "without the remark behind it"
    assert not [name for name in entry.names if "_" in name]


def test_a_name_that_stands_alone_in_one_list_and_whole_in_another_is_whole(lists: Sources) -> None:
    wide = Sources(lists.community, {"games": ["play.games.example"]}, lists.lists)
    entry = made(wide, v2fly=["games"], nextdns=["games"])
    assert entry.exact == {}
    assert entry.subtree["play.games.example"] == {"v2fly", "nextdns-services"}


def test_the_review_picks_adds_and_leaves_out(lists: Sources) -> None:
    assert made(lists, v2fly=["games"], having=["play"]).names.keys() == {"play.games.example"}
    added = {"meet.example": "sinfonietta/social", "other.example": "v2fly/other", "own.example": "own-page"}
    assert made(lists, add=added).names == {
        "meet.example": {"sinfonietta"},
        "other.example": {"v2fly"},
        "own.example": {"own-page"},
    }
    left = made(lists, v2fly=["chat"], leave_out={"chat.example": "a reason"})
    assert left.names.keys() == {"files.chat.example.net"}, "what is below it goes with it"


@pytest.mark.parametrize(
    ("review", "message"),
    [
        ({"v2fly": ["none"]}, "has no list 'none'"),
        ({"nextdns": ["none"]}, "has no list 'none'"),
        ({"add": {"gone.example": "v2fly/other"}}, "does not have gone.example any more"),
        ({"add": {"gone.example": "sinfonietta/social"}}, "does not have gone.example any more"),
        ({"add": {"gone.example": "sinfonietta/adult"}}, "no list adult/sinfonietta.txt"),
        ({"v2fly": ["chat"], "leave_out": {"gone.example": "x"}}, "which no source of it has"),
        (
            {"v2fly": ["chat"], "popular": ["gone.example"]},
            "popular names that are not its own: gone.example",
        ),
        ({"v2fly": ["chat"], "leaveout": {}}, "no such key leaveout"),
    ],
)
def test_a_review_that_does_not_fit_the_sources(lists: Sources, review: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        made(lists, **review)


def test_popular_names(lists: Sources) -> None:
    assert made(lists, v2fly=["chat"]).popular == {"chat.example"}, "not the single host"
    many = Sources(Community({"chat": "\n".join(f"n{n}.example" for n in range(40))}), {}, lists.lists)
    with pytest.raises(SourceError, match="40 names; say which are popular"):
        made(many, v2fly=["chat"])
    assert made(many, v2fly=["chat"], popular=["n1.example"]).popular == {"n1.example"}
    group = {"id": "g", "popular": False}
    entry = {"id": "chat", "title": TEXT, "group": "g", "v2fly": ["chat"]}
    (spared,) = make({"groups": [group], "services": [entry]}, lists)
    assert spared.popular == frozenset()


def test_the_difference_for_review() -> None:
    before = {"a": {"x.example"}, "b": {"y.example"}, "same": {"s.example"}}
    after = {"a": {"x.example", "z.example"}, "c": {"w.example"}, "same": {"s.example"}}
    assert services.difference(before, after) == [
        "a: +z.example",
        "b: gone, and lines may have it: put it back -y.example",
        "c: new service +w.example",
    ]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources and a tree of their own to write to."""
    policies = tmp_path / "policies"
    policies.mkdir()
    engine = {"target": "safe.search.example", "names": {"exact": ["search.example", "chat.example"]}}
    (policies / "safesearch.yaml").write_text(yaml.safe_dump([engine]), encoding="utf-8")
    review = {
        "groups": [{"id": "g", "title": {"es": "Grupo", "en": "Group"}}],
        "services": [{"id": "chat", "title": TEXT, "group": "g", "v2fly": ["chat"], "nextdns": ["chat"]}],
    }
    (tmp_path / "review.yaml").write_text(yaml.safe_dump(review), encoding="utf-8")
    (tmp_path / "v2fly.json").write_text(json.dumps(COMMUNITY), encoding="utf-8")
    (tmp_path / "nextdns.json").write_text(json.dumps(NEXTDNS), encoding="utf-8")
    (tmp_path / "lists").mkdir()
    for name, path in {
        "REVIEWED": tmp_path / "review.yaml",
        "POLICIES": policies,
        "SHIPPED": policies / "services.yaml",
        "GROUPS": policies / "service-groups.yaml",
        "POPULAR": policies / "popular",
    }.items():
        monkeypatch.setattr(services, name, path)
    monkeypatch.setattr(sources, "PROVENANCE", policies / "provenance")
    return tmp_path


def run(tree: Path, *more: str) -> Result:
    """The command, on the sources of the tree."""
    words = ["--v2fly", tree / "v2fly.json", "--nextdns", tree / "nextdns.json", "--lists", tree / "lists"]
    return CliRunner().invoke(services.main, [*map(str, words), *more])


def test_the_files_and_a_second_run(tree: Path) -> None:
    first = run(tree)
    assert first.exit_code == 0, first.output
    assert first.output == "chat: new service +chat-cdn.example +chat.example +files.chat.example.net\n"
    policies = tree / "policies"
    (service,) = yaml.safe_load((policies / "services.yaml").read_text(encoding="utf-8"))
    assert service["names"] == {
        "exact": ["files.chat.example.net"],
        "subtree": ["chat-cdn.example", "chat.example"],
    }
    popular = [
        [line for line in (policies / "popular" / name).read_text("utf-8").splitlines() if line[0] != "#"]
        for name in ("services.txt", "safesearch.txt")
    ]
    assert popular == [["chat-cdn.example", "chat.example"], ["safe.search.example", "search.example"]]
    origins = (policies / "provenance" / "services.tsv").read_text(encoding="utf-8")
    assert "chat.example\tnextdns-services v2fly\n" in origins
    before = {path: path.read_bytes() for path in policies.rglob("*") if path.is_file()}
    assert run(tree).output == "no service changes\n"
    assert {path: path.read_bytes() for path in before} == before


def test_a_dry_run_and_a_failure_write_nothing(tree: Path) -> None:
    assert run(tree, "--dry-run").output.startswith("chat: new service")
    (tree / "nextdns.json").write_text("{}", encoding="utf-8")
    failed = run(tree)
    assert failed.exit_code == 1
    assert "nextdns/services has no list 'chat'" in failed.output
    assert "nothing was written" in failed.output
    assert not (tree / "policies" / "services.yaml").exists()

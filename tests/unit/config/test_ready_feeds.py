"""feeds.d: what an entry must say, and how the operator's files lie over the shipped ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.config.policies import PoliciesError, load_policies, policy_files
from filterd.policy.documents import Policies, Publication, Text
from tests.worlds.installation import write_policies

ABOUT = (
    "about: {title: {es: Lejana, en: Far}, publisher: Far Lists, licence: MIT, address_from: README.md,"
    " address_on: '2026-11-26'}"
)


def entry(identifier: str, use: str = "category: adult", host: str = "far", about: str = ABOUT) -> str:
    """An entry in one line."""
    source = f"https://{host}.lists.example/names.txt"
    return f"- {{id: {identifier}, source: '{source}', format: domains, {use}, {about}}}\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The directory that comes with the product, with two ready feeds."""
    made = write_policies(tmp_path / "shipped")
    write(made, "feeds.d/some.yaml", entry("far") + entry("doh-far", "bypass: doh"))
    return made


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The operator's directory, with nothing in it."""
    made = tmp_path / "own"
    made.mkdir()
    return made


def write(folder: Path, file: str, text: str) -> None:
    """Write a document."""
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def ids(policies: Policies) -> list[str]:
    """The ready feeds."""
    return [each.feed.id for each in policies.ready]


def problems(own: Path, base: Path | None = None) -> dict[str, str]:
    """The faults, by place."""
    with pytest.raises(PoliciesError) as caught:
        load_policies(own, base)
    found: dict[str, str] = {}
    for problem in caught.value.problems:
        found[problem.path] = f"{found.get(problem.path, '')}{problem.message}"
    return found


def test_a_ready_feed_is_read_and_is_not_in_force(base: Path) -> None:
    found = load_policies(base)
    far, doh = found.ready
    assert (far.feed.category, doh.feed.bypass) == ("adult", "doh")
    assert far.publication == Publication(
        Text("Lejana", "Far"), "Far Lists", "MIT", "README.md", "2026-11-26", None
    )
    assert not {"far", "doh-far"} & {each.id for each in found.feeds}


def test_there_may_be_none(tmp_path: Path) -> None:
    assert load_policies(write_policies(tmp_path / "policies")).ready == ()


def test_the_operator_adds_replaces_and_takes_out(own: Path, base: Path) -> None:
    write(own, "feeds.d/mine.yaml", entry("mine") + entry("far", host="near"))
    found = load_policies(own, base)
    assert ids(found) == ["far", "doh-far", "mine"]
    assert found.ready[0].feed.source == "https://near.lists.example/names.txt"
    assert {name for document, name in found.shipped if document == "feeds.d"} == {"doh-far"}
    write(own, "feeds.d/mine.yaml", "- {id: far, disabled: true}\n")
    assert ids(load_policies(own, base)) == ["doh-far"]


def test_the_operators_own_feed_keeps_its_id(own: Path, base: Path) -> None:
    write(own, "feeds.yaml", "- {id: far, source: lists/far.txt, format: domains, category: adult}\n")
    found = load_policies(own, base)
    assert ids(found) == ["doh-far"], "an upgrade that ships a ready feed of this id breaks nothing"
    assert "far" in {each.id for each in found.feeds}


def test_an_id_stands_once(base: Path) -> None:
    write(base, "feeds.d/other.yaml", entry("far") + entry("adult-starter"))
    found = problems(base)
    assert found["feeds.d"] == "the id far stands twice"
    write(base, "feeds.d/other.yaml", entry("adult-starter"))
    assert "stands in feeds.yaml too" in problems(base)["feeds.d/other.yaml[0]"]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (entry("x", "category: none"), "[0].category", "no category none"),
        (entry("x", "bypass: none"), "[0].bypass", "no bypass none"),
        (entry("doh", "bypass: doh"), "[0]", "has the id of a way around"),
        (entry("x", "mandatory: {authority: a, ground: b}"), "[0]", "never enabled"),
        (entry("x", about="about: {}"), "[0].about.licence", "is missing"),
        (entry("x", about="refresh: 1d"), "[0].about", "is missing"),
        (entry("x", about=ABOUT.replace("2026-11-26", "2026-11-31")), "[0].about.address_on", "is no day"),
        (entry("x", about=ABOUT.replace("'2026-11-26'", "26")), "[0].about.address_on", "is no day"),
        (entry("x", about=ABOUT + ", strange: 1"), "[0].strange", "unknown key"),
        ("- 1\n", "[0]", "must be a mapping"),
        ("", "", "is empty"),
        ("far: 1\n", "", "must be a list"),
    ],
)
def test_a_wrong_entry_is_named(base: Path, text: str, place: str, message: str) -> None:
    write(base, "feeds.d/own.yaml", text)
    assert message in problems(base)[f"feeds.d/own.yaml{place}"]


def test_another_ending_is_not_passed_over(base: Path) -> None:
    write(base, "feeds.d/own.yml", entry("x"))
    assert problems(base) == {"feeds.d/own.yml": "must end in .yaml"}


def test_changes_of_a_file_are_seen(own: Path, base: Path) -> None:
    write(own, "feeds.d/mine.yaml", entry("mine"))
    assert {own / "feeds.d/mine.yaml", base / "feeds.d/some.yaml"} <= set(policy_files(own, base))


def test_a_popular_name_is_assigned_to_a_way(base: Path) -> None:
    write(base, "expected.yaml", "popular.example: [gambling, doh]\n")
    assert load_policies(base).expected[0].categories == ("gambling", "doh")

"""The operator's policies laid over the shipped ones: by id, never lost, taken out by word alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.config.policies import PoliciesError, load_policies, policy_files
from filterd.model.rule import NameRule, Scope
from filterd.policy.documents import Policies
from tests.worlds.installation import POLICIES, write_policies

SHIPPED = Path(__file__).parents[3] / "policies"
TEXT = "{es: a, en: a}"
PROFILE = f"title: {TEXT}\ndescription: {TEXT}\naudience: {TEXT}\n"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The directory that comes with the product."""
    return write_policies(tmp_path / "shipped")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The operator's directory, with nothing in it."""
    made = tmp_path / "own"
    made.mkdir()
    return made


def problems(own: Path, base: Path) -> dict[str, str]:
    """The faults of the two directories, by place."""
    with pytest.raises(PoliciesError) as caught:
        load_policies(own, base)
    assert caught.value.remedy
    return {problem.path: problem.message for problem in caught.value.problems}


def write(folder: Path, file: str, text: str) -> None:
    """Write a document."""
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def ids(policies: Policies) -> list[str]:
    """The feeds."""
    return [each.id for each in policies.feeds]


def test_an_empty_directory_takes_everything_from_below(own: Path, base: Path) -> None:
    found, alone = load_policies(own, base), load_policies(base)
    assert found.categories == alone.categories
    assert found.profiles == alone.profiles
    assert found.protected == alone.protected
    assert found.expected == alone.expected
    assert [each.source for each in found.feeds] == [str(base / each.source) for each in alone.feeds]
    assert {name for document, name in found.shipped if document == "feeds.yaml"} == set(ids(alone))
    assert not alone.shipped, "a directory that stands alone is the operator's"


def test_a_whole_copy_over_what_is_shipped_says_the_same(tmp_path: Path, base: Path) -> None:
    copy = write_policies(tmp_path / "copy")
    found = load_policies(copy, base)
    assert found == load_policies(copy)
    assert not found.shipped


GROUPED = """
public_suffixes: true
groups:
- {id: messaging, title: {es: a, en: a}, names: {subtree: [chat.example]}}
- {id: banks, title: {es: b, en: b}, names: {subtree: [bank.example]}}
"""


def test_groups_are_added_replaced_and_taken_out_by_their_ids(own: Path, base: Path) -> None:
    write(base, "protected.yaml", GROUPED)
    write(
        own,
        "protected.yaml",
        "groups:\n"
        "- {id: banks, title: {es: c, en: c}, names: {exact: [other.example]}}\n"
        "- {id: schools, title: {es: d, en: d}, names: {subtree: [school.example]}}\n"
        "without: {groups: [messaging, gone]}\n",
    )
    found = load_policies(own, base)
    assert [(group.id, group.title.es) for group in found.protected.groups] == [
        ("banks", "c"),
        ("schools", "d"),
    ]
    assert found.protected.groups[0].names == (NameRule("other.example", Scope.EXACT),)
    assert found.remarks == ("protected.yaml.without.groups: takes out gone, which is not shipped",)


def test_an_own_profile_that_blocks_everything_is_remarked_on_and_a_shipped_one_is_not(
    own: Path, base: Path
) -> None:
    night = PROFILE + 'schedule: [{days: daily, from: "21:00", until: "06:00", block: everything}]\n'
    write(base, "profiles/shipped.yaml", night)
    assert load_policies(own, base).remarks == ()
    write(own, "profiles/own.yaml", night)
    (remark,) = load_policies(own, base).remarks
    assert remark.startswith("profiles/own.yaml: blocks everything")


def test_a_whole_directory_without_a_base_gets_nothing_from_anywhere(tmp_path: Path) -> None:
    copy = write_policies(tmp_path / "copy")
    write(copy, "feeds.yaml", "[]")
    assert load_policies(copy).feeds == ()


@pytest.mark.ring("night")
def test_the_real_shipped_policies_can_be_laid_over(own: Path) -> None:
    write(own, "feeds.yaml", "[{id: more, source: more.txt, format: domains, category: games}]")
    found = load_policies(own, SHIPPED)
    assert ids(found) == [*ids(load_policies(SHIPPED)), "more"]
    assert all(Path(each.source).is_file() for each in found.feeds if each.id != "more")


def test_entries_are_added_and_replaced_by_id(own: Path, base: Path) -> None:
    write(
        own,
        "feeds.yaml",
        "- {id: more, source: lists/more.txt, format: domains, category: adult}\n"
        "- {id: adult-starter, source: lists/better.txt, format: hosts, category: adult}\n",
    )
    found = load_policies(own, base)
    assert ids(found) == ["adult-starter", "gambling-starter", "worst-of", "more"]
    sources = {each.id: each.source for each in found.feeds}
    assert sources["adult-starter"] == "lists/better.txt", "below the directory of the file that names it"
    assert sources["gambling-starter"] == str(base / "lists/gambling.txt")
    assert ("feeds.yaml", "adult-starter") not in found.shipped
    assert ("feeds.yaml", "gambling-starter") in found.shipped


def test_a_profile_of_ones_own_replaces_the_shipped_one_whole(own: Path, base: Path) -> None:
    write(own, "profiles/teen.yaml", PROFILE + "categories: [gambling]")
    write(own, "profiles/own.yaml", PROFILE + "categories: [adult]")
    found = {each.id: each for each in load_policies(own, base).profiles}
    assert list(found) == ["child", "own", "teen"]
    assert found["teen"].categories == ("gambling",)


def test_what_is_shipped_goes_by_word_alone(own: Path, base: Path) -> None:
    write(own, "feeds.yaml", "[{id: adult-starter, disabled: true}]")
    write(own, "services.yaml", "[]")
    write(own, "profiles/teen.yaml", "disabled: true")
    write(own, "expected.yaml", "{popular.example: disabled, other.example: []}")
    found = load_policies(own, base)
    assert ids(found) == ["gambling-starter", "worst-of"]
    assert [each.id for each in found.services] == ["chat"]
    assert [each.id for each in found.profiles] == ["child"]
    assert [each.name for each in found.expected] == ["other.example"]
    assert found.remarks == ()


def test_taking_out_what_an_upgrade_took_already_is_a_remark(own: Path, base: Path) -> None:
    write(own, "feeds.yaml", "[{id: long-gone, disabled: true}]")
    write(own, "expected.yaml", "{gone.example: disabled}")
    write(own, "protected.yaml", "without: {names: {exact: [gone.example]}}")
    found = load_policies(own, base)
    assert [each.partition(":")[0] for each in found.remarks] == [
        "feeds.yaml[0]",
        "protected.yaml.without.names",
        "expected.yaml.gone.example",
    ]


def test_protection_is_added_to(own: Path, base: Path) -> None:
    write(own, "protected.yaml", "names: {subtree: [mine.example]}\naddresses: [203.0.113.0/24]")
    found, below = load_policies(own, base).protected, load_policies(base).protected
    assert found.public_suffixes
    assert set(found.names) == {*below.names, NameRule("mine.example", Scope.SUBTREE)}
    assert set(map(str, found.addresses)) == {"198.51.100.0/24", "203.0.113.0/24"}
    assert found.always_allowed == below.always_allowed


def test_protection_is_taken_away_by_name(own: Path, base: Path) -> None:
    write(own, "protected.yaml", "public_suffixes: false\nwithout: {names: {exact: [help.example]}}")
    found = load_policies(own, base).protected
    assert not found.public_suffixes, "somebody wrote it"
    assert found.names == (NameRule("portal.example", Scope.SUBTREE),)
    write(own, "protected.yaml", "{}")
    assert load_policies(own, base).protected == load_policies(base).protected


@pytest.mark.parametrize("file", [*(each for each in POLICIES if each.endswith(".yaml"))])
@pytest.mark.parametrize("text", ["", "# cut off\n", "null\n"])
def test_a_file_that_was_emptied_is_an_error_in_either_directory(
    own: Path, base: Path, file: str, text: str
) -> None:
    write(own, file, text)
    assert set(problems(own, base)) == {file}
    (own / file).unlink()
    write(base, file, text)
    found = problems(own, base)
    assert str(base / file) in found
    assert found[str(base / file)].startswith("is empty, as a file that was cut off is")


def test_a_shipped_file_that_is_missing_is_an_error(own: Path, base: Path) -> None:
    (base / "protected.yaml").unlink()
    assert "cannot be read" in problems(own, base)[str(base / "protected.yaml")]


def test_a_link_that_leads_nowhere_is_no_missing_file(own: Path, base: Path) -> None:
    (own / "protected.yaml").symlink_to(own / "gone")
    assert "cannot be read" in problems(own, base)["protected.yaml"]


@pytest.mark.parametrize("file", ["feed.yaml", "protected.yml", "Feeds.yaml"])
def test_a_misspelt_file_is_not_passed_over(own: Path, base: Path, file: str) -> None:
    write(own, file, "[]")
    assert "is no document" in problems(own, base)[file]


def test_directories_that_are_not_there(own: Path, base: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert set(problems(own, gone)) == {str(gone)}
    assert set(problems(gone, base)) == {str(gone)}


def test_problems_name_the_file_that_they_stand_in(own: Path, base: Path) -> None:
    write(base, "feeds.yaml", "[{id: a, source: b, format: domains, category: lost}]")
    write(base, "profiles/teen.yaml", PROFILE + "services: [lost]")
    write(own, "feeds.yaml", "[{id: b, source: b, format: domains, category: adlut}]")
    write(own, "profiles/own.yaml", PROFILE + "bypass: [lost]")
    write(own, "expected.yaml", "a.example: [lost]")
    assert set(problems(own, base)) == {
        f"{base}/feeds.yaml[0].category",
        f"{base}/profiles/teen.yaml.services",
        "feeds.yaml[0].category",
        "profiles/own.yaml.bypass",
        "expected.yaml.a.example",
    }


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ("{id: worst-of, disabled: yes-please}", "feeds.yaml[0].disabled"),
        ("{id: worst-of, disabled: false}", "feeds.yaml[0].disabled"),
        ("{id: worst-of, disabled: }", "feeds.yaml[0].disabled"),
        ("{id: worst-of, disabled: true, source: x}", "feeds.yaml[0]"),
    ],
)
def test_taking_out_says_nothing_else(own: Path, base: Path, entry: str, place: str) -> None:
    write(own, "feeds.yaml", f"[{entry}]")
    assert set(problems(own, base)) == {place}


def test_an_id_stands_once_in_each_directory(own: Path, base: Path) -> None:
    write(own, "feeds.yaml", "[{id: worst-of, disabled: true}, {id: worst-of, disabled: true}]")
    assert problems(own, base) == {"feeds.yaml": "the id worst-of stands twice"}


def test_nothing_can_be_taken_out_where_nothing_lies_below(base: Path) -> None:
    write(base, "feeds.yaml", "[{id: adult-starter, disabled: true}]")
    with pytest.raises(PoliciesError, match=r"feeds\.yaml\[0\]\.disabled: takes out a shipped entry"):
        load_policies(base)


def test_both_directories_are_watched(own: Path, base: Path) -> None:
    write(own, "profiles/own.yaml", PROFILE)
    found = policy_files(own, base)
    assert own / "profiles/own.yaml" in found
    assert base / "feeds.yaml" in found
    assert policy_files(own, None) == [own / "profiles/own.yaml"]

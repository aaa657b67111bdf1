"""Categories that stand in one country's pack exist only where the configuration names that country."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.config.load import ConfigErrors, load
from filterd.config.policies import PoliciesError, load_policies

SHIPPED = Path(__file__).parents[3] / "policies"
ITALY = {"hate-discrimination", "sects"}
FEED = "- {id: mine, source: mine.txt, format: domains, category: sects}\n"


def ids(directory: Path, base: Path | None = None, jurisdiction: str = "mx") -> set[str]:
    """The ids of the categories that are in force."""
    return {each.id for each in load_policies(directory, base, jurisdiction).categories}


@pytest.mark.ring("night")
def test_another_countrys_categories_are_not_there() -> None:
    assert not ITALY & ids(SHIPPED)
    assert not ITALY & ids(SHIPPED, None, "mx")


@pytest.mark.ring("night")
def test_the_country_named_adds_its_own(tmp_path: Path) -> None:
    assert ids(SHIPPED, None, "it") == ids(SHIPPED) | ITALY
    laid = load_policies(tmp_path, SHIPPED, "it")
    assert {("categories.yaml", each) for each in ITALY} <= laid.shipped
    assert all(each.empty for each in laid.categories if each.id in ITALY)


@pytest.mark.ring("night")
def test_a_feed_may_fill_it_there_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "feeds.yaml").write_text(FEED)
    assert "mine" in {each.id for each in load_policies(tmp_path, SHIPPED, "it").feeds}
    with pytest.raises(PoliciesError, match=r"no category sects here: jurisdictions/it.yaml has it.*: it"):
        load_policies(tmp_path, SHIPPED, "mx")


def test_a_country_without_a_file_is_an_error_with_those_there_are() -> None:
    with pytest.raises(PoliciesError, match=r"jurisdiction: names xk.*it, mx"):
        load_policies(SHIPPED, None, "xk")


@pytest.mark.ring("night")
def test_a_category_of_a_pack_that_the_operator_has_too_is_an_error(tmp_path: Path) -> None:
    text = "{es: a, en: a}"
    (tmp_path / "categories.yaml").write_text(f"- {{id: sects, title: {text}, description: {text}}}\n")
    assert "sects" in ids(tmp_path, SHIPPED)
    with pytest.raises(PoliciesError, match=r"the category sects stands in categories\.yaml"):
        load_policies(tmp_path, SHIPPED, "it")


def test_an_own_file_of_the_country_replaces_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "jurisdictions").mkdir()
    own = (
        "{title: {es: a, en: a}, calendar: {zone: Europe/Rome, weekend: [sat]}, authorities: [], grounds: []}"
    )
    (tmp_path / "jurisdictions/it.yaml").write_text(own)
    assert not ITALY & ids(tmp_path, SHIPPED, "it")


@pytest.mark.parametrize("written", ["Mexico", "MX", "", "mex", "12"])
def test_the_setting_takes_two_letters(tmp_path: Path, written: str) -> None:
    file = tmp_path / "filterd.yaml"
    file.write_text(f'jurisdiction: "{written}"\ndns: {{upstreams: ["192.0.2.53"]}}\n')
    with pytest.raises(ConfigErrors, match="jurisdiction"):
        load(file)
    file.write_text('jurisdiction: it\ndns: {upstreams: ["192.0.2.53"]}\n')
    assert load(file).jurisdiction == "it"

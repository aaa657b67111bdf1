"""The shipped files are as they came, or the policies are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from filterd.config.policies import PoliciesError, PolicyPart, load_part, load_policies
from filterd.config.shipped_files import SUMS

SHIPPED = Path(__file__).parents[3] / "policies"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A copy of the shipped policies."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "base"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An empty directory of the operator's."""
    directory = tmp_path / "own"
    directory.mkdir()
    return directory


@pytest.mark.parametrize("name", ["profiles/children.yaml", "protected.yaml", "lists/adult.txt", SUMS])
def test_a_file_that_was_cut_off_at_a_line_end_is_refused(base: Path, own: Path, name: str) -> None:
    assert load_policies(own, base).proven
    lines = (base / name).read_text().splitlines(keepends=True)
    (base / name).write_text("".join(lines[: len(lines) * 2 // 3]))
    with pytest.raises(PoliciesError, match="cut off") as refused:
        load_policies(own, base)
    assert refused.value.remedy.startswith("reinstall the package; your own changes go into")


@pytest.mark.ring("night")
def test_a_part_that_was_cut_off_is_not_whole_and_the_others_are(base: Path, own: Path) -> None:
    parts = (PolicyPart.PROTECTED, PolicyPart.EXPECTED, PolicyPart.JURISDICTIONS, PolicyPart.FEEDS)
    assert not any(load_part(each, own, base).problems for each in parts)
    file = base / "protected.yaml"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[: len(lines) * 2 // 3]))
    assert any("cut off" in each.message for each in load_part(PolicyPart.PROTECTED, own, base).problems)
    assert not any(load_part(each, own, base).problems for each in parts[1:])
    (base / SUMS).write_text("")
    assert all(load_part(each, own, base).problems for each in parts)


def test_a_missing_file_is_refused_and_a_base_without_sums_is_not_looked_at(base: Path, own: Path) -> None:
    (base / "profiles/children.yaml").unlink()
    with pytest.raises(PoliciesError, match=r"children\.yaml: is missing"):
        load_policies(own, base)
    (base / SUMS).unlink()
    assert not load_policies(own, base).proven


def test_a_profile_without_any_restriction_is_wrong(base: Path, own: Path) -> None:
    text = (base / "profiles/children.yaml").read_text()
    (own / "profiles").mkdir()
    (own / "profiles/children.yaml").write_text(text[: text.index("categories:")])
    with pytest.raises(PoliciesError, match=r"children\.yaml: restricts nothing"):
        load_policies(own, base)

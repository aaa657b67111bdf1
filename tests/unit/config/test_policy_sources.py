"""sources.yaml and provenance/*.tsv: read whole, and every problem told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.config.policy_sources import Sources, SourcesError, read_sources

LIST = '{id: public, repository: someone/list, commit: abc123, date: "2026-01-02", licence: MIT, notice: n}'
PAGE = '{id: page, page: "https://help.test.example/dns", date: "2026-01-03", licence: facts, notice: n}'


def written(directory: Path, sources: str, **provenance: str) -> Path:
    """A policies directory with these files."""
    (directory / "sources.yaml").write_text(sources)
    (directory / "provenance").mkdir()
    for name, text in provenance.items():
        (directory / "provenance" / f"{name.replace('_', '-')}.tsv").write_text(text)
    return directory


def problems(directory: Path) -> list[str]:
    """The lines of what is wrong."""
    with pytest.raises(SourcesError) as raised:
        read_sources(directory)
    return str(raised.value).splitlines()


def test_a_name_has_its_sources_in_the_files_of_its_document(tmp_path: Path) -> None:
    two = written(
        tmp_path,
        f"[{LIST}, {PAGE}]",
        lists="one.test.example\tpublic\n",
        lists_more="two.test.example\tpage public\n",
        services="three.test.example\tpage\n",
    )
    found = read_sources(two)
    assert [each.id for each in found.of("lists", "one.test.example")] == ["public"]
    assert [each.place for each in found.of("lists", "two.test.example")] == [
        "https://help.test.example/dns",
        "someone/list",
    ]
    assert found.of("lists", "three.test.example") == ()
    assert [each.id for each in found.anywhere("three.test.example")] == ["page"]
    assert found.anywhere("four.test.example") == ()
    assert found.of("list", "two.test.example") == ()
    assert Sources().of("lists", "one.test.example") == ()


def test_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    bad = written(
        tmp_path,
        f"[{LIST}, {LIST}, {{id: both, licence: MIT, date: d, notice: n}}]",
        lists="one.test.example\tpublic\ntwo.test.example\tstranger\nthree.test.example\n",
    )
    told = problems(bad)
    assert any("sources.yaml" in line and "must have either a repository" in line for line in told)
    assert any("the id public stands twice" in line for line in told)
    assert any("provenance/lists.tsv:2" in line and "stranger" in line for line in told)
    assert any("provenance/lists.tsv:3" in line and "no source is named" in line for line in told)


def test_a_repository_goes_with_its_commit(tmp_path: Path) -> None:
    without = LIST.replace("commit: abc123, ", "")
    assert any("commit with its repository" in line for line in problems(written(tmp_path, f"[{without}]")))


@pytest.mark.parametrize("text", ["", "[", "~"])
def test_a_damaged_list_of_sources_is_an_error(tmp_path: Path, text: str) -> None:
    assert any(
        line.startswith("sources.yaml") for line in problems(written(tmp_path, text, lists="a.b\tc\n"))
    )


def test_without_files_nothing_can_be_told(tmp_path: Path) -> None:
    assert any(line.startswith("sources.yaml") for line in problems(tmp_path))
    (tmp_path / "sources.yaml").write_text(f"[{LIST}]")
    assert any(line.startswith("provenance") for line in problems(tmp_path))


def test_bytes_that_are_no_names_are_told(tmp_path: Path) -> None:
    written(tmp_path, f"[{LIST}]")
    (tmp_path / "provenance/lists.tsv").write_bytes(b"\xff\tpublic\n")
    assert any("provenance/lists.tsv" in line and "cannot be read" in line for line in problems(tmp_path))

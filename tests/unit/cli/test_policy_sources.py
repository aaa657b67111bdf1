"""``filterd policies source`` and ``policies sources``: the licence of each shipped name by one command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Answer = Callable[..., Any]

SOURCES = """
- {id: public, repository: someone/list, commit: abc123, date: "2026-01-02", licence: MIT, notice: mine}
- {id: page, page: "https://safe.test.example/dns", date: "2026-01-03", licence: facts, notice: published}
"""
LISTS = "adult.test.example\tpublic\n"
SAFE = "{id: engine, engine: engine, title: {es: a, en: a}, target: safe.test.example, names: {exact: [%s]}}"


@pytest.fixture
def recorded(installation: Path) -> Path:
    """The policies of the installation, with the sources of their names."""
    policies = installation.parent / "policies"
    (policies / "provenance").mkdir()
    (policies / "sources.yaml").write_text(SOURCES)
    (policies / "provenance/lists.tsv").write_text(LISTS)
    (policies / "provenance/safesearch.tsv").write_text("safe.test.example\tpage\n")
    (policies / "safesearch.yaml").write_text(f"[{SAFE % 'search.test.example'}]")
    return policies


def test_a_name_below_a_listed_one_is_told_with_its_source(recorded: Path, run: Run, answer: Answer) -> None:
    told = run("policies", "source", "www.Adult.test.example.")
    assert told.exit_code == 0, told.stderr
    for word in ("starter-adult", "adult.test.example", "someone/list", "abc123", "2026-01-02", "MIT"):
        assert word in told.stdout
    (found,) = answer("policies", "source", "www.adult.test.example")
    (passage,) = found["passages"]
    assert (passage["document"], passage["entry"], passage["name"]) == (
        "lists",
        "starter-adult",
        "adult.test.example",
    )
    assert passage["origin"] == "shipped"
    assert [each["licence"] for each in passage["sources"]] == ["MIT"]
    assert recorded.exists()


def test_a_published_fact_has_the_address_of_its_page(recorded: Path, run: Run) -> None:
    told = run("policies", "source", "safe.test.example").stdout
    assert "https://safe.test.example/dns" in told
    assert "facts" in told
    assert recorded.exists()


def test_a_popular_name_has_the_sources_of_the_document_it_was_picked_from(
    recorded: Path, answer: Answer
) -> None:
    (recorded / "popular").mkdir()
    (recorded / "popular/services.txt").write_text("adult.test.example\n")
    (found,) = answer("policies", "source", "adult.test.example")
    popular = [each for each in found["passages"] if each["document"] == "popular"]
    assert [source["id"] for each in popular for source in each["sources"]] == ["public"]


def test_a_name_of_the_operator_is_from_the_operators_file(recorded: Path, run: Run, answer: Answer) -> None:
    assert "your own file" in run("policies", "source", "search.test.example").stdout
    (found,) = answer("policies", "source", "search.test.example")
    assert [(each["origin"], each["sources"]) for each in found["passages"]] == [("own", [])]
    assert recorded.exists()


def test_an_own_entry_over_a_shipped_one_is_own(installation: Path, recorded: Path, run: Run) -> None:
    own = installation.parent / "own"
    (own / "lists").mkdir(parents=True)
    (own / "lists/mine.txt").write_text("adult.test.example\n")
    (own / "feeds.yaml").write_text("[{id: mine, source: lists/mine.txt, format: domains, category: adult}]")
    base = f'"policies": "own", "policies_base": "{recorded}"'
    installation.write_text(installation.read_text().replace('"policies": "policies"', base))
    lines = run("policies", "source", "adult.test.example").stdout.splitlines()
    assert any("starter-adult" in line and "someone/list" in line for line in lines)
    assert any(" mine " in line and "your own file" in line for line in lines)


def test_a_name_that_no_policy_has_fails_and_says_what_to_do(recorded: Path, run: Run) -> None:
    told = run("policies", "source", "adult.test.example", "other.test.example")
    assert told.exit_code == 1
    assert "someone/list" in told.stdout, "what was found is shown all the same"
    assert "no policy here has other.test.example" in told.stderr
    assert "filterd check other.test.example" in told.stderr
    assert run("policies", "source", "a..b").exit_code == 1
    assert run("policies", "source").exit_code == 2
    assert recorded.exists()


def test_a_list_that_cannot_be_read_hides_nothing_else(recorded: Path, run: Run) -> None:
    (recorded / "lists/adult.txt").unlink()
    assert run("policies", "source", "safe.test.example").exit_code == 0
    assert run("policies", "source", "adult.test.example").exit_code == 1


def test_a_confidential_list_is_passed_over(recorded: Path, run: Run) -> None:
    feed = (
        "[{id: adopted, source: lists/adult.txt, format: domains,"
        " mandatory: {authority: interpol, ground: adopted-list, confidential: true}}]"
    )
    (recorded / "feeds.yaml").write_text(feed)
    told = run("policies", "source", "adult.test.example")
    assert told.exit_code == 1
    assert "adopted" not in told.output


def test_every_source_is_listed_with_its_names(recorded: Path, run: Run, answer: Answer) -> None:
    (recorded / "provenance/services.tsv").write_text(LISTS + "more.test.example\tpublic page\n")
    found = {each["source"]["id"]: each for each in answer("policies", "sources")}
    assert {key: (each["names"], each["documents"]) for key, each in found.items()} == {
        "public": (2, ["lists", "services"]),
        "page": (2, ["safesearch", "services"]),
    }
    told = run("policies", "sources").stdout
    assert "someone/list" in told
    assert "https://safe.test.example/dns" in told


def test_policies_without_sources_say_what_to_set(installation: Path, run: Run) -> None:
    for arguments in (("sources",), ("source", "adult.test.example")):
        told = run("policies", *arguments)
        assert told.exit_code == 1
        assert "sources.yaml" in told.stderr
        assert "policies_base" in told.stderr
    assert installation.exists()


def test_a_fetched_list_that_cannot_be_read_is_told(recorded: Path, installation: Path, run: Run) -> None:
    (installation.parent / "filterd.db").write_bytes(b"no store at all" * 100)
    told = run("policies", "source", "adult.test.example")
    assert told.exit_code == 0
    assert "lists that are fetched were not looked at: " in told.stderr
    assert recorded.exists()

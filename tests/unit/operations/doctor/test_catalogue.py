"""Every finding stands in the catalogue in both languages, in the code, and in a test that provokes it."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from filterd.operations.doctor.examine import AREAS
from filterd.operations.doctor.finding import LANGUAGES, CatalogueEntry, catalogue, describe, found

ROOT = Path(__file__).parents[4]
CODE = ROOT / "filterd/operations/doctor"
IDENTIFIER = re.compile(r'"([a-z]+\.[a-z_]+)"')
MADE = {
    *(f"service.{role}_{state}" for role in ("resolver", "control") for state in ("down", "not_ready")),
    *(f"nodes.orders_{state}" for state in ("pending", "quarantined")),
}
"""ids that the code puts together"""


def named(text: str) -> set[str]:
    """The ids of the catalogue that a text names in quotation marks."""
    return set(IDENTIFIER.findall(text)) & set(catalogue())


def names(text: str) -> set[str]:
    """The values that a text of the catalogue uses."""
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda each: each.id)
def test_both_languages_are_complete_and_say_the_same_values(entry: CatalogueEntry) -> None:
    for texts in (entry.message, entry.meaning, entry.remedy):
        assert set(texts) == set(LANGUAGES)
        assert all(text.strip() for text in texts.values())
    assert names(entry.remedy["en"]) == names(entry.remedy["es"])
    assert names(entry.message["en"]) <= names(entry.message["es"])  # Spanish may name more beside a reason
    assert not names(entry.meaning["en"]) | names(entry.meaning["es"])
    assert entry.meaning["en"] != entry.meaning["es"]


def test_the_code_makes_every_finding_and_no_other() -> None:
    text = "\n".join(path.read_text() for path in CODE.glob("*.py"))
    assert set(catalogue()) - named(text) - MADE == set()
    made = set(re.findall(r'found\(\s*"([a-z]+\.[a-z_]+)"', text))
    assert made - set(catalogue()) == set()


def test_every_finding_is_provoked_by_a_test() -> None:
    files = [*(ROOT / "tests/unit/operations/doctor").glob("test_*.py"), ROOT / "tests/e2e/test_doctor.py"]
    text = "\n".join(path.read_text() for path in files if path != Path(__file__))
    assert set(catalogue()) - named(text) == set()


def test_the_areas_of_the_catalogue_are_those_of_the_checks() -> None:
    areas = {each.partition(".")[0] for each in catalogue()}
    assert areas == {"config", "doctor", *AREAS}
    assert all((CODE / f"{each}.py").is_file() for each in AREAS)


def test_a_finding_is_a_sentence_with_its_values() -> None:
    about = describe(found("clients.open", prefix="0.0.0.0/0"), "en")
    assert about.message == "this is an open resolver: dns.allow_from has 0.0.0.0/0"
    assert (about.area, about.severity.value, about.values) == ("clients", "error", {"prefix": "0.0.0.0/0"})

"""The retention table against the schema: every column of the store belongs to one class of data."""

from __future__ import annotations

from collections import Counter

from filterd.config.retention_settings import RetentionSettings
from filterd.operations.privacy.classes import DataClass, classes
from filterd.store import consent_tables, feed_tables, notice_tables, page_tables, portal_tables
from filterd.store.tables import metadata


def columns(entry: str) -> list[str]:
    """The columns that an entry of ``tables`` names: one, or all of a table."""
    table, _, column = entry.partition(".")
    return (
        [f"{table}.{column}"]
        if column
        else [f"{table}.{each.name}" for each in metadata.tables[table].columns]
    )


def test_each_column_belongs_to_one_class() -> None:
    made = (
        feed_tables.feed_version,
        consent_tables.consent_text,
        notice_tables.notice,
        page_tables.page_record,
        portal_tables.line_pin,
    )
    for others in made:
        assert others.metadata is metadata
    assert feed_tables.feed_version.metadata is metadata
    claimed = Counter(each for found in classes() for entry in found.tables for each in columns(entry))
    there = {f"{name}.{column.name}" for name, table in metadata.tables.items() for column in table.columns}
    assert set(claimed) == there, "a table or column without a class, or a class of one that is gone"
    assert [name for name, count in claimed.items() if count > 1] == []


def test_whatever_leads_to_a_line_is_of_a_personal_class() -> None:
    lines = {name for name, table in metadata.tables.items() if "line" in table.columns}
    personal = {entry.partition(".")[0] for each in classes() if each.personal for entry in each.tables}
    assert lines <= personal
    assert lines >= {"subscriber", "line_state", "own_name", "request", "binding", "arco_request"}


def test_the_settings_and_the_terms_are_the_same() -> None:
    terms = [each.term for each in classes() if each.term]
    assert sorted(terms) == sorted(RetentionSettings.__dataclass_fields__)


def test_each_class_says_everything_in_both_languages() -> None:
    for each in classes():
        assert _complete(each), each.id


def _complete(found: DataClass) -> bool:
    texts = [text for words in (found.holds, found.counted) for text in words.values()]
    both = found.holds.keys() == found.counted.keys() == {"en", "es"}
    return both and all(texts) and "mx" in found.law

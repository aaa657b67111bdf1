"""YAML is read as it was written: no word becomes a number or a flag, and a written null is kept apart."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from filterd.config import yamlfile
from filterd.config.yamlfile import Nothing, YamlError, parse_yaml, settle

texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=12)
values = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
words = st.from_regex(r"[-+]?[0-9_:.xobXOBa-fA-F]{1,8}|[A-Za-z]{1,5}", fullmatch=True)


@given(values.filter(lambda value: value not in ("", None)))
def test_what_was_dumped_is_read_back(value: object) -> None:
    assert parse_yaml(yaml.safe_dump(value, allow_unicode=True)) == value
    assert parse_yaml(json.dumps(value, ensure_ascii=False)) == value


@given(words)
def test_a_plain_word_is_itself_or_what_json_says(word: str) -> None:
    """A number is one only where JSON, with its sign and the ends of its fraction left out, has the same."""
    try:
        value = parse_yaml(f"key: {word}")["key"]
    except YamlError:
        return
    if isinstance(value, bool):
        assert word.lower() == str(value).lower()
    elif isinstance(value, int):
        assert word.removeprefix("+").removeprefix("-") == str(abs(value))
    elif isinstance(value, float):
        assert value == float(word)
        assert "_" not in word
        assert ":" not in word
    else:
        assert value in (word, Nothing(word))


@pytest.mark.parametrize(
    "word", ["no", "NO", "off", "y", "1_000", "010", "0x1F", "21:00", "2026-11-26", "1e3", "08"]
)
def test_words_that_yaml_1_1_takes_for_something_else(word: str) -> None:
    assert parse_yaml(f"key: {word}") == {"key": word}
    assert parse_yaml(f"{word}: key") == {word: "key"}


def test_written_nulls_and_where_they_stand() -> None:
    value = parse_yaml(
        "a:\nb: ~\nc: [1, null, {d: Null}]\nblocking_mode: null\ne: {blocking_mode: ~}\nf: 'null'\n"
    )
    settled, nothings = settle(value)
    assert settled == {
        "a": None,
        "b": None,
        "c": [1, None, {"d": None}],
        "blocking_mode": "null",
        "e": {"blocking_mode": None},
        "f": "null",
    }
    assert {at: each.text for at, each in nothings.items()} == {
        ("a",): "",
        ("b",): "~",
        ("c", 1): "null",
        ("c", 2, "d"): "Null",
        ("e", "blocking_mode"): "~",
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_a_file_without_a_value(text: str) -> None:
    assert parse_yaml(text) is None


def test_a_file_that_says_null() -> None:
    assert parse_yaml("null") == Nothing("null")


def outcome(text: str) -> object:
    """The value of a text, or its errors."""
    try:
        return parse_yaml(text)
    except YamlError as error:
        return error.errors


marks = st.sampled_from(
    ["a", "b: ", ": ", "- ", "[", "]", "{", "}", ", ", "\n", "  ", "~", '"', "'", "#", "1", "&x "]
)


@given(st.lists(marks, max_size=14).map("".join))
def test_the_quick_loader_reads_what_the_plain_one_reads(text: str) -> None:
    """With libyaml or without, a text has the same value or the same errors."""
    quick = outcome(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(yamlfile, "_LOADERS", yamlfile._LOADERS[-1:])
        assert outcome(text) == quick


@pytest.fixture(params=yamlfile._LOADERS)
def one_loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each loader, alone."""
    monkeypatch.setattr(yamlfile, "_LOADERS", [request.param])


def multiplied(levels: int, each: int) -> str:
    """Aliases of aliases: ``each ** levels`` texts in a few lines."""
    lists = [
        f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * each)}]" for level in range(1, levels + 1)
    ]
    return "\n".join(["l0: &l0 x", *lists])


@pytest.mark.usefixtures("one_loader")
@pytest.mark.parametrize("text", [multiplied(7, 9), multiplied(40, 2), multiplied(2, 110)])
def test_aliases_that_multiply_are_refused(text: str) -> None:
    with pytest.raises(YamlError, match=r"its aliases \(\*\) stand for more than 10,000 values"):
        parse_yaml(text)


@pytest.mark.usefixtures("one_loader")
def test_merged_keys_that_multiply_are_refused() -> None:
    merging = [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    with pytest.raises(YamlError, match="stand for more than 10,000 values"):
        parse_yaml("\n".join(["m0: &m0 {a: 1, b: 2}", *merging]))


@pytest.mark.usefixtures("one_loader")
def test_some_aliases_stand_for_what_they_name() -> None:
    text = "base: &base {a: 1, b: [x, y]}\none: {<<: *base, a: 2}\ntwo: [*base, '*']\n"
    base = {"a": 1, "b": ["x", "y"]}
    assert parse_yaml(text) == {"base": base, "one": {"a": 2, "b": ["x", "y"]}, "two": [base, "*"]}

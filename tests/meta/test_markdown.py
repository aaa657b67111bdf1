"""Documents are filled to 100 characters; what must not be broken stays whole."""

from __future__ import annotations

import pytest

from tests.worlds.markdown import WIDTH, too_long, wrapped

WORDS = "word " * 30
CODE = "`" + "code " * 15 + "code`"
LINK = "[" + "text " * 15 + "text](page.md)"


@pytest.mark.parametrize(
    "text", [WORDS, f"- {WORDS}", f"1. {WORDS}", f"  - {WORDS}", f"{WORDS}{CODE} {LINK}"]
)
def test_paragraphs_and_items_are_filled(text: str) -> None:
    first = wrapped(text.rstrip() + "\n")
    assert too_long(text) and not too_long(first)
    assert max(map(len, first.splitlines())) <= WIDTH
    assert first.split() == text.split()
    assert wrapped(first) == first


def test_lines_of_an_item_stand_below_its_text() -> None:
    assert [line[:4] for line in wrapped(f"- {WORDS}\n- b\n").splitlines()] == ["- wo", "  wo", "- b"]


@pytest.mark.parametrize("whole", [CODE, LINK])
def test_code_and_links_stay_on_one_line(whole: str) -> None:
    assert whole in wrapped(f"{WORDS}{whole}\n").splitlines()[-1]


@pytest.mark.parametrize(
    "text",
    [
        f"| {WORDS}|\n",
        f"# {WORDS}\n",
        f"```sh\n{WORDS}\n```\n",
        "short\nlines\n",
        f"{'x' * 120}\n",
        f"> {WORDS}\n> more\n",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert wrapped(text) == text


def test_a_line_does_not_begin_with_a_mark() -> None:
    lines = wrapped("x" * 50 + " " + "y" * 48 + " - " + WORDS.rstrip() + "\n").splitlines()
    assert not any(line.startswith("- ") for line in lines)
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize(
    ("text", "long"),
    [
        (WORDS, 1),
        (f"```\n{WORDS}\n```", 1),
        (f"| {WORDS} |", 0),
        (f"- {'x' * 120}", 0),
        ("x" * WIDTH, 0),
    ],
)
def test_what_is_too_long(text: str, long: int) -> None:
    assert len(too_long(text)) == long

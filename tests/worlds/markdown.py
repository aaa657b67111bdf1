"""Markdown with lines of at most 100 characters: paragraphs and list items are filled, the rest stays, quotes
too: whoever writes one breaks its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

WIDTH = 100
_FENCE = "```"
_ITEM = re.compile(r"(\s*)(?:[-*]|\d+\.)\s+")
_UNBROKEN = re.compile(r"(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S)+")
"""a code span or a link stays on one line, with what touches it"""
_MARKERS = re.compile(r"[-+*]|#+|\d+[.)]|[>|].*")
"""words that would be a mark at the beginning of a line"""


def is_table_row(line: str) -> bool:
    """Return whether a line belongs to a table: Markdown has no way to break one."""
    return line.startswith("|")


def too_long(text: str) -> list[tuple[int, str]]:
    """The lines (with their numbers) that are over the limit and could be broken."""
    return [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > WIDTH and not is_table_row(line) and len(_UNBROKEN.findall(line.strip("-* "))) > 1
    ]


def wrapped(text: str) -> str:
    """The text with every paragraph and list item that has a line over the limit filled anew."""
    return "".join(
        block if _stays(block) else filled(block) for block in _blocks(text.splitlines(keepends=True))
    )


def filled(block: str) -> str:
    """One paragraph or list item, its lines as full as the limit allows."""
    item = _ITEM.match(block)
    indent = " " * (item.end() if item else len(block) - len(block.lstrip(" ")))
    line = block[: len(indent)]
    lines: list[str] = []
    for word in _words(block[len(indent) :]):
        if len(line) + len(word) > WIDTH and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return "\n".join([*lines, line.rstrip()]) + "\n"


def _words(text: str) -> list[str]:
    """The parts that may begin a line, in order; a mark goes with the word before it."""
    words: list[str] = []
    for part in _UNBROKEN.findall(text):
        word = " ".join(part.split())
        if words and _MARKERS.fullmatch(word):
            words[-1] += " " + word
        else:
            words.append(word)
    return words


def _stays(block: str) -> bool:
    first = block.lstrip()
    return first.startswith((_FENCE, "|", "#", "<!--", ">")) or not too_long(block)


def _blocks(lines: list[str]) -> Iterator[str]:
    """The text in pieces: a fenced block, a line that stands alone, a paragraph, a list item."""
    block: list[str] = []
    fenced = False
    for line in lines:
        fence = line.lstrip().startswith(_FENCE)
        alone = not line.strip() or line.startswith(("|", "#", "<!--"))
        if not fenced and block and (fence or alone or _ITEM.match(line)):
            yield "".join(block)
            block = []
        block.append(line)
        if fence:
            fenced = not fenced
        if not fenced and (fence or alone):
            yield "".join(block)
            block = []
    if block:
        yield "".join(block)

"""docs/operations.md as a script: what it writes into files, and what it types, in its order.

A block of ``sh`` is typed as it stands, as root, in one shell. A block of ``yaml`` whose first line is a
comment with an absolute path is the whole of that file. All other blocks are shapes for the reader.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{2,3} (.+)$", re.MULTILINE)
_CALL = re.compile(r"(?:sudo -u (?P<person>\w+) sudo -u filterd |sudo )?filterd (?=\w)")
_FILE = re.compile(r"# (/\S+)\n")


@dataclass(frozen=True, slots=True)
class Step:
    """One block: under which heading it stands, its text, and the file that it is, if it is one."""

    heading: str
    text: str
    file: Path | None = None


def steps(page: Path = PAGE) -> Iterator[Step]:
    """The blocks of the page that are carried out, from top to bottom."""
    text = page.read_text(encoding="utf-8")
    headings = [(found.start(), found[1]) for found in _HEADING.finditer(text)]
    for block in _BLOCK.finditer(text):
        heading = next((name for start, name in reversed(headings) if start < block.start()), "")
        named = _FILE.match(block["text"]) if block["language"] == "yaml" else None
        if named is not None:
            yield Step(heading, block["text"], Path(named[1]))
        elif block["language"] == "sh":
            yield Step(heading, block["text"])


@dataclass(frozen=True, slots=True)
class Typed:
    """A filterd command of the page: its words after ``filterd``, and by whom it is typed."""

    heading: str
    words: tuple[str, ...]
    person: str


def filterd_commands(page: Path = PAGE) -> Iterator[Typed]:
    """The filterd commands of the page, in its order: by the person of ``sudo -u PERSON``, else by root."""
    for step in steps(page):
        if step.file is not None:
            continue
        for line in step.text.replace("\\\n", " ").splitlines():
            called = _CALL.match(line)
            if called is not None:
                words = shlex.split(line[called.end() :], comments=True)
                yield Typed(step.heading, tuple(words), called["person"] or "root")

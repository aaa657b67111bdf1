"""The pages of docs/decisions: their one form, and the index made from them.

# NNNN: Title

Date: YYYY-MM-DD. Status: accepted.                 (or: superseded by [NNNN](NNNN-title.md).)

**Context.** Why something had to be chosen.
**Decision.** What was chosen.
**Consequences.** What it brings and what it costs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs/decisions"
_HEAD = re.compile(
    r"# (?P<number>\d{4}): (?P<title>\S.*)\n\n"
    r"Date: (?P<date>\d{4}-\d{2}-\d{2})\. Status: "
    r"(?P<status>accepted|superseded by\s+\[(?P<by>\d{4})\]\((?P<page>[^)]*)\))\.\n"
)
_PARTS = ["Context", "Decision", "Consequences"]
_INDEX = """\
# Decisions

{note}
One page for each choice that somebody might want to revisit: what it was about, what was chosen,
what it costs. A page that no longer holds stays, and names the page that took its place. Numbers
are grouped by subject: 000 the repository, 002 messages, 003 the snapshot, 004 verdicts, 005
tables, cache and upstreams, 006 the node and its sockets, 007 the store, 008 configuration and
lists, 009 the command line, 010 proofs and hostile input, 011 speed and the fast path, 012 faults
of store, disk and clock, 013 to 015 hostile answers and clients, orders, and what stands in front.

| number | decision | date | status |
| --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """One page, by what its head says."""

    page: str
    number: str
    title: str
    date: date
    superseded_by: str | None
    """number of another page"""


class FormError(ValueError):
    """A page is not in the form; the message names the page and says what is wrong."""


def read(name: str, text: str) -> Decision:
    """One page, its form checked."""
    head = _HEAD.match(text)
    if head is None:
        raise FormError(f"{name}: must begin with '# NNNN: title' and a line with date and status")
    if not re.fullmatch(rf"{head['number']}-[a-z0-9-]+\.md", name):
        raise FormError(f"{name}: has another number than its title, or an unusual name")
    if head["by"] and not (head["page"].startswith(head["by"]) and (FOLDER / head["page"]).is_file()):
        raise FormError(f"{name}: is superseded by a page that is not there")
    parts = re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE)
    if parts != _PARTS:
        raise FormError(f"{name}: has the parts {parts}")
    return Decision(name, head["number"], head["title"], date.fromisoformat(head["date"]), head["by"])


def all_of_them() -> list[Decision]:
    """Every page, by number."""
    return [read(page.name, page.read_text()) for page in sorted(FOLDER.glob("[0-9]*.md"))]


def index(note: str) -> str:
    """docs/decisions/README.md."""
    found = all_of_them()
    pages = {each.number: each.page for each in found}
    return _INDEX.format(note=note) + "".join(_row(each, pages) for each in found)


def _row(each: Decision, pages: dict[str, str]) -> str:
    by = each.superseded_by
    status = f"superseded by [{by}]({pages[by]})" if by else "accepted"
    return f"| [{each.number}]({each.page}) | {each.title} | {each.date} | {status} |\n"

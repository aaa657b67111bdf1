"""policies/lists/SOURCES.md: the public lists and pages that the shipped names are from, and licences."""

from __future__ import annotations

from pathlib import Path

from filterd.config.policy_sources import NameSource, read_sources
from tests.worlds.markdown import wrapped

POLICIES = Path(__file__).parents[2] / "policies"

HEAD = """\
# Where the names of these policies come from

{note}

The starter lists, services, safe search, ways around, protected and popular names hold names taken
from the public lists below, and facts that a body publishes about its own service; no others.
`sources.yaml` states each source once, and `provenance/` which name is from which:
`filterd policies source NAME` tells it for a name, `filterd policies sources` counts them. Each
list file says in its header how many of its names come from which source. No list under another
licence was used.

"""

LICENCE = """
## The MIT licence, which goes with the sources marked so

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def page(note: str) -> str:
    """The page; ``note`` says how it is made."""
    found = list(read_sources(POLICIES).sources.values())
    lists = [each for each in found if each.repository]
    facts = [each for each in found if each.page]
    text = HEAD.replace("{note}", note.strip()) + _table(lists, "Source", "Commit")
    if facts:
        text += "\n## Facts that a body publishes about its own service\n\n" + _table(facts, "Page", "")
    return wrapped(text + LICENCE)


def _table(sources: list[NameSource], place: str, commit: str) -> str:
    head = [place, *([commit] if commit else []), "Date", "Licence", "Notice"]
    rows = [head, ["---"] * len(head)]
    for each in sources:
        cells = [each.place, *([each.commit] if commit else []), each.date, each.licence, each.notice]
        rows.append([cell.replace("|", "\\|") for cell in cells])
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)

"""Writes ``docs/coverage.md``: the shipped profiles against public lists, before and now.

``python -m content.coverage FOLDER`` measures the present policies and those of an earlier commit, with the
same lists. Where git does not have that commit, or its policies can no longer be read, the part about it
stays as it is.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from content.independent import READY, READY_ENGINES, describe
from filterd.config.policies import PoliciesError, load_policies
from filterd.model.rule import Scope
from filterd.operations.coverage.engine import compiled
from filterd.operations.coverage.folder import Area
from filterd.operations.coverage.measuring import Coverage, ProfileCoverage, Request, Row, measure, total
from filterd.policy.documents import Feed, Format, Policies

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "coverage.md"
BEFORE = "b72ddd8"
"""the commit before the shipped policies were extended"""
ZONE = "America/Mexico_City"
BEGIN, END = "# Before", "# Now"
"""the headings of the two parts"""

HEAD = """\
<!-- Written by `make coverage` (content/coverage.py); not by hand. -->

The shipped profiles, measured against lists that others keep: of each list's names, how many a
line with the profile does not reach. Each name is asked for as such a line would ask, outside of
the profile's hours; the verdict is the resolver's own. `filterd policies coverage --against FOLDER`
does the same with lists of yours.

How to read it:

- **Closed** is blocked, or for search engines answered with the safe host. The share is rounded
  down.
- The figures are those of the lists that are *shipped*. Ready feeds (`filterd feed enable`) are
  lists of others that are fetched where filterd runs: with them more is closed.
- Of a list that is to be closed, at most 5,000 names are asked for, always the same ones; of lists
  that stay open, all.
- *All* is everything that the public lists together have in a category, also names that nobody has
  used for years; *visited* are those of them among the 100,000 most visited names of the Internet.
- Some of the public lists of categories are also sources of the shipped ones. Those of services,
  search engines and ways around (AdGuard, NextDNS, dibdot, HaGeZi, UT1) are not.
- A list about something that a profile leaves open by intent counts as `-` there.
"""


def main(arguments: Sequence[str]) -> int:
    """Write the page; 2 for wrong use, 0 also where the lists are absent, which is said."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m content.coverage FOLDER\n")
        return 2
    data = Path(arguments[0])
    if not (data / "domains").is_dir():
        sys.stderr.write(f"skipped: there are no public lists in {data}; docs/coverage.md stays as it is\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="filterd-coverage-") as place:
        folder = Path(place) / "lists"
        describe(data, folder)
        policies = load_policies(ROOT / "policies")
        now = text_of(_measured(policies, ROOT / "policies", folder))
        some = Path(place) / "some"
        describe(data, some, (Area.SEARCH_ENGINES, Area.WAYS_AROUND, Area.MUST_PASS))
        ready = text_with_feeds(_measured(with_feeds(policies, data), ROOT / "policies", some))
        before = before_of(folder, Path(place) / "before")
    PAGE.write_text(f"# Coverage\n\n{HEAD}\n{BEGIN}\n\n{before}\n{END}\n\n{now}\n{ready}", encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written")
    return 0


def _measured(policies: Policies, directory: Path, folder: Path) -> Coverage:
    engine = compiled(policies, directory)
    request = Request(folder=folder, now=int(time.time()), zone=ZONE)
    return measure(engine, request, nullcontext, _tell if sys.stderr.isatty() else None)


def _tell(what: str, done: int, total_steps: int) -> None:
    sys.stderr.write(f"\r{done}/{total_steps} {what:<60.60}")


def before_of(folder: Path, place: Path) -> str:
    """The part about the earlier policies; the one that the page has where they cannot be measured."""
    command = ["git", "-C", str(ROOT), "archive", BEFORE, "policies"]
    try:
        found = subprocess.run(command, capture_output=True, check=False)
        if found.returncode:
            raise LookupError(found.stderr.decode().strip())
        with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
            archive.extractall(place, filter="data")
        return text_of(_measured(load_policies(place / "policies"), place / "policies", folder))
    except (LookupError, OSError, PoliciesError) as error:
        sys.stderr.write(f"the policies of {BEFORE} cannot be measured, so their part stays: {error}\n")
        return PAGE.read_text(encoding="utf-8").split(f"{BEGIN}\n\n")[1].split(f"\n{END}\n")[0]


def with_feeds(policies: Policies, data: Path) -> Policies:
    """The policies with public lists as feeds, as ready ones would bring them."""
    ways = [
        Feed(f"ready-{name}", str(data.resolve() / file), Format.DOMAINS, Scope.SUBTREE, bypass=way)
        for name, (way, file) in READY.items()
    ]
    engines = str(data.resolve() / READY_ENGINES)
    unsafe = Feed("ready-engines", engines, Format.DOMAINS, Scope.SUBTREE, category="unsafe-search")
    return replace(policies, feeds=(*policies.feeds, *ways, unsafe))


def text_with_feeds(found: Coverage) -> str:
    """The part of the page about policies with such feeds."""
    columns = [
        (Area.SEARCH_ENGINES, "NextDNS"),
        (Area.WAYS_AROUND, "NextDNS"),
        (Area.WAYS_AROUND, "NextDNS 2026"),
    ]
    rows = []
    for each in found.profiles:
        by_list = {(row.area, row.title): row for row in each.rows}
        sums = each.totals(Area.MUST_PASS)
        shares = [_cell(by_list[column]) for column in columns]
        rows.append([each.profile, *shares, f"{sums.blocked:,} of {sums.asked:,}"])
    head = ("profile", "search engines", "ways around", "those known in 2026", "must pass: blocked")
    return (
        "## With lists like those of the ready feeds\n\n"
        "The same profiles, with lists of dibdot, UT1, HaGeZi and ShadowWhisperer as feeds for ways around\n"
        "and for engines without safe search, by what NextDNS lists. The copies are of 2026, HaGeZi's of\n"
        "2022:\n\n" + table(head, rows)
    )


def text_of(found: Coverage) -> str:
    """One part of the page."""
    return "\n".join(
        (
            "## By profile\n",
            "Of the lists that each profile restricts, the share that is closed, and the number of names:\n",
            table(("profile", "search engines", "ways around", "services", "categories"), _closed(found)),
            "Of lists that stay open, what is blocked. The sites that must pass are of health,",
            "contraception, LGBT+ people, help against violence, human rights, news and government:\n",
            table(("profile", "must pass: blocked", "the 10,000 most visited: blocked"), _open(found)),
            "## Search engines\n",
            "NextDNS and HaGeZi list engines without safe search, AdGuard the hosts of those that have it:\n",
            table(*_lists(found, Area.SEARCH_ENGINES)),
            "## Ways around\n",
            "NextDNS and HaGeZi list all kinds, dibdot and UT1 one. *NextDNS 2026* are those names of",
            "NextDNS's older list that a list of 2026 still has:\n",
            table(*_lists(found, Area.WAYS_AROUND)),
            "## Services\n",
            "Applications that others can block by a switch, with all services of these policies",
            "restricted:\n",
            table(("list", "services", "known here", "closed whole", "names", "closed"), _services(found)),
            "## Categories\n",
            "With that category alone restricted:\n",
            table(("category", "all: names", "closed", "visited: names", "closed"), _categories(found)),
        )
    )


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown, with an empty line after it."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def _share(closed: int, asked: int) -> str:
    return f"{closed * 1000 // asked / 10:.1f} %" if asked else "-"


def _closed(found: Coverage) -> list[list[str]]:
    areas = (Area.SEARCH_ENGINES, Area.WAYS_AROUND, Area.SERVICES, Area.CATEGORIES)
    return [[each.profile, *(_of_names(each, area) for area in areas)] for each in found.profiles]


def _of_names(each: ProfileCoverage, area: Area) -> str:
    sums = each.totals(area)
    return f"{_share(sums.blocked + sums.rewritten, sums.asked)} of {sums.asked:,}" if sums.asked else "-"


def _open(found: Coverage) -> list[list[str]]:
    def blocked(each: ProfileCoverage, area: Area) -> str:
        sums = each.totals(area)
        return f"{sums.blocked:,} of {sums.asked:,}"

    return [
        [each.profile, blocked(each, Area.MUST_PASS), blocked(each, Area.POPULAR)] for each in found.profiles
    ]


def _lists(found: Coverage, area: Area) -> tuple[list[str], list[list[str]]]:
    """The lists of an area as columns, the profiles as rows."""
    lists = [row for row in found.profiles[0].rows if row.area is area]
    head = ["profile", *(row.title for row in lists)]
    rows = [["(names)", *(f"{row.listed:,}" for row in lists)]]
    for each in found.profiles:
        own = [row for row in each.rows if row.area is area]
        rows.append([each.profile, *(_cell(row) for row in own)])
    return head, rows


def _cell(row: Row) -> str:
    return _share(row.blocked + row.rewritten, row.asked) if row.wanted else "-"


def _services(found: Coverage) -> list[list[object]]:
    rows = [row for row in found.offered if row.area is Area.SERVICES]
    lines: list[list[object]] = []
    for source in dict.fromkeys(row.title.partition(":")[0] for row in rows):
        own = [row for row in rows if row.title.partition(":")[0] == source]
        sums = total(own)
        known = [row for row in own if row.id]
        whole = [row for row in known if not row.passing]
        share = _share(sums.blocked, sums.asked)
        lines.append([source, len(own), len(known), len(whole), f"{sums.asked:,}", share])
    return lines


def _categories(found: Coverage) -> list[list[object]]:
    by_id: dict[str, list[Row]] = {}
    for row in found.offered:
        if row.area is Area.CATEGORIES:
            by_id.setdefault(row.id, []).append(row)
    return [
        [category, *(cell for row in rows for cell in (f"{row.listed:,}", _share(row.blocked, row.asked)))]
        for category, rows in by_id.items()
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

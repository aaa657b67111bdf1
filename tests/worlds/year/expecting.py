"""The figures that the reports of the year must have, by what its script did.

Whatever is not there fails the run, loudly and all at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filterd.operations.reviews.figures import LEAST
from tests.worlds.year import incidents, register, shelf
from tests.worlds.year.clock import BEGINS, ENDS, YEAR, written
from tests.worlds.year.closing import Closed
from tests.worlds.year.diary import Diary, YearError
from tests.worlds.year.households import Households

DAY = 86_400
SECRET = ("oculto-", "lista-interna", "lista-nueva", "line-00")
"""parts of names and lines that stand in no file which leaves the house"""
GREW = f"{YEAR}-09"
WARNING = "report.warning.growth"


def require_all(diary: Diary, households: Households, closed: Closed) -> int:
    """Hold everything against the script; the number of what was held. Raises YearError."""
    held, wrong = 0, []
    for what, found, wanted in (
        *_orders(diary, closed),
        *_deadlines(diary, closed),
        *_nodes(diary, closed),
        *_register(closed),
        *_people(diary, households, closed),
        *_presets(closed),
        *_secrets(closed.folder),
    ):
        held += 1
        if found != wanted:
            wrong.append(f"{what}: {found!r}, and the script of the year says {wanted!r}")
    if wrong:
        raise YearError("\n".join(("the reports are not as the year was:", *wrong)))
    return held


Held = Iterator[tuple[str, object, object]]
"""what it is, as it was found, as it must be"""


def _orders(diary: Diary, closed: Closed) -> Held:
    figures, done = closed.figures["compliance"], diary.counts
    counts = {
        "orders.received": done["orders received"],
        "orders.accepted": done["orders enforced"],
        "orders.confidential": 1,
        "orders.emergency_ends": done["emergency ends"],
        "orders.emergency_reviewed": done["emergency ends"],
        "orders.waiting": 0,
        "orders.ended": done["orders lifted"] + done["orders withdrawn"] + done["orders expired"],
        "coverage.share": 1.0,
        "enforcement.waiting": 0,
        "lifting.waiting": 0,
    }
    yield from ((each, figures[each], wanted) for each, wanted in counts.items())
    season = _rows(closed, "orders", order=diary.orders["season"])[0]
    yield "the end while control was away", season["ended_at"], incidents.SEASON_ENDS
    lift = _rows(closed, "effects", order=diary.orders["season"], kind="lift")[-1]
    yield "everywhere at that moment", lift["everywhere_at"], incidents.SEASON_ENDS
    court = _rows(closed, "effects", order=diary.orders["court"])
    yield "in force, suspended, in force", [each["kind"] for each in court], ["enforce", "lift", "enforce"]
    yield "the suspension's end", written(court[-1]["everywhere_at"]), f"{YEAR}-09-20 00:00"


def _deadlines(diary: Diary, closed: Closed) -> Held:
    figures = closed.figures["compliance"]
    counts = {
        "deadlines.enforce.missed": 1,
        "deadlines.report.missed": 1,
        "deadlines.report.kept": diary.counts["orders reported"] - 1,
        "deadlines.unblock.missed": 0,
        "deadlines.unblock.kept": 1,
        "deadlines.reconfirm.kept": 1,
        "deadlines.reconfirm.missed": 0,
        "deadlines.emergency_review.kept": 1,
        "deadlines.all.missed": 2,
    }
    yield from ((each, figures[each], wanted) for each, wanted in counts.items())
    for kind, order, due in (
        ("report", "late report", "02-15"),
        ("enforce", "late order", "03-16"),
        ("enforce", "first tax", "01-18"),
    ):
        row = _rows(closed, "deadlines", order=diary.orders[order], kind=kind)[0]
        yield f"{kind} of {order} is due", written(row["due_at"]), f"{YEAR}-{due} 23:59"


def _nodes(diary: Diary, closed: Closed) -> Held:
    figures = closed.figures["compliance"]
    for name in diary.provider.resolvers:
        down = 2 * DAY if name == incidents.DOWN else 0
        share = figures[f"availability.{name}.silent_share"] * figures[f"availability.{name}.seconds"]
        yield f"{name} was silent for", round(share / DAY, 1), round(down / DAY, 1)
        yield f"{name} interruptions", figures[f"availability.{name}.interruptions"], int(down > 0)
        yield f"{name} was heard of", figures[f"availability.{name}.seconds"], ENDS - BEGINS
    reference = diary.orders["during the outage"]
    gap = figures[f"coverage_of.{reference}.everywhere_at"] - figures[f"coverage_of.{reference}.first_at"]
    yield "the gap of coverage, hours", round(gap / 3_600), 22
    for month in range(1, 13):
        key = f"{YEAR}-{month:02}"
        yield f"growth in {key}", figures[f"growth.{key}.beyond"], int(key == GREW)
    yield "growth is told to the public", closed.warnings["transparency"], (WARNING,)
    (label,) = {each["label"] for each in _rows(closed, "lists", kind="mandatory", confidential=True)}
    for name in diary.provider.resolvers:
        versions = 1 + diary.counts["versions of the adopted list"]
        ran = {each["digest"] for each in _rows(closed, "list_periods", node=name, label=label)}
        yield f"versions on {name}", len(ran), versions
    yield "names of the register", figures[f"lists_in_use.{shelf.FEED}.names"], len(register.LAST)
    taken = {each["digest"] for each in _rows(closed, "list_periods", label=shelf.FEED)}
    yield "lists of the register that were in force", len(taken), len(register.IN_FORCE)
    yield "names of the adopted list", figures[f"lists_in_use.{label}.names"], len(shelf.GROWN)


def _register(closed: Closed) -> Held:
    figures = closed.figures["compliance"]
    first, second, last = (set(each) for each in register.IN_FORCE)
    held = len(second - set(register.CUT))
    counts = {
        "answers.items": len(first) + len(first ^ second) + held + len(second ^ last),
        "answers.processed": figures["answers.items"],
        "answers.in_time": figures["answers.items"] - held,
        "answers.max_seconds": 5 * 3_600.0,
        "capacity.sat.names.declared": shelf.ROOM,
        "capacity.sat.names.used": len(last) + figures["orders_by.sat.liva-18h.entries"],
    }
    yield from ((each, figures[each], wanted) for each, wanted in counts.items())


def _people(diary: Diary, households: Households, closed: Closed) -> Held:
    figures = closed.figures["compliance"]
    yield "complaints", figures["complaints.opened"], told(diary.counts["complaints"])
    yield "appeals", figures["complaints.appealed"], told(diary.counts["appeals"])
    yield "lines with the filter", figures[f"take_up.{YEAR}-12.opted_in"], told(len(households.having))
    yield "holds in force at the end", figures["privacy.holds-active"], 0
    yield "deleted in runs of retention", figures["retention.changes.deleted"] > 0, True


def _presets(closed: Closed) -> Held:
    annual = closed.figures["lmtr-183-xii"]
    packed = closed.figures["compliance"] | closed.figures["transparency"]
    yield "figures of the annual report beside those of the pack", annual.items() - packed.items(), set()
    missing = [each for each in packed if each not in annual]
    yield "figures of the pack that it lacks", missing, []
    yield "categories", closed.figures["categories"]["categories.gambling.lists"], 1


def _secrets(folder: Path) -> Held:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found = [each for each in SECRET if each.encode() in content]
            yield f"secrets in {path.relative_to(folder)}", found, []


def _rows(closed: Closed, table: str, **values: Any) -> list[Mapping[str, Any]]:
    """The rows of a table with these values."""
    return [row for row in closed.record[table] if all(row[key] == value for key, value in values.items())]


def told(count: int) -> int | None:
    """A number about people as the reports tell it."""
    return None if 0 < count < LEAST else count

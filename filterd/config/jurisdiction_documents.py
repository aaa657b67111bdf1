"""Reads the files of ``jurisdictions/``: plain values become ``policy.jurisdictions``.

Problems go to the list of the value; the result is whole only if there are none.
"""

from __future__ import annotations

import re
from calendar import monthrange

from filterd.config.policy_documents import DAYS, read_category, read_days
from filterd.config.policy_values import DocumentValue
from filterd.policy.jurisdictions import (
    Authority,
    Deadline,
    DeadlineClock,
    DeadlineKind,
    DeadlineStart,
    Ground,
    GroundDeadlines,
    Holiday,
    Jurisdiction,
)
from filterd.policy.term_documents import ComplaintRoute, ReviewTerms, RightsTerms

_DATE = re.compile(r"(?:(20\d\d)-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_KINDS = tuple(each.value for each in DeadlineKind)
_UNITS = ("minutes", "hours", "days")
_LEAP_YEAR = 2024
_MOST_DAYS = 3660
_SHIFT = 6


def read_jurisdiction(found: DocumentValue, name: str) -> Jurisdiction:
    """The file jurisdictions/<name>.yaml."""
    keys = found.keys(
        ("title", "calendar", "authorities", "grounds"), ("categories", "rights", "reviews", "review")
    )
    calendar = keys["calendar"].keys(("zone", "weekend"), ("holidays",))
    return Jurisdiction(
        id=DocumentValue(name, found.path, found.problems).id(),
        title=keys["title"].text(),
        zone=calendar["zone"].string(),
        weekend=read_days(calendar["weekend"]),
        holidays=tuple(_holiday(item) for item in calendar["holidays"].items()),
        authorities=tuple(_authority(item) for item in keys["authorities"].items()),
        grounds=tuple(_ground(item) for item in keys["grounds"].items()),
        categories=tuple(read_category(item) for item in keys["categories"].items()),
        rights=_rights(keys["rights"]),
        reviews=_reviews(keys["reviews"]),
        review=_deadline(keys["review"]) or Deadline(days=180),
    )


def _rights(found: DocumentValue) -> RightsTerms | None:
    """``{law, answer, carry_out}``, the last two as the deadlines of a ground are."""
    if found.missing():
        return None
    keys = found.keys(("law", "answer"), ("carry_out",))
    answer = _deadline(keys["answer"])
    return RightsTerms(keys["law"].string(), answer or Deadline(), _deadline(keys["carry_out"]))


def _reviews(found: DocumentValue) -> ReviewTerms | None:
    """``{answer, appeal, next}``: two deadlines, and a list of ``{title, url}``."""
    if found.missing():
        return None
    keys = found.keys(("answer", "appeal"), ("next",))
    answer, appeal = _deadline(keys["answer"]), _deadline(keys["appeal"])
    return ReviewTerms(answer or Deadline(), appeal or Deadline(), tuple(map(_route, keys["next"].items())))


def _route(found: DocumentValue) -> ComplaintRoute:
    keys = found.keys(("title", "url"))
    url = keys["url"].string()
    if not url.startswith("https://"):
        keys["url"].wrong("must begin with https://")
    return ComplaintRoute(keys["title"].text(), url)


def _holiday(found: DocumentValue) -> Holiday:
    """``{title}`` with ``date: 09-16``, ``date: 2030-10-01``, ``easter: -2``, or ``month, weekday, nth``; and
    what it needs of ``since`` and ``until`` (years) and ``observed: {sun: 1}``."""
    keys = found.keys(("title",), ("date", "easter", "month", "weekday", "nth", "since", "until", "observed"))
    day = _fixed(keys) if not keys["date"].missing() else _moving(found, keys)
    year, month, monthday, weekday, nth, easter = day
    since, until = keys["since"].whole(0, 1900, 9999), keys["until"].whole(9999, 1900, 9999)
    if since > until:
        keys["until"].wrong("is before since")
    return Holiday(
        keys["title"].string(),
        month,
        monthday,
        weekday,
        nth,
        easter,
        year,
        since,
        until,
        _observed(keys["observed"]),
    )


_Day = tuple[int, int, int, int, int, int | None]
"""year, month, day of the month, weekday, nth, days after Easter"""


def _fixed(keys: dict[str, DocumentValue]) -> _Day:
    """A date of each year, or of one. The 29 of February is there in leap years only."""
    match = _DATE.fullmatch(str(keys["date"].value))
    year, month, day = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    if not month or day > monthrange(year or _LEAP_YEAR, month)[1]:
        keys["date"].wrong("must be a month and a day: 09-16, or a day of one year: 2030-10-01")
    for key in ("easter", "month", "weekday", "nth"):
        if not keys[key].missing():
            keys[key].wrong("does not go with date")
    return year, month or 1, day or 1, 0, 0, None


def _moving(found: DocumentValue, keys: dict[str, DocumentValue]) -> _Day:
    if not keys["easter"].missing():
        if not all(keys[key].missing() for key in ("month", "weekday", "nth")):
            found.wrong("must have easter, or month, weekday and nth")
        return 0, 0, 0, 0, 0, keys["easter"].whole(0, -120, 120)
    weekday = keys["weekday"].value
    if weekday not in DAYS:
        keys["weekday"].wrong(f"must be one of {', '.join(DAYS)}")
    nth = keys["nth"].whole(1, -1, 4)
    if nth == 0:
        keys["nth"].wrong("must be 1 to 4, or -1 for the last one")
    return 0, keys["month"].whole(1, 1, 12), 0, DAYS.index(weekday) if weekday in DAYS else 0, nth, None


def _observed(found: DocumentValue) -> tuple[tuple[int, int], ...]:
    """``{sat: -1, sun: 1}``: days by which a holiday moves that falls on such a weekday."""
    moved = []
    for weekday, at in found.pairs():
        if weekday in DAYS:
            moved.append((DAYS.index(weekday), at.whole(0, -_SHIFT, _SHIFT)))
        else:
            at.wrong(f"{weekday} is none of {', '.join(DAYS)}")
    return tuple(moved)


def _authority(found: DocumentValue) -> Authority:
    keys = found.keys(("id", "title"), ("zone",))
    return Authority(keys["id"].id(), keys["title"].text(), keys["zone"].string())


def _ground(found: DocumentValue) -> Ground:
    keys = found.keys(
        ("id", "title", "law", "authorities"),
        (*_KINDS, "by_authority", "substantive", "source", "checked", "also", "note"),
    )
    own = [(name, at.keys((), _KINDS)) for name, at in keys["by_authority"].pairs()]
    return Ground(
        id=keys["id"].id(),
        title=keys["title"].text(),
        law=keys["law"].string(),
        authorities=keys["authorities"].ids(),
        deadlines=_deadlines(keys),
        by_authority=tuple((name, _deadlines(at)) for name, at in own),
        substantive=keys["substantive"].flag(default=True),
        source=keys["source"].string(),
        checked=keys["checked"].flag(),
        also=tuple(item.string() for item in keys["also"].items()),
        note=None if keys["note"].missing() else keys["note"].text(),
    )


def _deadlines(keys: dict[str, DocumentValue]) -> GroundDeadlines:
    return GroundDeadlines(**{kind: _deadline(keys[kind]) for kind in _KINDS})


def _deadline(found: DocumentValue) -> Deadline | None:
    """``{minutes}``, ``{hours}`` or ``{days}``, each with ``count: clock`` (the default) or ``business``, and
    ``from``, the event it runs from."""
    if found.missing():
        return None
    keys = found.keys((), (*_UNITS, "count", "from"))
    if sum(not keys[unit].missing() for unit in _UNITS) != 1:
        found.wrong("must have one of minutes, hours, days")
    count = keys["count"].choice(DeadlineClock, DeadlineClock.CLOCK, lambda each: each.value)
    if count is DeadlineClock.BUSINESS and keys["days"].missing():
        found.wrong("business time is counted in days")
    start = keys["from"]
    return Deadline(
        hours=keys["hours"].whole(0, 1, 8760),
        days=keys["days"].whole(0, 1, _MOST_DAYS),
        count=count,
        minutes=keys["minutes"].whole(0, 1, 1440),
        start=None
        if start.missing()
        else start.choice(DeadlineStart, DeadlineStart.RECEIVED, lambda each: each.value),
    )

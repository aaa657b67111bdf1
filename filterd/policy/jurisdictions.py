"""A country's rules as frozen values: its authorities, its legal grounds with their deadlines, its calendar.

``config.jurisdiction_documents`` reads them; ``policy.deadlines`` and ``policy.business_days`` count.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filterd.policy.documents import Category, Text
    from filterd.policy.term_documents import ReviewTerms, RightsTerms


class DeadlineClock(StrEnum):
    """The manner of counting a deadline's days and hours."""

    CLOCK = "clock"
    BUSINESS = "business"
    """whole days on which the jurisdiction's authorities work"""


class DeadlineStart(StrEnum):
    """The event from which a deadline runs."""

    RECEIVED = "received"
    """the order arrived"""
    NOTIFIED = "notified"
    """the authority served it formally; where no such moment is recorded, it arrived"""
    ACCEPTED = "accepted"
    """the provider took it into force"""
    ENFORCED = "enforced"
    """every node had applied it"""
    DEMANDED = "demanded"
    """the authority demanded that the block be lifted"""


class DeadlineKind(StrEnum):
    """The duty that a deadline is for."""

    ENFORCE = "enforce"
    REPORT = "report"
    """tell the authority that the order was complied with"""
    UNBLOCK = "unblock"
    RECONFIRM = "reconfirm"
    """somebody must confirm a provisional order, or it no longer stands"""
    REVIEW = "review"
    """look again whether the order is still needed"""
    TERM = "term"
    """the longest time that an order of this ground may run"""

    @property
    def start(self) -> DeadlineStart:
        """The event from which it runs where the ground names none."""
        return _STARTS[self]


_STARTS = {
    DeadlineKind.ENFORCE: DeadlineStart.NOTIFIED,
    DeadlineKind.REPORT: DeadlineStart.ENFORCED,
    DeadlineKind.UNBLOCK: DeadlineStart.DEMANDED,
    DeadlineKind.RECONFIRM: DeadlineStart.NOTIFIED,
    DeadlineKind.REVIEW: DeadlineStart.ACCEPTED,
    DeadlineKind.TERM: DeadlineStart.ACCEPTED,
}


@dataclass(frozen=True, slots=True)
class Deadline:
    """A stretch of time: one of hours, days and minutes is not zero."""

    hours: int = 0
    days: int = 0
    count: DeadlineClock = DeadlineClock.CLOCK
    minutes: int = 0
    start: DeadlineStart | None = None
    """None: the event that its kind has"""


@dataclass(frozen=True, slots=True)
class Authority:
    """A body that may demand a block."""

    id: str
    title: Text
    zone: str = ""
    """its own time zone, where it is not the country's"""


@dataclass(frozen=True, slots=True)
class GroundDeadlines:
    """The deadlines of a ground. One of None is left to the order."""

    enforce: Deadline | None = None
    report: Deadline | None = None
    unblock: Deadline | None = None
    reconfirm: Deadline | None = None
    review: Deadline | None = None
    term: Deadline | None = None

    def of(self, kind: DeadlineKind) -> Deadline | None:
        """The deadline of a kind."""
        found: Deadline | None = getattr(self, kind.value)
        return found


@dataclass(frozen=True, slots=True)
class Ground:
    """A legal ground of demands: its law, the authorities that can use it, and its deadlines."""

    id: str
    title: Text
    law: str
    authorities: tuple[str, ...]
    deadlines: GroundDeadlines = GroundDeadlines()
    by_authority: tuple[tuple[str, GroundDeadlines], ...] = ()
    """authority -> the deadlines that differ where it is the one that demands"""
    substantive: bool = True
    """the law itself allows the block; false: it is procedure, and each order must name that law"""
    source: str = ""
    """where the text was published: a gazette, or an address"""
    checked: bool = False
    """somebody read the figures in that text; false: they came from others, and counsel must check them"""
    also: tuple[str, ...] = ()
    """other words by which orders name it: single articles of its law"""
    note: Text | None = None
    """doubts about the figures, for the operator and counsel"""

    def deadline(self, kind: DeadlineKind, authority: str = "") -> Deadline | None:
        """The deadline of a kind for orders of an authority (an id); None: the ground has none."""
        own = dict(self.by_authority).get(authority)
        return (own.of(kind) if own is not None else None) or self.deadlines.of(kind)


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day off: a date of each year (``day``), the nth weekday (0 is Monday) of a month, so many days after
    Easter Sunday (``easter``), or one day of one year (``year`` too)."""

    title: str
    month: int = 0
    day: int = 0
    weekday: int = 0
    nth: int = 0
    """-1: the last one"""
    easter: int | None = None
    year: int = 0
    since: int = 0
    """the first year that has it"""
    until: int = 9999
    """the last one"""
    observed: tuple[tuple[int, int], ...] = ()
    """weekday that it falls on -> days by which it is moved"""


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """A country's rules as data."""

    id: str
    title: Text
    zone: str
    weekend: tuple[int, ...]
    holidays: tuple[Holiday, ...]
    authorities: tuple[Authority, ...]
    grounds: tuple[Ground, ...]
    categories: tuple[Category, ...] = ()
    """categories that this country's rules name and others' do not; there only where the configuration's
    ``jurisdiction`` is this one"""
    rights: RightsTerms | None = None
    """None: nobody has checked the terms of this country"""
    reviews: ReviewTerms | None = None
    """None: the terms of filterd"""
    review: Deadline = Deadline(days=180)
    """the time after which an order is looked at again whose ground sets neither a term nor a review"""

    def zone_of(self, authority: str = "") -> str:
        """The time zone in which an authority's days begin and end."""
        own = next((each.zone for each in self.authorities if each.id == authority), "")
        return own or self.zone

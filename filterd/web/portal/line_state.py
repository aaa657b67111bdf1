"""The state of a line as its page says it: on, paused or off; what is closed now; and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from filterd.model.line import LineChoices, is_paused
from filterd.model.rule import Action
from filterd.operations import suspension
from filterd.operations.context import Context
from filterd.operations.ends import clock_of
from filterd.operations.plan_file import childrens_things
from filterd.operations.plans import hours_of
from filterd.policy.documents import Policies
from filterd.policy.schedule import Moment, Timetable
from filterd.web.pages.translations import Words
from filterd.web.portal.titles import named


@dataclass(frozen=True, slots=True)
class HoursNow:
    """The hours of a line at a moment, in words."""

    now: str
    """what hours and closings close now; empty: nothing"""
    change: str
    """when that changes; empty: never, as far as can be seen"""
    then: str
    """what they close from then on; empty: nothing"""


def when(words: Words, at: float, now: float, zone: str) -> str:
    """A moment as people say it: *hoy a las 21:00*, *a medianoche*, *mañana a las 7:00*, or the
    day with it."""
    clock = clock_of(zone)
    there, here = datetime.fromtimestamp(at, clock), datetime.fromtimestamp(now, clock)
    days = (there.date() - here.date()) // timedelta(days=1)
    if days == 0:
        return words.text("portal.when.today", clock=words.clock(there))
    if days == 1:
        if there.time() == time.min:
            return words.text("portal.when.midnight")
        return words.text("portal.when.tomorrow", clock=words.clock(there))
    return words.moment(there)


def until(words: Words, at: float, now: float, zone: str) -> str:
    """The end of a stretch as people say it: *hasta las 21:00*, *hasta medianoche*, or the day with it."""
    clock = clock_of(zone)
    there, here = datetime.fromtimestamp(at, clock), datetime.fromtimestamp(now, clock)
    days = (there.date() - here.date()) // timedelta(days=1)
    if days == 1 and there.time() == time.min:
        return words.text("portal.until.midnight")
    if days not in (0, 1):
        return words.text("portal.until.later", moment=words.moment(there))
    key = "portal.until.tomorrow" if days else "portal.until.today"
    return words.text(key, clock=words.clock(there))


def hours_now(choices: LineChoices, documents: Policies, words: Words, now: float) -> HoursNow:
    """The hours of a line now, and their next change."""
    found = hours_of(choices, documents)
    table = Timetable.of(found.slots, found.holidays, found.once)
    present, change = table.at(choices.zone, int(now))
    if not change:
        return HoursNow(closed_words(present, documents, words), "", "")
    then = table.at(choices.zone, change)[0]
    if then == present:  # a moment at which to look again
        return HoursNow(closed_words(present, documents, words), "", "")
    moment = when(words, change, now, choices.zone)
    return HoursNow(closed_words(present, documents, words), moment, closed_words(then, documents, words))


def closed_words(closed: Moment, documents: Policies, words: Words) -> str:
    """The things that hours close, as people say it; empty for nothing."""
    if closed.everything:
        return words.text("portal.hours.everything_short")
    categories, services = (set(each) for each in childrens_things(documents))
    if not (closed.categories or closed.services):
        return ""
    if closed.categories <= categories and closed.services <= services:
        return words.text("portal.hours.childrens_short")
    titles = [
        *named(documents.categories, tuple(closed.categories), words.language),
        *named(documents.services, tuple(closed.services), words.language),
    ]
    shown = ", ".join(titles[:4])
    more = len(titles) - 4
    return shown if more <= 0 else words.count("portal.hours.and_more", more, shown=shown)


def paused(choices: LineChoices, now: float) -> bool:
    """True while a pause holds."""
    return choices.opted_in and is_paused(choices.paused_until, int(now))


def own_closed(choices: LineChoices, now: float) -> bool:
    """True while a site of the line's own list is closed: with a filter or without."""
    return any(each.action is Action.BLOCK and not each.ended(now) for each in choices.own_names)


async def suspended_until(context: Context) -> float:
    """The end of a suspension that the provider made for all lines, in Unix seconds; 0: there is none."""
    found = await suspension.present(context)
    return 0.0 if found is None else float(found.until)

"""A line in the values that its templates read."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from filterd.config.policy_documents import DAYS
from filterd.model.line import is_paused
from filterd.model.slot import OneSlot, Slot
from filterd.model.subscriber import Subscriber
from filterd.operations.choices import TitledChoice, own_choices
from filterd.operations.plans import clock, hours_of
from filterd.policy.documents import Policies, Text


@dataclass(frozen=True, slots=True)
class ShownHours:
    """One stretch of a line's hours."""

    days: tuple[str, ...]
    """end keys ``desk.day.``"""
    begin: str
    end: str
    everything: bool
    closes: tuple[dict[str, str], ...]
    """titles by language"""


def path_of(subscriber: str) -> str:
    """The path of the page of a line."""
    return f"/desk/lines/{quote(subscriber, safe='')}"


def state_word(line: Subscriber, now: float) -> str:
    """``on``, ``off`` or ``paused``."""
    if not line.choices.opted_in:
        return "off"
    return "paused" if is_paused(line.choices.paused_until, int(now)) else "on"


def in_both(text: Text | None) -> dict[str, str] | None:
    """A text of the policies by language."""
    return None if text is None else {"es": text.es, "en": text.en}


def read_aloud(text: Text) -> dict[str, list[str]]:
    """A text to be read aloud by language, in paragraphs: a file breaks lines in the middle of sentences."""
    return {"es": _paragraphs(text.es), "en": _paragraphs(text.en)}


def _paragraphs(text: str) -> list[str]:
    found: list[str] = []
    for line in text.split("\n"):
        if found and not found[-1].endswith((".", ":", "?")):
            found[-1] += f" {line.strip()}"
        elif line.strip():
            found.append(line.strip())
    return found


def chosen(line: Subscriber, documents: Policies, now: float) -> dict[str, object]:
    """Everything that a line chose, for its page."""
    choices = line.choices
    own = own_choices(choices, documents)
    hours = hours_of(choices, documents)
    titles = {each.id: each.title for each in documents.profiles}
    return {
        "line": line,
        "choices": choices,
        "state_of_line": state_word(line, now),
        "profile_title": in_both(titles.get(choices.profile)),
        "beyond": [_titled(each) for each in own.beyond],
        "without": [_titled(each) for each in own.without],
        "own_hours": hours.own,
        "hours": [_hours(each, documents) for each in hours.slots],
        "closings": [_closing(each, documents) for each in hours.once if now < each.end],
        "holidays": hours.holidays,
    }


def _titled(choice: TitledChoice) -> dict[str, str]:
    return in_both(choice.title) or {"es": choice.id, "en": choice.id}


def _hours(slot: Slot, documents: Policies) -> ShownHours:
    days = tuple(DAYS[day] for day in slot.days)
    return ShownHours(days, clock(slot.start), clock(slot.end), slot.everything, _closes(slot, documents))


def _closing(slot: OneSlot, documents: Policies) -> dict[str, object]:
    closes = _closes(slot, documents)
    return {"begin": slot.begin, "end": slot.end, "everything": slot.everything, "closes": closes}


def _closes(slot: Slot | OneSlot, documents: Policies) -> tuple[dict[str, str], ...]:
    titles = {each.id: each.title for each in documents.categories}
    titles |= {each.id: each.title for each in documents.services}
    ids = (*slot.categories, *slot.services)
    return tuple(in_both(titles.get(each)) or {"es": each, "en": each} for each in ids)

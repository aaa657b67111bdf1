"""The line's own changes to its profile: kinds added and taken, a weekly plan, and stretches that come once.

A line's *policy key* names all that it asks for in one text: the profile's id alone, or canonical JSON. Two
lines with the same key share one policy in the data plane, and a reader that knows no adjustments takes the
JSON for a profile that it lacks, for which it restricts more, never less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from filterd.model.slot import OneSlot, Slot

MOST_SLOTS = 50
"""weekly slots of a line"""
MOST_ONCE = 10
"""stretches of a line that come once"""
MOST_HOLIDAYS = 100
MOST_IDS = 200
"""ids added, and ids taken, of one kind"""
DAY = 1440
"""minutes"""
LAST_SECOND = 253_370_764_800
"""Unix seconds: the year 9999"""


@dataclass(frozen=True, slots=True)
class Difference:
    """The ids of one kind that a line adds to its profile's and takes from them: sorted, none in both."""

    added: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()

    def of(self, ids: Iterable[str]) -> tuple[str, ...]:
        """The profile's ids with this difference, sorted."""
        return tuple(sorted((set(ids) | set(self.added)) - set(self.taken)))

    def adding(self, identifier: str) -> Difference:
        """The same with one more id added."""
        return Difference(_with(self.added, identifier), _without(self.taken, identifier))

    def taking(self, identifier: str) -> Difference:
        """The same with one more id taken."""
        return Difference(_without(self.added, identifier), _with(self.taken, identifier))

    def forgetting(self, identifier: str) -> Difference:
        """The same without a word on the id: the profile decides."""
        return Difference(_without(self.added, identifier), _without(self.taken, identifier))


def _with(ids: tuple[str, ...], identifier: str) -> tuple[str, ...]:
    return tuple(sorted({*ids, identifier}))


def _without(ids: tuple[str, ...], identifier: str) -> tuple[str, ...]:
    return tuple(each for each in ids if each != identifier)


SAME = Difference()
KINDS = ("categories", "services", "safe_search", "bypass")
"""the fields of :class:`Adjustments` that are differences"""


@dataclass(frozen=True, slots=True)
class Adjustments:
    """All that a line asks for beside its profile."""

    categories: Difference = SAME
    services: Difference = SAME
    safe_search: Difference = SAME
    bypass: Difference = SAME
    plan: tuple[Slot, ...] | None = None
    """weekly slots in the place of the profile's schedule; None: the profile's"""
    holidays: tuple[str, ...] = ()
    """days (``2026-12-25``, sorted) on which no weekly slot begins"""
    once: tuple[OneSlot, ...] = ()
    """stretches that come once, sorted by their begin"""

    def __bool__(self) -> bool:
        return self != UNADJUSTED


UNADJUSTED = Adjustments()


class AdjustmentsError(ValueError):
    """No such adjustments; the message says which part is wrong."""


def policy_key(profile: str, adjustments: Adjustments) -> str:
    """The text that names what a line asks for."""
    if not adjustments:
        return profile
    return _canonical({**_fields(adjustments), "profile": profile})


@lru_cache(maxsize=4096)
def read_key(key: str) -> tuple[str, Adjustments]:
    """The profile and the adjustments of a policy key. AdjustmentsError for what is none."""
    if not key.startswith("{"):
        return key, UNADJUSTED
    fields = _object(key)
    profile = _text(fields.pop("profile", ""))
    return profile, _read(fields)


def to_text(adjustments: Adjustments) -> str:
    """The adjustments as canonical JSON; empty for none."""
    return _canonical(_fields(adjustments)) if adjustments else ""


def from_text(text: str) -> Adjustments:
    """The adjustments that :func:`to_text` wrote. AdjustmentsError for anything else."""
    return _read(_object(text)) if text else UNADJUSTED


def _canonical(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":"), sort_keys=True)


def _object(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError as error:
        message = "the adjustments of a line are no JSON"
        raise AdjustmentsError(message) from error
    if not isinstance(fields, dict):
        message = "the adjustments of a line are no object"
        raise AdjustmentsError(message)
    return fields


def _fields(adjustments: Adjustments) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in KINDS:
        difference: Difference = getattr(adjustments, kind)
        parts = {"add": list(difference.added), "take": list(difference.taken)}
        if any(parts.values()):
            found[kind] = {word: ids for word, ids in parts.items() if ids}
    if adjustments.plan is not None:
        found["plan"] = [_slot_fields(slot) for slot in adjustments.plan]
    if adjustments.holidays:
        found["holidays"] = list(adjustments.holidays)
    if adjustments.once:
        found["once"] = [_once_fields(slot) for slot in adjustments.once]
    return found


def _slot_fields(slot: Slot) -> dict[str, Any]:
    return {"days": list(slot.days), "start": slot.start, "end": slot.end, **_closed_fields(slot)}


def _once_fields(slot: OneSlot) -> dict[str, Any]:
    return {"begin": slot.begin, "end": slot.end, **_closed_fields(slot)}


def _closed_fields(slot: Slot | OneSlot) -> dict[str, Any]:
    """The things that a slot closes, without what is at its default."""
    found: dict[str, Any] = {"everything": True} if slot.everything else {}
    found |= {word: list(ids) for word in ("categories", "services") if (ids := getattr(slot, word))}
    return found if slot.leaves is None else {**found, "leaves": list(slot.leaves)}


def _read(fields: dict[str, Any]) -> Adjustments:
    unknown = fields.keys() - _READERS.keys()
    if unknown:
        message = f"unknown adjustments: {', '.join(sorted(unknown))}"
        raise AdjustmentsError(message)
    try:
        return Adjustments(**{name: _READERS[name](value) for name, value in fields.items()})
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        message = f"malformed adjustments: {type(error).__name__}"
        raise AdjustmentsError(message) from None


def _difference(value: Any) -> Difference:
    added, taken = (_ids(value.get(word, ())) for word in ("add", "take"))
    if set(added) & set(taken) or value.keys() - {"add", "take"}:
        message = "an id is added and taken, or a word is neither"
        raise AdjustmentsError(message)
    return Difference(added, taken)


def _ids(value: Any) -> tuple[str, ...]:
    return tuple(sorted({_text(each) for each in _some(value, MOST_IDS)}))


def _some(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) > most:
        message = f"no list, or of more than {most}"
        raise AdjustmentsError(message)
    return list(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        message = "no text where one is expected"
        raise AdjustmentsError(message)
    return value


def _number(value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        message = f"no number from {least} to {most}"
        raise AdjustmentsError(message)
    return value


def _closed(value: Mapping[str, Any]) -> dict[str, Any]:
    leaves = value.get("leaves")
    return {
        "everything": bool(value.get("everything", False)),
        "categories": _ids(value.get("categories", ())),
        "services": _ids(value.get("services", ())),
        "leaves": None if leaves is None else _ids(leaves),
    }


_CLOSED = {"everything", "categories", "services", "leaves"}


def _require_words(value: Mapping[str, Any], words: set[str]) -> None:
    unknown = value.keys() - words - _CLOSED
    if unknown:
        message = f"unknown words of a slot: {', '.join(sorted(unknown))}"
        raise AdjustmentsError(message)


def _slot(value: Mapping[str, Any]) -> Slot:
    _require_words(value, {"days", "start", "end"})
    days = tuple(sorted({_number(day, 0, 6) for day in _some(value["days"], 7)}))
    start, end = _number(value["start"], 0, DAY - 1), _number(value["end"], 0, DAY)
    return Slot(days, start, end, **_closed(value))


def _once(value: Mapping[str, Any]) -> OneSlot:
    _require_words(value, {"begin", "end"})
    begin = _number(value["begin"], 0, LAST_SECOND)
    return OneSlot(begin, _number(value["end"], begin, LAST_SECOND), **_closed(value))


def _holidays(value: Any) -> tuple[str, ...]:
    try:
        days = {date.fromisoformat(_text(day)).isoformat() for day in _some(value, MOST_HOLIDAYS)}
    except ValueError as error:
        message = "a holiday is no day like 2026-12-25"
        raise AdjustmentsError(message) from error
    return tuple(sorted(days))


def _ordered(slots: Iterable[OneSlot]) -> tuple[OneSlot, ...]:
    return tuple(sorted(slots, key=lambda slot: (slot.begin, slot.end)))


_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(KINDS, _difference),
    "plan": lambda value: tuple(map(_slot, _some(value, MOST_SLOTS))),
    "holidays": _holidays,
    "once": lambda value: _ordered(map(_once, _some(value, MOST_ONCE))),
}

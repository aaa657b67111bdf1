"""A line's adjustments as plain values, for exports and explanations."""

from __future__ import annotations

from typing import Any

from filterd.model.adjustments import KINDS, Adjustments, Difference
from filterd.operations.choices import differences
from filterd.operations.plans import closed_words, slot_words


def adjustments_of(adjustments: Adjustments) -> dict[str, Any]:
    """A line's adjustments as plain values, empty where it has none: differences by kind, hours in the words
    of a plan file. The plan is None where the line has its profile's schedule."""
    if not adjustments:
        return {}
    differences: dict[str, Difference] = {field: getattr(adjustments, field) for field in KINDS}
    return {
        **{field: {"added": [*each.added], "taken": [*each.taken]} for field, each in differences.items()},
        "plan": None if adjustments.plan is None else [slot_words(slot) for slot in adjustments.plan],
        "holidays": list(adjustments.holidays),
        "once": [
            {"begins_at": slot.begin, "ends_at": slot.end, **closed_words(slot)} for slot in adjustments.once
        ],
    }


def bearing_on(adjustments: Adjustments, now: int) -> dict[str, Any]:
    """The part of them that bears on a verdict at this moment: own choices, whether the hours are those of a
    plan, and the closings that run. Empty where none of it does."""
    found = {
        "choices": differences(adjustments),
        "plan": adjustments.plan is not None,
        "closings": [
            {"until": each.end, **closed_words(each)}
            for each in adjustments.once
            if each.begin <= now < each.end
        ],
    }
    return found if any(found.values()) else {}

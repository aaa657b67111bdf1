"""Announced changes of profiles as plain values, for commands and the API."""

from __future__ import annotations

from typing import Any

from filterd.operations.meanings import ShownChange


def plain_change(shown: ShownChange) -> dict[str, Any]:
    """A change as plain values."""
    meaning = shown.change.meaning
    return {
        "profile": meaning.profile,
        "number": meaning.number,
        "noted_at": meaning.noted_at,
        "takes_effect_at": meaning.takes_effect_at,
        "in_force": shown.in_force,
        "lines": shown.change.lines,
        "difference": {"es": shown.words.es, "en": shown.words.en},
        "hasten_by": meaning.hasten_by,
    }

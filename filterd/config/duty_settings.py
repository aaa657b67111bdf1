"""The settings of the duty desk, as the rest of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.config.value_types import Seconds

_ANSWER_WITHIN = Seconds(86_400)
_ROSTER_AHEAD = Seconds(604_800)


@dataclass(frozen=True, slots=True)
class DutySettings:
    """The clocks of the duty desk."""

    answer_within: Seconds = _ANSWER_WITHIN
    """how long a request of an authority may wait for an outcome, where nobody says otherwise"""
    roster_ahead: Seconds = _ROSTER_AHEAD
    """how far ahead gaps of the roster are told"""

"""A line's choices as the data plane knows them: the subscriber is a number, without name or address."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.adjustments import UNADJUSTED, Adjustments, policy_key
from filterd.model.profile_meaning import key_of
from filterd.model.rule import Action, Scope

MAX_PAUSE = 7 * 86400
"""seconds; a longer rest is an opt-out"""
PAUSE_LIMIT = MAX_PAUSE + 3600
"""seconds ahead of a pause's end at which it does not hold: it was written by a clock that was ahead, by more
than the clocks of two machines may differ"""


def is_paused(paused_until: int, now: int) -> bool:
    """Return whether a pause with this end holds at ``now``, both in Unix seconds; 0: no pause."""
    return 0 < paused_until - now <= PAUSE_LIMIT


@dataclass(frozen=True, slots=True)
class OwnName:
    """A name that the line itself blocks or allows."""

    name: str
    action: Action
    scope: Scope = Scope.SUBTREE
    """EXACT or SUBTREE"""
    until: int = 0
    """its end in Unix seconds, exclusive; 0: it stays"""

    def ended(self, now: float) -> bool:
        """True from its end on."""
        return 0 < self.until <= now


@dataclass(frozen=True, slots=True)
class LineChoices:
    """The choices of one line that verdicts need. Times are Unix seconds, 0 for "not paused"."""

    line: int
    opted_in: bool = False
    profile: str = ""
    zone: str = "UTC"
    """IANA time zone of its schedule"""
    paused_until: int = 0
    security_left: bool = False
    own_names: tuple[OwnName, ...] = ()
    adjustments: Adjustments = UNADJUSTED
    """its own changes to the profile"""
    meaning: int = 0
    """the number of the profile's meaning that the line has accepted before it takes effect for everybody;
    0: none (``model.profile_meaning``)"""

    @property
    def blank(self) -> bool:
        """True for a line that asks for nothing; its zone is no request."""
        return self == LineChoices(self.line, zone=self.zone)

    @property
    def policy_key(self) -> str:
        """All that it asks for in one text; see ``model.adjustments``."""
        return policy_key(key_of(self.profile, self.meaning), self.adjustments)

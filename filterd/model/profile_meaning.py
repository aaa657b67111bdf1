"""The meaning of a profile: what it restricts. A change of it is told, and takes effect after 30 days (R17).

The meanings of a profile are numbered. A line has the newest one that has taken effect, or a newer one that
it has accepted, since it opted in after the change or said so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_MARK = "@"
"""between a profile and the number of a meaning; no id has it"""


def key_of(profile: str, meaning: int) -> str:
    """The name of a profile in one of its meanings; 0: the one that has taken effect for everybody."""
    return f"{profile}{_MARK}{meaning}" if meaning else profile


def read_key_of(key: str) -> tuple[str, int]:
    """The profile and the meaning of such a name. One that makes no sense is a profile that nobody knows."""
    profile, mark, number = key.partition(_MARK)
    if mark and number.isascii() and number.isdigit() and len(number) < 10:
        return profile, int(number)
    return key, 0


@dataclass(frozen=True, slots=True)
class Meaning:
    """One meaning of a profile. Times are Unix seconds."""

    profile: str
    number: int
    """1 is the first that was seen"""
    rules: dict[str, Any] = field(hash=False)
    """as a snapshot's meta states them (``policy.resolve``)"""
    noted_at: float
    takes_effect_at: float
    """for those who had the profile before; NEVER where it was taken back before"""
    told_to: int = 0
    """the number of the last line that was told; -1: all were"""
    hasten_by: str = ""
    """who asked that it take effect at once; empty: nobody has"""
    hasten_reason: str = ""

    @property
    def key(self) -> str:
        """Its name in a snapshot."""
        return key_of(self.profile, self.number)


NEVER = 253_370_764_800.0
"""Unix seconds: the year 9999"""
ALL_TOLD = -1


@dataclass(frozen=True, slots=True)
class Meanings:
    """The meanings of one profile, by number."""

    known: tuple[Meaning, ...]

    def effective(self, now: float) -> Meaning:
        """The newest one that has taken effect; the first, where a clock says that none has."""
        found = [each for each in self.known if each.takes_effect_at <= now]
        return (found or self.known)[-1 if found else 0]

    def pending(self, now: float) -> tuple[Meaning, ...]:
        """Those that will take effect."""
        least = self.effective(now).number
        return tuple(each for each in self.known if each.number > least and each.takes_effect_at < NEVER)

    def of_line(self, accepted: int, now: float) -> Meaning:
        """The one that a line has, which accepted a meaning."""
        found = self.effective(now)
        return next((each for each in self.known if each.number == max(accepted, found.number)), found)

    def to_accept(self, now: float) -> int:
        """The number that a line gets which chooses the profile now; 0: the one for everybody."""
        newest = self.known[-1].number
        return newest if newest > self.effective(now).number else 0


def by_profile(known: Iterable[Meaning]) -> dict[str, Meanings]:
    """All meanings, by profile."""
    found: dict[str, list[Meaning]] = {}
    for each in sorted(known, key=lambda meaning: meaning.number):
        found.setdefault(each.profile, []).append(each)
    return {profile: Meanings(tuple(meanings)) for profile, meanings in found.items()}

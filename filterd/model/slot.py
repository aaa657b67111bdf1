"""Stretches of time that close something: weekly ones, and ones that come once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slot:
    """One weekly stretch of a schedule, in the line's time zone.

    It begins at ``start`` on each of ``days`` (0 is Monday) and ends at ``end``, on the next day where
    ``end`` is not after ``start``. Both are minutes after midnight, wall-clock time; ``end`` may be 1440.
    """

    days: tuple[int, ...]
    start: int
    end: int
    everything: bool = False
    """block all but the always-allowed names"""
    categories: tuple[str, ...] = ()
    """else: these categories in addition to the profile's"""
    services: tuple[str, ...] = ()
    """and these services"""
    leaves: tuple[str, ...] | None = None
    """of everything: the groups of always-allowed names that stay open; None: all of them"""


@dataclass(frozen=True, slots=True)
class OneSlot:
    """A stretch that comes once: from ``begin`` to before ``end``, Unix seconds. The rest is as in a
    :class:`Slot`."""

    begin: int
    end: int
    everything: bool = False
    categories: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    leaves: tuple[str, ...] | None = None

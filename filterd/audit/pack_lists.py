"""The lists of one node, as the entries of an export tell of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from filterd.model.audit_chain import canonical

_AWAKE = ("available", "unready")


@dataclass(frozen=True, slots=True)
class ListSwitch:
    """A list's switch to a version on a node."""

    label: str
    version: str
    digest: str
    since: float
    """by the node"""
    at: float
    """when it was recorded"""
    sequence: int

    @property
    def earliest(self) -> float:
        """From when on the version ran at the earliest: one of the two clocks may be wrong."""
        return min(self.since, self.at)

    @property
    def latest(self) -> float:
        """From when on the version ran at the latest."""
        return max(self.since, self.at)


@dataclass(slots=True)
class NodeLists:
    """The switches of one node, and what is known of its gaps."""

    switches: list[ListSwitch] = field(default_factory=list)
    has_gaps: bool = False
    """its switches were too many for the trail to have each"""
    _lasting: dict[str, ListSwitch] = field(default_factory=dict)
    """label -> its newest switch, of the lists that the node has"""
    _raw: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    _is_whole: bool = True
    """False once an entry tells of other lists than its switches and ends leave"""
    _is_restless: bool = False
    """True if its changes of availability were too many for the trail to have each"""
    _states: list[tuple[float, str, Any]] = field(default_factory=list)
    """since, state, process"""

    def take(self, record: dict[str, Any]) -> None:
        """Take an entry on its lists."""
        after = record["after"]
        came = {each["list"]: (each["version"], each["digest"]) for each in after["switched"]}
        for each in after["switched"]:
            since = seconds(each["since"], record["at"])
            place = (since, record["at"], record["sequence"])
            told = ListSwitch(each["list"], str(each["version"]), each["digest"], *place)
            self.switches.append(told)
            if self._raw.get(told.label) != came[told.label]:
                self._lasting[told.label] = told
        gone = set(after.get("ended", ()))
        going_on = {label: each for label, each in self._raw.items() if label not in gone} | came
        # a control that began anew tells all lists that the node has, and none that ended meanwhile
        fitting = [each for each in (going_on, came) if _digest(each) == after.get("lists")]
        self._raw = fitting[0] if fitting else going_on
        self._is_whole = bool(fitting)
        self.has_gaps = self.has_gaps or "left_out" in after

    def take_state(self, after: dict[str, Any], since: float) -> None:
        """Take an entry on its availability."""
        self._is_restless = self._is_restless or "left_out" in after
        self._states.append((since, after["state"], after.get("process")))

    def lasting(self) -> list[ListSwitch]:
        """The switch of each list that it has at the end of the trail; none where that is not exact."""
        if self.has_gaps or self._is_restless or not self._is_whole:
            return []
        return [self._lasting[label] for label in self._raw if label in self._lasting]

    def was_awake(self, begins: float, now: float) -> bool:
        """True if it is told that it ran at some time from a moment to before another."""
        every = sorted(self._states, key=lambda each: each[0])
        if any(begins < since < now and state in _AWAKE for since, state, _ in every):
            return True
        before = [each for each in every if each[0] <= begins]
        later = [each for each in every if each[0] > begins]
        if not before or before[-1][1] not in _AWAKE:
            return False
        return not later or later[0][2] == before[-1][2]


def _digest(lists: dict[str, tuple[Any, Any]]) -> str:
    return hashlib.sha256(canonical(lists).encode()).hexdigest()


def seconds(text: str, otherwise: float) -> float:
    """Unix seconds of a time of the trail."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        return otherwise

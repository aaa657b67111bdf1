"""A line's choices as the data plane knows them: the subscriber is a number, without name or address."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.model.rule import Action, Scope


@dataclass(frozen=True, slots=True)
class OwnName:
    """A name that the line itself blocks or allows."""

    name: str
    action: Action
    scope: Scope = Scope.SUBTREE
    """EXACT or SUBTREE"""


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

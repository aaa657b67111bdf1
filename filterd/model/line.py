"""A line's choices as the data plane holds them: no name, no address, a number for the subscriber."""

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
    """Everything that a verdict needs of one line. Times are Unix seconds, 0 for "not paused"."""

    line: int
    opted_in: bool = False
    profile: str = ""
    zone: str = "UTC"
    """IANA time zone of its schedule"""
    paused_until: int = 0
    security_left: bool = False
    own_names: tuple[OwnName, ...] = ()

"""The parts of a rule that every layer shares: scope and action.

The numbers are part of the snapshot's format and of the native structs: never renumber, only add.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Scope(IntEnum):
    """The names that a rule matches, relative to its own name."""

    EXACT = 0
    """the name itself, without the names below it"""
    SUBTREE = 1
    """the name and all names below it"""
    BELOW = 2
    """only the names below it"""

    @property
    def word(self) -> str:
        """The word used in files, commands and JSON."""
        return self.name.lower()


class Action(IntEnum):
    """The effect of a rule on the names in its scope."""

    BLOCK = 0
    ALLOW = 1
    """an exception (adblock ``@@``, RPZ PASSTHRU): cancels a block of the same list"""
    REWRITE = 2

    @property
    def word(self) -> str:
        """The word used in files, commands and JSON."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class NameRule:
    """One rule of a list: a name in lower-case ASCII without the final dot, its scope, its action."""

    name: str
    scope: Scope
    action: Action = Action.BLOCK

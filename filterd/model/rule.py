"""A rule is a trigger and an action; these are the parts that every layer shares.

The numbers are part of the snapshot's format and of the native structs: never renumber, only add.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Scope(IntEnum):
    """Which names a rule speaks of, seen from the name that it carries."""

    EXACT = 0
    """the name itself, nothing below it"""
    SUBTREE = 1
    """the name and all below it"""
    BELOW = 2
    """only what is below the name"""

    @property
    def word(self) -> str:
        """The word used in files, commands and JSON."""
        return self.name.lower()


class Action(IntEnum):
    """What a rule does to the names in its scope."""

    BLOCK = 0
    ALLOW = 1
    """an exception (adblock ``@@``, RPZ PASSTHRU): takes the same list's block away"""
    REWRITE = 2

    @property
    def word(self) -> str:
        """The word used in files, commands and JSON."""
        return self.name.lower()


class BlockingMode(IntEnum):
    """What a blocked client is answered."""

    NXDOMAIN = 0
    NODATA = 1
    NULL = 2
    """0.0.0.0 and ::, other types NODATA"""
    SINKHOLE = 3
    """the block page's address, other types NODATA"""

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

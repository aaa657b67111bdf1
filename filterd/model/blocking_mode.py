"""The blocking modes. ``wire/respond`` writes their answers, ``config/policy_documents`` reads their names.

The numbers are part of the snapshot's format and of the native structs: never renumber, only add. A mandate
in the active set has two bits for its mode (``policy/decide``): a fifth mode needs a third.
"""

from __future__ import annotations

from enum import IntEnum


class BlockingMode(IntEnum):
    """The answers to a blocked query."""

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

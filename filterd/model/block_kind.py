"""The kinds of blocks, by who wanted them: the block page's address and text go by them.

The numbers are those of the native structs (``dataplane/packet/stages.pxd``): never renumber, only add.
"""

from __future__ import annotations

from enum import IntEnum

from filterd.model.verdict import Reason


class BlockKind(IntEnum):
    """The kinds of blocks."""

    PARENTAL = 0
    """asked for by the holder of the line: profile, hours, own names"""
    SECURITY = 1
    """the provider's own blocking of malware and phishing"""
    MANDATORY = 2
    """an order, or a list that was adopted"""
    CONFIDENTIAL = 3
    """an order or list whose contents, authority and ground are told to nobody"""

    @property
    def word(self) -> str:
        """The word used in files, labels and JSON."""
        return self.name.lower()


def kind_of(reason: Reason, *, confidential: bool) -> BlockKind:
    """The kind of a block with this reason; ``confidential``: so is the mandate that decided."""
    if reason is Reason.MANDATORY:
        return BlockKind.CONFIDENTIAL if confidential else BlockKind.MANDATORY
    return BlockKind.SECURITY if reason is Reason.SECURITY else BlockKind.PARENTAL

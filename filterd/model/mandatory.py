"""Mandatory ids: one range of numbers for adopted lists and orders, so that one active set covers both.

The id of a mandatory list is its index among the mandatory feeds of the policies, below
:data:`FIRST_ORDER_ID`; that of an order is :data:`FIRST_ORDER_ID` plus its number in the store.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from filterd.model.blocking_mode import BlockingMode

FIRST_ORDER_ID = 256
"""also the maximum number of mandatory lists"""


def order_id(number: int) -> int:
    """The mandatory id of the order with this number in the store; numbers start at 1."""
    return FIRST_ORDER_ID + number


OPAQUE = "confidential-"
"""the beginning of a label that stands for the id of a confidential list"""


def label_of(list_id: str, *, confidential: bool) -> str:
    """A list's id for metrics and ``check``; opaque if the list is confidential."""
    return f"{OPAQUE}{hashlib.sha256(list_id.encode()).hexdigest()[:8]}" if confidential else list_id


@dataclass(frozen=True, slots=True)
class Mandate:
    """The part of an order or mandatory list that verdicts need, without its names.

    ``not_before`` and ``not_after`` are Unix seconds, 0 for "no bound"; ``not_after`` is exclusive.
    """

    id: int
    reference: str
    """the order's public number, which does not reveal its content, or the list's id"""
    mode: BlockingMode = BlockingMode.NXDOMAIN
    not_before: int = 0
    not_after: int = 0
    withdrawn: bool = False
    confidential: bool = False
    pending: bool = False
    """it waits for another person's approval: known, and never in force"""

    @property
    def accepted(self) -> bool:
        """True if it is in force between its times: neither pending nor withdrawn."""
        return not (self.withdrawn or self.pending)

    def active(self, now: int) -> bool:
        """Return whether it is in force at ``now`` (Unix seconds)."""
        return self.accepted and self.not_before <= now and not self._is_over(now)

    def coming(self, now: int) -> bool:
        """Return whether it is known at ``now`` and not in force yet: pending, or before its beginning."""
        return not self.withdrawn and (self.pending or now < self.not_before) and not self._is_over(now)

    def _is_over(self, now: int) -> bool:
        return 0 < self.not_after <= now

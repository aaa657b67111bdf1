"""The effects of a review that was upheld: one record for each thing that was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class EffectOfReview(StrEnum):
    """The thing that was done."""

    ORDER = "order"
    """an order was lifted or withdrawn"""
    EXCEPTION = "exception"
    LIST = "list"
    """a list was corrected"""


@dataclass(frozen=True, slots=True)
class ReviewEffect:
    """One effect. Times are Unix seconds, 0 for not yet."""

    review: int
    number: int
    """from 1"""
    kind: EffectOfReview
    reference: str
    """``O-7``, the number of an exception, or the id of a list"""
    version: int
    """of a list: the first version that is corrected; else 0"""
    noted_at: float
    noted_by: str
    effective_at: float = 0.0
    """when the last node had it, as was measured"""


def whole_effect(found: Sequence[ReviewEffect]) -> tuple[str, float]:
    """The effects of one review together: the kind of the first, and when the last one was on every node;
    0 while one is not. Nothing and 0 where nothing followed."""
    if not found:
        return "", 0.0
    moments = [each.effective_at for each in found]
    return found[0].kind.value, max(moments) if all(moments) else 0.0

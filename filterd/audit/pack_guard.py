"""Runs one check of many: whatever a hostile file does to it becomes a fault, and the others go on."""

from __future__ import annotations

from collections.abc import Callable

from filterd.model.evidence_format import EvidenceFormatError

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""the errors of code that takes a file for what it is not"""


def guarded(name: str, check: Callable[[], None], add: Callable[[str], None]) -> None:
    """Run a check. ``add`` takes the fault where it cannot be made; ``name``: of what is checked."""
    try:
        check()
    except EvidenceFormatError as error:
        add(str(error))
    except UNREADABLE as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        add(f"{name}: it has not the form that it must have ({reason})")

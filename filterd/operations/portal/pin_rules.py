"""The rules of which digits can be a PIN: a child who knows the house must not guess it in five tries."""

from __future__ import annotations

import re
from itertools import pairwise

from filterd.model.portal import PinFault
from filterd.operations.errors import OperationError

SHORTEST, LONGEST = 6, 12
"""digits"""
COMMON = frozenset(
    (
        *("112233", "123321", "147258", "147852", "159357", "159753", "258456", "789456", "456789", "147147"),
        *("741852", "963852", "321654", "654321", "102030", "010203", "135790", "246810", "121314", "142536"),
        *("11223344", "12344321", "13579246", "24681012", "14789632", "78945612", "31415926", "314159"),
    )
)
"""patterns of the keyboard and counts that many choose"""
_YEARS = r"(?:19|20)\d\d"
_DATES = (
    re.compile(rf"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:{_YEARS}|\d\d)"),
    re.compile(rf"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:{_YEARS}|\d\d)"),
    re.compile(rf"(?:{_YEARS}|\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"),
    re.compile(rf"{_YEARS}(?:{_YEARS})?\d{{0,2}}|(?:\d\d)?{_YEARS}"),
)


class PinFaultError(OperationError):
    """The digits are none that can be chosen."""

    def __init__(self, fault: PinFault) -> None:
        super().__init__(f"this PIN cannot be chosen: {fault}", "choose other digits, at least six")
        self.fault = fault


def checked(pin: str) -> str:
    """The digits of a PIN that can be chosen; spaces and hyphens are left out. Raises PinFaultError."""
    digits = plain(pin)
    fault = _fault(digits)
    if fault is not None:
        raise PinFaultError(fault)
    return digits


def plain(pin: str) -> str:
    """The PIN as it is compared: without spaces and hyphens, at most 64 characters."""
    return re.sub(r"[\s-]", "", pin[:64])


def _fault(digits: str) -> PinFault | None:
    if not (digits.isascii() and digits.isdigit()):
        return PinFault.DIGITS if digits else PinFault.LENGTH
    if not SHORTEST <= len(digits) <= LONGEST:
        return PinFault.LENGTH
    if len(set(digits)) < 3 or _repeats(digits):
        return PinFault.REPEATED
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(digits)}
    if steps in ({1}, {9}):
        return PinFault.SEQUENCE
    if digits in COMMON:
        return PinFault.COMMON
    return PinFault.DATE if any(each.fullmatch(digits) for each in _DATES) else None


def _repeats(digits: str) -> bool:
    """True if it is one part several times, the last one perhaps cut: 123123, 1234123."""
    most = len(digits)
    return any(digits == (digits[:size] * most)[:most] for size in range(1, most // 2 + 1))

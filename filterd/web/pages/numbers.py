"""Numbers that stand in paths and forms: few digits, so that none is too long for Python or the store.

A path with a longer one is no page. Importing this makes ``{name:number}`` known to routes.
"""

from __future__ import annotations

from typing import ClassVar

from starlette.convertors import IntegerConvertor, register_url_convertor

MOST_DIGITS = 9
NUMBER = "number"
"""the kind of a part of a path"""


class NumberConvertor(IntegerConvertor):
    """A number of at most :data:`MOST_DIGITS` digits in a path."""

    regex: ClassVar[str] = f"[0-9]{{1,{MOST_DIGITS}}}"


def number_of(text: str) -> int:
    """The number that a field has; -1 where it has none, or one of more digits."""
    return int(text) if len(text) <= MOST_DIGITS and text.isascii() and text.isdigit() else -1


register_url_convertor(NUMBER, NumberConvertor())

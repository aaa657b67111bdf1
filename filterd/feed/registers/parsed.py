"""The outcome of reading a register's document, whatever its form.

A row that cannot be read is an item with its error: it gets its own answer, and the others go on. A document
that cannot be read as a whole raises :class:`RegisterSyntaxError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from filterd.model.register import ItemAct

MOST_ITEMS = 500_000
"""of one document"""
LONGEST_ENTRY = 2_048
"""characters of a name, address or URL as written"""
EVERY = 5_000
"""items between two calls of ``tell``"""

Tell = Callable[[int], None]
"""called with the number of items that have been read"""


def quiet(_count: int) -> None:
    """Tell nobody."""


class RegisterSyntaxError(ValueError):
    """A document that cannot be read. ``line``: where, from 1; 0: it has no lines."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


@dataclass(frozen=True, slots=True)
class ParsedItem:
    """One item as it was written."""

    number: int
    """in the document, from 1"""
    entry: str
    """the name, address or URL"""
    act: ItemAct = ItemAct.BLOCK
    line: int = 0
    place: str = ""
    """its number in the register, where it has one"""
    at: float = 0.0
    """when the authority entered it, Unix seconds; 0: it does not say"""
    error: str = ""
    """why it cannot be read; empty: it can"""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document as it was read."""

    items: tuple[ParsedItem, ...]
    document: str = ""
    """its number; empty: it has none of its own"""
    official: str = ""
    whole: bool = False
    """it is the whole list: what is absent is unblocked"""

    @property
    def errors(self) -> tuple[ParsedItem, ...]:
        """The items that cannot be read."""
        return tuple(each for each in self.items if each.error)


def decoded(data: bytes) -> str:
    """The text of UTF-8 bytes, without a byte order mark. Raises RegisterSyntaxError."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = "the document is not UTF-8"
        raise RegisterSyntaxError(message, line) from None


def require_few(count: int, line: int = 0) -> None:
    """Refuse a document with too many items."""
    if count > MOST_ITEMS:
        message = f"the document has more than {MOST_ITEMS:,} items"
        raise RegisterSyntaxError(message, line)


def act_of(text: str) -> ItemAct | None:
    """The act that a word names; empty: block. None for another word."""
    word = text.strip().lower() or ItemAct.BLOCK.value
    return next((each for each in ItemAct if each.value == word), None)


def entry_error(entry: str) -> str:
    """Why the text of an entry is none at all; empty: it may be one."""
    if not entry:
        return "it has no entry"
    if len(entry) > LONGEST_ENTRY:
        return f"its entry is longer than {LONGEST_ENTRY} characters"
    if not entry.isprintable():
        return "its entry has characters that no name has"
    return ""


def storable(text: str) -> str:
    """A text that UTF-8 can write: each lone surrogate, which JSON can hold, is its escape ``\\udXXX``."""
    return text.encode("utf-8", "backslashreplace").decode()

"""Quiescent-state reclamation, one for the whole process: tells when what was unpublished may be freed."""

from typing import final

def retire(thing: object) -> None:
    """Keep ``thing`` alive until every reader that is awake now has passed. No reader may find it any more.

    Raises MemoryError; it is then kept for ever.
    """

def collect() -> int:
    """Free what no reader can hold any more, a few thousand things at most; how many are still kept."""

def waiting() -> int:
    """The number of things that are kept."""

@final
class Reader:
    """A reader's number for as long as this lives: for tests and tools. Raises ValueError: too many."""

    @property
    def number(self) -> int: ...
    def awake(self) -> None:
        """It may follow published pointers from now on."""
    def asleep(self) -> None:
        """It holds none of them."""
    def pass_on(self) -> None:
        """It has let go of what it held, and is awake."""

"""Sorts the names of a list and drops repetitions, in little more memory than the names take."""

from typing import final

@final
class NameSorter:
    """Takes names in any order, and gives each once, sorted. Used once, by one thread.

    Repeated names are dropped each time that the names take ``step`` bytes more, or half as much again.
    """

    def __init__(self, step: int = 1 << 26) -> None: ...
    def add(self, run: bytes | bytearray | memoryview) -> None:
        """Add names, each ended by a newline; empty lines are passed over.

        ValueError for a name longer than 255 octets or with an octet that is not printable ASCII; none of the
        run is added then.
        """

    def finish(self) -> bytes:
        """The names, sorted bytewise, each once and ended by a newline."""

def common_names(
    names: bytes | bytearray | memoryview, others: bytes | bytearray | memoryview
) -> list[bytes]:
    """The names that stand in both; each argument is sorted, and every name ended by a newline."""

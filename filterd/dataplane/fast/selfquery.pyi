"""Self-queries: the resolver asks itself, and the answer proves which of its threads took the query."""

from typing import Final, final

WHO_TCP: Final[int]
"""the taker of queries over TCP; else the number of a thread"""

@final
class SelfQueries:
    """Makes and reads both under one key of 16 bytes, which never leaves the process."""

    def __init__(self, key: bytes) -> None: ...
    def query(self, number: int) -> bytes:
        """The query of this number; whoever takes one takes none of a lower or the same number afterwards."""

    def answer(self, packet: bytes | memoryview, who: int = ...) -> bytes | None:
        """Take a packet: its answer, None where it is no self-query or was taken before."""

    def read(self, packet: bytes) -> tuple[int, int] | None:
        """Number and taker of an answer; None where it is none of ours."""

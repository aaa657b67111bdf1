"""Memory that outlives the resolver: the packet that each thread works on, and those that have killed it."""

from collections.abc import Iterable
from typing import final

@final
class CrashBoard:
    """One board, mapped. Marks are keyed hashes of 16 bytes; a packet's leaves its id out."""

    @property
    def descriptor(self) -> int:
        """The file that is given to the resolver. It is anonymous memory and never closed here."""

    def __init__(self, descriptor: int) -> None:
        """Map a board that was made before. ``OSError`` and ValueError: there is none."""

    @staticmethod
    def make(key: bytes) -> CrashBoard:
        """A new one, sealed against growing and shrinking; ``key`` has 16 bytes. Raises ``OSError``."""

    def mark(self, packet: bytes) -> bytes:
        """The mark of a packet."""

    def question_mark(self, question: bytes) -> bytes:
        """The mark of a question (name, type and class in wire form), whatever its letters' case."""

    def reading(self, question: bytes) -> CrashBoard:
        """``with board.reading(question):`` - an upstream's answer to it is being read, by one at a time."""

    def __enter__(self) -> CrashBoard: ...
    def __exit__(self, *_: object) -> None: ...
    def under_work(self) -> list[tuple[int, bytes]]:
        """The work of each thread, now or when it died: how many packets it had begun, and the mark."""

    def note(self, mark: bytes, place: int = 0) -> None:
        """Note that thread ``place`` works on that packet. ValueError for no mark and no place."""

    def wipe(self) -> None:
        """Take all notes away: no thread works."""

    def blame(self, marks: Iterable[bytes]) -> None:
        """Count one crash, and blame the packets that were under work at it."""

    def forgive(self) -> None:
        """Forget which marks were blamed; the counts stay."""

    def killed(self, mark: bytes) -> bool:
        """Return whether that mark is blamed."""

    @property
    def reduced(self) -> bool:
        """True if the resolver is to take plain queries alone."""

    @reduced.setter
    def reduced(self, value: bool) -> None: ...
    @property
    def crashes(self) -> int:
        """Deaths by a fault since the board was made."""

    @property
    def packets(self) -> int:
        """Packets that were under work at one."""

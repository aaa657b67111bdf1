"""A receiver driven with recorded packets and given times, and a sink that keeps events: for tests and
benchmarks."""

from filterd.accounting.event import EventSink
from filterd.accounting.radius_types import ReadEvent
from filterd.accounting.receiver import Receiver

class RecordedEvents(EventSink):
    """A sink that keeps the first events. One thread at a time may give it some."""

    def __init__(self, most: int = 1024) -> None: ...
    def events(self) -> list[ReadEvent]:
        """The events that there was room for."""

    def __len__(self) -> int: ...

def take(receiver: Receiver, packets: list[tuple[bytes, bytes]], arrival: int) -> list[bytes | None]:
    """Take packets, each behind its sender's 16 bytes, as if they had come in one go: the answers, None for
    silence. ``arrival``: milliseconds, Unix time."""

def spin(receiver: Receiver, packets: list[tuple[bytes, bytes]], rounds: int, arrival: int) -> int:
    """Take the packets so many times over, without the GIL: the number of answers."""

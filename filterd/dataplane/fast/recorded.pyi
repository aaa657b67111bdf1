"""Threads of the fast path driven with recorded packets and given times: for tests and benchmarks."""

from collections.abc import Sequence
from typing import NamedTuple, final

from filterd.dataplane.fast.thread import FastThread

class Answered(NamedTuple):
    """An answer, and whose it is."""

    place: int
    client: bytes
    answer: bytes

@final
class Driver:
    """Takes the place of a thread's ``run``. Everything is the thread's own but the system calls for clients'
    datagrams and the clocks. No method may be called while the thread runs: ValueError.

    A recorded packet comes with its client's 16 bytes, and has at most 4096. ``now``: the machine's Unix
    seconds; ``micros``: of the monotonic clock."""

    def __init__(self, thread: FastThread) -> None: ...
    def limit_ports(self, queries: int) -> None:
        """Let only so many queries leave from one upstream port, for ports that are opened from now on."""

    @property
    def waiting(self) -> int:
        """The number of exchanges that wait for upstreams."""

    @property
    def asking(self) -> int:
        """The number of questions that may still be answered, with those that nobody waits for any more."""

    @property
    def due(self) -> int | None:
        """In how many microseconds there was more to do when :meth:`pump` ended."""

    def drive(
        self, packets: Sequence[tuple[bytes, bytes]], now: int, micros: int, first: int = 0
    ) -> list[bytes | None]:
        """Take packets as if they had come in one go: the answer of each, None for silence, a punt or a wait.
        ``first``: the place of the first, by which :meth:`pump` names it; 65535 is the highest."""

    def pump(self, now: int, micros: int, milliseconds: int) -> list[Answered]:
        """Send what :meth:`drive` led to, wait so long for upstreams, take all that comes, go on where one
        was silent: the answers, the last 64 of a turn."""

    def spin(self, packets: Sequence[tuple[bytes, bytes]], rounds: int, now: int, micros: int) -> int:
        """Drive the packets so many times over, without the GIL and without looking at the answers: how many
        there were."""

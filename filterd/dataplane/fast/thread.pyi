"""The fast path: threads without the GIL that receive, decide and answer in batches."""

from typing import NamedTuple, final

from filterd.dataplane.fast.punts import PuntReason
from filterd.dataplane.fast.routes import Routes
from filterd.dataplane.packet.plane import Pending, Plane

class FastCounts(NamedTuple):
    """Counts of one thread since it was made."""

    turns: int
    """times that it looked at its sockets"""
    batches: int
    datagrams: int
    punts: dict[PuntReason, int]
    drops: dict[str, int]
    """what got no answer here, beside what the packets count, by reason"""
    misses: dict[str, int]
    """questions for upstreams: asked, joined to one on its way, asked again for the cache alone, and not
    taken since too much is on its way"""
    times: tuple[int, ...]
    """answers by response time, in the buckets of ``answer_counts.BOUNDS``"""
    seconds: float
    """all response times together"""
    self_queries: int
    sent_early: int
    """answers that were sent before the rest of their batch was made, since that took long"""
    """the resolver's own, which are in ``datagrams`` too and in nothing else"""

@final
class Descriptor:
    """An open file, closed when nobody holds it any more."""

    def __init__(self, number: int) -> None: ...

@final
class Punted:
    """An exchange that a thread left to the slow path."""

    @property
    def reason(self) -> int:
        """A ``PuntReason``."""

    @property
    def pending(self) -> Pending: ...
    @property
    def came(self) -> float:
        """When, in seconds of the monotonic clock."""

@final
class FastThread:
    """One thread's sockets and memory. :meth:`run` serves on the thread that calls it, without the GIL; all
    other methods are the event loop's."""

    def __init__(self, packets: Plane, routes: Routes, number: int, news: int, seed: bytes) -> None:
        """``number``: from 0, its place on the crash board. ``news``: an eventfd, written to when there is
        something to :meth:`take`. ``seed``: 16 secret bytes. OSError: no descriptors are left.
        ValueError: the number is beyond the crash board's notes."""

    @property
    def running(self) -> bool: ...
    @property
    def turns(self) -> int:
        """The number of times that it has looked at its sockets."""

    @property
    def waiting(self) -> int:
        """The number of its queries that waited for upstreams when it last looked at its sockets."""

    def open_listen_socket(self, socket: int, wildcard: bool) -> int:
        """Serve a bound, non-blocking UDP socket from now on, by a duplicate; the number of the listening
        socket in this thread.
        ``wildcard``: it tells which address was asked. OSError: there are too many."""

    def close_listen_socket(self, listen_socket: int) -> None:
        """Serve it no longer."""

    def stop_reading(self, listen_socket: int) -> None:
        """Read it no longer; answers to what was read before still leave through it."""

    def wake(self) -> None:
        """Make it look at its sockets now; any thread may call it."""

    def know_itself(self, key: bytes) -> None:
        """Answer the self-queries made under this key (see ``SelfQueries``). ValueError: it runs already."""

    def run(self) -> None:
        """Serve until :meth:`stop`."""

    def stop(self) -> None:
        """End :meth:`run` soon; any thread may call it."""

    def take(self) -> Punted | None:
        """The oldest exchange that was left to the slow path."""

    def answer(self, punted: Punted, answer: bytes) -> bool:
        """Send the answer of a punted exchange the way its query came; False: it could not be sent."""

    def counts(self) -> FastCounts: ...

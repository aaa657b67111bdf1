"""Whom to ask, as the event loop shows it to native threads, and what they count of each upstream."""

from collections.abc import Iterable
from typing import final

from filterd.dataplane.upstream.thread_route import RouteReport, ThreadHop

@final
class Tallies:
    """What one thread counts, by the upstreams' numbers."""

@final
class Routes:
    """The route that is shown. Published and read with the GIL, by one owner."""

    @property
    def threads(self) -> int: ...
    def __init__(self, threads: int, avoided: Iterable[int] = ()) -> None:
        """``threads``: how many share what an upstream may have outstanding. ``avoided``: ports that no query
        leaves from; those of upstreams that are published are avoided too."""

    def publish(self, hops: Iterable[ThreadHop]) -> None:
        """Whom to ask from now on, in this order; none: threads ask nobody. The first sixteen are shown."""

    def reports(self) -> dict[str, RouteReport]:
        """What the threads counted since the start, by the upstreams' names."""

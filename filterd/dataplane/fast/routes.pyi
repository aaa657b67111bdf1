"""The upstreams to ask, published by the event loop for native threads, and the threads' counts of each."""

from collections.abc import Iterable
from typing import final

from filterd.dataplane.upstream.thread_route import RouteReport, ThreadHop

@final
class Tallies:
    """Counts of one thread, by the upstreams' numbers."""

@final
class Routes:
    """The published route. Published and read with the GIL, by one owner."""

    @property
    def threads(self) -> int: ...
    def __init__(self, threads: int, avoided: Iterable[int] = ()) -> None:
        """``threads``: the number that share what an upstream may have outstanding. ``avoided``: ports that
        no query leaves from; those of published upstreams are avoided too."""

    def publish(self, hops: Iterable[ThreadHop]) -> None:
        """Publish the upstreams to ask, in this order; threads see the first sixteen, and ask nobody else."""

    def reports(self) -> dict[str, RouteReport]:
        """The threads' counts since the start, by the upstreams' names."""

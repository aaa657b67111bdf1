"""The receiver of accounting packets over UDP (RFC 2866, 5997, 5176)."""

from collections.abc import Iterable

from filterd.accounting.event import EventSink
from filterd.accounting.radius_types import LineRule, RadiusClient

class Receiver:
    """Takes accounting packets from a socket, hands their events to a sink and answers. Without the GIL.

    An answer goes out when the sink has the event. Who is no client gets silence, and so does a packet that
    is not proven."""

    def __init__(self, sink: EventSink, key: bytes, anchor: float = 0) -> None:
        """``anchor``: seconds, that of the SteadyClock that messages' arrivals go by; 0: the machine's."""

    def configure(self, clients: Iterable[RadiusClient], rule: LineRule, lasts: int) -> None:
        """Put other clients and another rule in force from the next batch on. ``lasts``: the
        seconds for which a session is good after a packet (``accounting.stale_after``). ValueError (more
        than MOST_CLIENTS, a prefix twice, an empty secret) leaves the old in force; before the first call
        nobody is a client."""

    def run(self, descriptor: int) -> None:
        """Serve a UDP socket, which need not be non-blocking, until :meth:`stop`. OSError when it cannot be
        read any more; ValueError while another thread runs this receiver."""

    def stop(self) -> None:
        """End :meth:`run`, in whatever thread it is; if none runs, the next one ends at once."""

    def counts(self) -> dict[str, int]:
        """The packets so far by :class:`~filterd.accounting.radius_types.PacketOutcome`."""
    @property
    def refused(self) -> int:
        """The addresses so far that their client may not claim: its packets counted without them."""
    @property
    def second(self) -> int:
        """The packets so far that the second secret of their client proved."""

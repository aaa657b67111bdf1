"""Where clients reach the resolver: the sockets of ``dns.listen`` and the limits of ``dns.tcp``."""

from __future__ import annotations

import os
from collections.abc import Callable

from filterd.config.settings import Settings
from filterd.dataplane.listeners.connections import Connections, Limits
from filterd.dataplane.listeners.places import Place, Places, Witness
from filterd.dataplane.listeners.tcp import TcpService
from filterd.dataplane.slowpath import SlowPath
from filterd.dataplane.stages.unwrap import Unwrap
from filterd.dataplane.tables import Prefixes


class Listening:
    """Every listener of one resolver. Owned by the event loop."""

    def __init__(
        self, settings: Settings, path: SlowPath, ticks: Callable[[], float], witness: Witness
    ) -> None:
        """Binds every socket. Raises ``OSError`` that names the address. ``ticks`` does not go back."""
        self.connections = Connections(limits_of(settings))
        self.service = TcpService(self.connections, ticks)
        unwrap = _unwrap(settings)
        self.places = Places(
            [
                Place(each.address, each.port, path, unwrap, self.service, witness)
                for each in settings.dns.listen
            ]
        )

    def start(self) -> None:
        """Begin to serve, on the running loop."""
        self.places.start()
        self.service.start()

    def change(self, settings: Settings) -> None:
        """Take over what can change while serving: all but the addresses."""
        self.connections.limits = limits_of(settings)
        self.places.trust(_unwrap(settings))

    def close(self) -> None:
        """Stop reading and cut the connections that are open."""
        self.places.close()
        self.service.close()


def limits_of(settings: Settings) -> Limits:
    """What TCP clients may take."""
    tcp = settings.dns.tcp
    return Limits(
        connections=tcp.connections,
        per_prefix=tcp.connections_per_prefix,
        idle=float(tcp.idle),
        queries=tcp.queries_per_connection,
        unsent=tcp.unsent,
    )


def _unwrap(settings: Settings) -> Unwrap:
    return Unwrap(Prefixes(os.urandom(16), map(str, settings.dns.proxy_from)))

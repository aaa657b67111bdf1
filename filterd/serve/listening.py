"""Where clients reach the resolver: the sockets of ``dns.listen`` and the limits of ``dns.tcp``."""

from __future__ import annotations

import os
from collections.abc import Callable

from filterd.config.settings import Settings
from filterd.dataplane.listeners.binding import bind_tcp, bind_udp
from filterd.dataplane.listeners.connections import Connections, Limits
from filterd.dataplane.listeners.tcp import TcpListener, TcpService
from filterd.dataplane.listeners.udp import UdpListener
from filterd.dataplane.slowpath import SlowPath
from filterd.dataplane.stages.unwrap import Unwrap
from filterd.dataplane.tables import Prefixes


class Listening:
    """Every listener of one resolver. Owned by the event loop."""

    def __init__(self, settings: Settings, path: SlowPath, ticks: Callable[[], float]) -> None:
        """Binds every socket. Raises ``OSError`` that names the address. ``ticks`` does not go back."""
        self.connections = Connections(limits_of(settings))
        self.service = TcpService(self.connections, ticks)
        unwrap = _unwrap(settings)
        self._udp = [
            UdpListener(bind_udp(each.address, each.port), path, unwrap) for each in settings.dns.listen
        ]
        self._tcp = [
            TcpListener(bind_tcp(each.address, each.port), path, unwrap, self.service)
            for each in settings.dns.listen
        ]

    def start(self) -> None:
        """Begin to serve, on the running loop."""
        for listener in self._all():
            listener.start()
        self.service.start()

    def change(self, settings: Settings) -> None:
        """Take over what can change while serving: all but the addresses."""
        self.connections.limits = limits_of(settings)
        unwrap = _unwrap(settings)
        for listener in self._all():
            listener.unwrap = unwrap

    def close(self) -> None:
        """Stop reading and cut the connections that are open."""
        for listener in self._all():
            listener.close()
        self.service.close()

    def _all(self) -> list[UdpListener | TcpListener]:
        return [*self._udp, *self._tcp]


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

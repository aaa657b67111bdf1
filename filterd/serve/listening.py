"""The listeners of the resolver: the sockets of ``dns.listen`` and the limits of ``dns.tcp``."""

from __future__ import annotations

import os
from collections.abc import Callable

from filterd.config.settings import Settings
from filterd.dataplane.listeners.connection_table import ConnectionLimits, ConnectionTable
from filterd.dataplane.listeners.fast_threads import FastPath
from filterd.dataplane.listeners.inherited import NOTHING_INHERITED, InheritedSockets
from filterd.dataplane.listeners.listen_addresses import ListenAddress, ListenAddresses, ListenObserver
from filterd.dataplane.listeners.tcp import TcpService
from filterd.dataplane.packet.unwrap import Unwrap
from filterd.dataplane.slow.slowpath import MAX_WAITING, SlowPath
from filterd.dataplane.tables.addresses import Prefixes
from filterd.serve.process import raise_file_limit

OTHER_FILES = 512
"""open files besides client connections and sockets to upstreams: listeners, the store, snapshots, HTTP"""


class Listening:
    """All listeners of one resolver. Owned by the event loop."""

    def __init__(
        self,
        settings: Settings,
        path: SlowPath,
        fast: FastPath,
        ticks: Callable[[], float],
        observer: ListenObserver,
        inherited: InheritedSockets = NOTHING_INHERITED,
    ) -> None:
        """Takes the sockets of a predecessor (``inherited``), and binds every other. Raises ``OSError`` that
        names the address. ``ticks`` does not go back."""
        self._observer = observer
        self.connections = ConnectionTable(self._limits(settings))
        self.service = TcpService(self.connections, ticks)
        unwrap = _unwrap(settings)
        self.addresses = ListenAddresses(
            [
                ListenAddress(each.address, each.port, path, fast, unwrap, self.service, observer, inherited)
                for each in settings.dns.listen
            ]
        )

    def start(self) -> None:
        """Begin to serve, on the running loop."""
        self.addresses.start()
        self.service.start()

    def change(self, settings: Settings) -> None:
        """Apply the settings that can change while serving: all but the addresses."""
        self.connections.change(self._limits(settings))
        self.addresses.trust(_unwrap(settings))

    def close(self) -> None:
        """Stop reading, and cut all open connections."""
        self.addresses.close()
        self.service.close()

    def _limits(self, settings: Settings) -> ConnectionLimits:
        wanted = settings.dns.tcp.connections
        limits = limits_of(settings, raise_file_limit(wanted + MAX_WAITING + OTHER_FILES))
        if limits.connections < wanted:
            remedy = "raise LimitNOFILE= of the unit (ulimit -n), or lower dns.tcp.connections"
            event = "fewer TCP connections than configured: the system allows too few open files"
            self._observer.note(event, count=limits.connections, remedy=remedy)
        return limits


def limits_of(settings: Settings, files: int) -> ConnectionLimits:
    """The limits of TCP clients with so many open files. A quarter of the files, or as many as can be needed,
    is kept for queries that wait for upstreams: clients over UDP come first."""
    tcp, limit = settings.dns.tcp, settings.dns.rate_limit
    left = files - OTHER_FILES - min(MAX_WAITING, files // 4)
    return ConnectionLimits(
        connections=min(tcp.connections, max(left, 1)),
        per_prefix=tcp.connections_per_prefix,
        idle=float(tcp.idle),
        queries=tcp.queries_per_connection,
        unsent=tcp.unsent,
        ipv4_prefix=limit.ipv4_prefix,
        ipv6_prefix=limit.ipv6_prefix,
    )


def _unwrap(settings: Settings) -> Unwrap:
    return Unwrap(Prefixes(os.urandom(16), map(str, settings.dns.proxy_from)))

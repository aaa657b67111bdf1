"""The listen addresses, which stay served while interfaces come and go.

A socket may be bound to an address that no interface has yet (IP_FREEBIND): the kernel delivers to it as soon
as an interface has the address, and again whenever the address comes back. An address that names its
interface (``fe80::1%eth0``) is different: its socket is tied to the index of the interface, and that may
change. Such an address is bound anew.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, Protocol

from filterd.dataplane.listeners.fast_threads import FastPath
from filterd.dataplane.listeners.inherited import (
    NOTHING_INHERITED,
    InheritedSockets,
    Name,
    SocketKind,
    name_of,
)
from filterd.dataplane.listeners.socket_binding import (
    AbsentAddressError,
    Address,
    bind_tcp,
    interface_of,
    is_in_use,
    is_present,
    socket_address,
    written,
)
from filterd.dataplane.listeners.tcp import TcpListener, TcpService
from filterd.dataplane.listeners.udp import UdpListener
from filterd.dataplane.packet.unwrap import Unwrap
from filterd.dataplane.slow.slowpath import SlowPath

CHECK_SECONDS = 1.0
"""between two checks of the interfaces"""
PORT_ATTEMPTS = 8
"""attempts to bind UDP and TCP to the same port, if the configured port is 0"""


class ListenObserver(Protocol):
    """Takes events that an operator should know of."""

    def note(self, event: str, **fields: object) -> None:
        """Report an event with its fields."""


class SelfQueryTarget(NamedTuple):
    """A listen address at which the resolver can ask itself."""

    address: Address
    port: int
    unwrap: Unwrap
    udp: UdpListener


class ListenAddress:
    """One address and port, UDP and TCP."""

    def __init__(
        self,
        address: Address,
        port: int,
        path: SlowPath,
        fast: FastPath,
        unwrap: Unwrap,
        service: TcpService,
        observer: ListenObserver,
        inherited: InheritedSockets = NOTHING_INHERITED,
    ) -> None:
        """Takes the sockets of a predecessor, or binds them. Raises ``OSError``, but not for an address that
        no interface has yet."""
        self._address = address
        self._port = port
        self._path = path
        self._fast = fast
        self._unwrap = unwrap
        self._service = service
        self._observer = observer
        self._started = False
        self._interface = 0
        self._trouble = ""
        self._inherited = inherited
        self._listeners: tuple[UdpListener, TcpListener] | None = None
        self.present = is_present(address)
        try:
            self._bind()
        except AbsentAddressError:
            self.present = False
        except OSError:
            if not inherited.has_port(SocketKind.TCP, port):
                raise
            # The predecessor listens at the wildcard, or we shall: its clients are served until it ends.
            self._tell("a listen address is served as soon as the predecessor has left its port")
        if not self.present:
            self._tell("no interface has a listen address yet: it is served as soon as one has")

    def start(self) -> None:
        """Begin to serve, on the running loop."""
        self._started = True
        for listener in self._listeners or ():
            listener.start()

    def trust(self, unwrap: Unwrap) -> None:
        """Expect the PROXY protocol from other senders from now on."""
        self._unwrap = unwrap
        if self._listeners is not None:
            self._listeners[1].unwrap = unwrap

    def self_query_target(self) -> SelfQueryTarget | None:
        """The target for self-queries; None: the address is not served, or no interface has it."""
        if not (self._started and self.present and self._listeners is not None):
            return None
        udp, address = self._listeners[0], self._address
        if address.is_unspecified:
            address = IPv4Address("127.0.0.1") if address.version == 4 else IPv6Address("::1")
        return SelfQueryTarget(address, self._port or udp.port, self._unwrap, udp)

    def sockets(self) -> list[tuple[SocketKind, socket.socket]]:
        """The listening sockets; none while the address is not served."""
        if self._listeners is None:
            return []
        udp, tcp = self._listeners
        return [*((SocketKind.UDP, each) for each in udp.sockets), (SocketKind.TCP, tcp.listening_socket)]

    def stop_reading(self, kind: SocketKind, name: Name) -> None:
        """Leave what comes at this address to whoever has the same socket."""
        if self._listeners is None:
            return
        udp, tcp = self._listeners
        if kind is SocketKind.UDP and name_of(udp.sockets[0].getsockname()) == name:
            udp.stop_reading()
        if kind is SocketKind.TCP and name_of(tcp.listening_socket.getsockname()) == name:
            tcp.stop_accepting()

    def check(self) -> None:
        """Find out whether the address appeared or disappeared, and bind it if possible."""
        if self._listeners is not None and self._moved():
            self.close()
        if self._listeners is None:
            self._try_again()
        present = self._listeners is not None and is_present(self._address)
        if present != self.present:
            self.present = present
            gone = "no interface has a listen address any more"
            self._tell("an interface has a listen address now" if present else gone)

    def close(self) -> None:
        """Stop serving."""
        for listener in self._listeners or ():
            listener.close()
        self._listeners = None

    def _bind(self) -> None:
        try:
            self._interface = interface_of(self._address)
        except OSError as error:
            raise AbsentAddressError from error
        attempts = 1 if self._port else PORT_ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                self._listeners = self._bind_both()
                return
            except OSError as error:
                if attempt == attempts or not is_in_use(error):
                    raise

    def _bind_both(self) -> tuple[UdpListener, TcpListener]:
        """Bind one port for UDP and TCP. Raises ``OSError``; with port 0 also where the port that the system
        chose for UDP is in use for TCP."""
        name = name_of(socket_address(self._address, self._port))
        inherited, probe = self._inherited, not self._inherited.has_port(SocketKind.UDP, self._port)
        udp = UdpListener(
            self._address, self._port, self._fast, inherited.take(SocketKind.UDP, name), probe=probe
        )
        try:
            passed_on = inherited.take(SocketKind.TCP, name)
            tcp = passed_on[0] if passed_on else bind_tcp(self._address, self._port or udp.port)
        except OSError:
            udp.close()
            raise
        return udp, TcpListener(tcp, self._path, self._unwrap, self._service)

    def _try_again(self) -> None:
        try:
            self._bind()
        except AbsentAddressError:
            return
        except OSError as error:
            if str(error) != self._trouble:  # reported once, tried again and again
                self._trouble = str(error)
                self._tell("a listen address cannot be served", reason=self._trouble)
            return
        self._trouble = ""
        if self._started:
            self.start()

    def _moved(self) -> bool:
        """Return whether the interface that the address names is gone or has another index now."""
        try:
            return interface_of(self._address) != self._interface
        except OSError:
            return True

    def _tell(self, event: str, **fields: str) -> None:
        self._observer.note(event, listen=written(self._address, self._port), **fields)


class ListenAddresses:
    """All listen addresses, checked every ``CHECK_SECONDS``."""

    def __init__(self, addresses: list[ListenAddress]) -> None:
        self._addresses = addresses
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to serve, on the running loop."""
        for each in self._addresses:
            each.start()
        self._wait()

    def trust(self, unwrap: Unwrap) -> None:
        """Expect the PROXY protocol from other senders from now on."""
        for each in self._addresses:
            each.trust(unwrap)

    def close(self) -> None:
        """Stop serving."""
        if self._timer is not None:
            self._timer.cancel()
        for each in self._addresses:
            each.close()

    def sockets(self) -> list[tuple[SocketKind, socket.socket]]:
        """All listening sockets."""
        return [pair for each in self._addresses for pair in each.sockets()]

    def stop_reading(self, kind: SocketKind, name: Name) -> None:
        """Leave what comes at the address with this name to whoever has the same socket."""
        for each in self._addresses:
            each.stop_reading(kind, name)

    def stop_checks(self) -> None:
        """Bind nothing more: another process looks after the interfaces."""
        if self._timer is not None:
            self._timer.cancel()

    def self_query_targets(self) -> list[SelfQueryTarget | None]:
        """The target of each address, in the order of the configuration; None: it cannot be asked now."""
        return [each.self_query_target() for each in self._addresses]

    def counts(self) -> dict[str, int]:
        """The number of addresses that interfaces have (``present``) and do not have (``absent``)."""
        present = sum(each.present for each in self._addresses)
        return {"present": present, "absent": len(self._addresses) - present}

    def _check(self) -> None:
        for each in self._addresses:
            each.check()
        self._wait()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._check)

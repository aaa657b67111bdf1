"""Addresses that are not there, or are another's: what stops a start, what is waited for, and what is said.
How they come and go: tests/e2e/test_interfaces.py."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest

from filterd.dataplane.listeners import listen_addresses as listen_addresses_module
from filterd.dataplane.listeners.listen_addresses import (
    PORT_ATTEMPTS,
    ListenAddress,
    ListenAddresses,
)
from filterd.dataplane.listeners.socket_binding import (
    AbsentAddressError,
    Address,
    bind_tcp,
    bind_udp,
    is_present,
)
from tests.e2e.authority import free_port
from tests.worlds.listener import Served, framed, make_served, query, receive


class Told:
    """What an operator was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def note(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))


def place(served: Served, address: str, port: int, told: Told) -> ListenAddress:
    unwrap, service = served.tcp.unwrap, served.service
    return ListenAddress(ip_address(address), port, served.path, served.fast, unwrap, service, told)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    """Only its parts are of interest here."""
    made = make_served()
    made.start()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("address", "present"),
    [("127.0.0.1", True), ("::1", True), ("0.0.0.0", True), ("192.0.2.1", False), ("fe80::1%absent0", False)],
)
def test_whether_an_address_is_there(address: str, present: bool) -> None:
    assert is_present(ip_address(address)) == present


def test_an_address_may_be_bound_before_it_is_there() -> None:
    for address in ("192.0.2.1", "2001:db8::1"):
        for bound in (*bind_udp(ip_address(address), 0, 2), bind_tcp(ip_address(address), 0)):
            bound.close()
    with pytest.raises(AbsentAddressError, match=r"cannot listen on \[fe80::1%absent0\]:53: "):
        bind_udp(ip_address("fe80::1%absent0"), 53)


async def test_an_absent_address_is_said_at_the_start(served: Served) -> None:
    told = Told()
    for address, text in (("192.0.2.1", "192.0.2.1:0"), ("fe80::1%absent0", "[fe80::1%absent0]:0")):
        made = ListenAddresses([place(served, address, 0, told)])
        made.start()
        assert made.counts() == {"present": 0, "absent": 1}
        event, fields = told.events.pop()
        assert event.startswith("no interface has a listen address yet")
        assert fields == {"listen": text}
        made.close()
    assert told.events == []


async def test_an_address_in_use_stops_the_start(served: Served) -> None:
    with bind_tcp(ip_address("127.0.0.1"), 0) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: address already in use"):
            place(served, "127.0.0.1", port, Told())


async def test_port_0_is_retried_while_the_chosen_port_is_in_use_for_tcp(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def bind_the_third(address: Address, port: int) -> socket.socket:
        tried.append(port)
        if len(tried) < 3:
            with bind_tcp(address, port):
                return bind_tcp(address, port)
        return bind_tcp(address, port)

    monkeypatch.setattr(listen_addresses_module, "bind_tcp", bind_the_third)
    made = place(served, "127.0.0.1", 0, Told())
    try:
        assert {each.getsockname()[1] for _, each in made.sockets()} == {tried[-1]}
    finally:
        made.close()
    assert len(set(tried)) >= 3


@pytest.mark.parametrize(
    ("named", "reason", "attempts"),
    [(True, errno.EADDRINUSE, 1), (False, errno.EADDRINUSE, PORT_ATTEMPTS), (False, errno.EACCES, 1)],
)
async def test_a_port_of_the_configuration_and_other_failures_are_not_retried(
    served: Served, monkeypatch: pytest.MonkeyPatch, named: bool, reason: int, attempts: int
) -> None:
    tried: list[int] = []

    def bind_none(address: Address, port: int) -> socket.socket:
        tried.append(port)
        raise OSError(f"cannot listen on {address}:{port}") from OSError(reason, "not now")

    monkeypatch.setattr(listen_addresses_module, "bind_tcp", bind_none)
    with pytest.raises(OSError, match="cannot listen"):
        place(served, "127.0.0.1", free_port() if named else 0, Told())
    assert len(tried) == attempts


async def test_what_comes_late_and_is_taken_is_said_once_and_tried_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interface of the address appears; another program has the port, and then lets go of it."""
    monkeypatch.setattr(listen_addresses_module, "CHECK_SECONDS", 0.02)
    told, absent = Told(), True

    def interface_of(address: object) -> int:
        if absent:
            raise OSError("no such interface")
        return 0

    monkeypatch.setattr(listen_addresses_module, "interface_of", interface_of)
    with bind_tcp(ip_address("127.0.0.1"), 0) as other:
        port = other.getsockname()[1]
        made = ListenAddresses([place(served, "127.0.0.1", port, told)])
        made.start()
        absent = False
        async with asyncio.timeout(10):
            while len(told.events) < 2:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    async with asyncio.timeout(10):
        while made.counts()["absent"]:
            await asyncio.sleep(0.01)
    assert [event for event, _ in told.events] == [
        "no interface has a listen address yet: it is served as soon as one has",
        "a listen address cannot be served",
        "an interface has a listen address now",
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(framed(query("example.org")))
    await receive(reader)
    writer.close()
    absent = True
    async with asyncio.timeout(10):
        while made.counts()["present"]:
            await asyncio.sleep(0.01)
    made.close()

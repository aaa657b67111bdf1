"""The demonstration's upstream on loopback: answers its own zone, relays the rest to the system's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Self, cast

from filterd.cli.demonstration.zone import Zone
from filterd.config.value_types import Endpoint
from filterd.wire import codec, respond
from filterd.wire.status import Status

LOOPBACK = "127.0.0.1"
RELAY_SECONDS = 3.0
UDP_LIMIT = 1232
TCP_LIMIT = 65535
SERVFAIL = 2
ROOT_NS = bytes.fromhex("0100 0001 0000 0000 0000 00 0002 0001")
"""a question for the root's name servers, without its id"""


class DemonstrationUpstream:
    """Listens on one port of 127.0.0.1, UDP and TCP, inside its ``async with`` block."""

    def __init__(self, relays: Sequence[Endpoint]) -> None:
        self._zone = Zone()
        self._relays = relays
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        """Open both sockets on a port that the kernel chooses: :attr:`port`."""
        self._server = await asyncio.start_server(self._accept_stream, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(LOOPBACK, self.port)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close both, and the connections that are open; what is being relayed is dropped."""
        if self._transport is not None:
            self._transport.close()
        if self._server is not None:
            self._server.close()
        serving = tuple(self._tasks)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def online(self) -> bool:
        """Return whether one of the system's resolvers knows the name servers of the root."""
        answer = await self._relay(os.urandom(2) + ROOT_NS, stream=False) or b""
        no_error = answer[3:4] and answer[3] & 0x0F == 0
        return bool(no_error and any(answer[6:8]))

    async def answer(self, packet: bytes, stream: bool) -> bytes:
        """The answer to one query; empty for what is no query."""
        query = codec.parse(packet)
        if isinstance(query, Status):
            return b""
        name = codec.name_to_text(query.name).rstrip(".")
        limit = TCP_LIMIT if stream else UDP_LIMIT
        if self._zone.holds(name):
            return respond.answer(query, self._zone.answer(name, query.qtype), limit=limit)
        relayed = await self._relay(packet, stream)
        return relayed if relayed is not None else respond.error(query, SERVFAIL, limit=limit)

    def receive(self, packet: bytes, sender: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        """Answer one datagram in a task of its own."""

        async def reply() -> None:
            answer = await self.answer(packet, stream=False)
            if answer:
                transport.sendto(answer, sender)

        self._keep(asyncio.get_running_loop().create_task(reply()))

    def _accept_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._keep(asyncio.get_running_loop().create_task(self._serve_stream(reader, writer)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Remember it until it ends, for :meth:`__aexit__` to end."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            try:
                while True:
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    answer = await self.answer(await reader.readexactly(length), stream=True)
                    if not answer:
                        break
                    writer.write(len(answer).to_bytes(2, "big") + answer)
                    await writer.drain()
            finally:
                writer.close()
                await writer.wait_closed()

    async def _relay(self, packet: bytes, stream: bool) -> bytes | None:
        exchange = _exchange_stream if stream else _exchange_datagram
        for relay in self._relays:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with asyncio.timeout(RELAY_SECONDS):
                    return await exchange(relay, packet)
        return None


class _Datagrams(asyncio.DatagramProtocol):
    """Hands each datagram to the upstream."""

    def __init__(self, upstream: DemonstrationUpstream) -> None:
        self._upstream = upstream
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answers."""
        # A datagram transport by contract, but by class only from Python 3.12 on.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One query."""
        if self._transport is not None:
            self._upstream.receive(data, addr, self._transport)


async def _exchange_datagram(relay: Endpoint, packet: bytes) -> bytes:
    """Ask over a fresh socket, connected so that only the relay can answer; the id is checked."""
    family = socket.AF_INET6 if relay.address.version == 6 else socket.AF_INET
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asked:
        asked.connect((str(relay.address), relay.port))
        await loop.sock_sendall(asked, packet)
        while True:
            answer = await loop.sock_recv(asked, 65535)
            if answer[:2] == packet[:2]:
                return answer


async def _exchange_stream(relay: Endpoint, packet: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(str(relay.address), relay.port)
    try:
        writer.write(len(packet).to_bytes(2, "big") + packet)
        await writer.drain()
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    finally:
        writer.close()

"""The demonstration's upstream: its own names, and the relay of all others, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from filterd.cli.demonstration.upstream import DemonstrationUpstream
from filterd.config.value_types import parse_endpoint

ANSWERED = b"\x81\x80"


class Relay(asyncio.DatagramProtocol):
    """A system's resolver that echoes each query as an answer, after one with a wrong id.

    For the root it claims to have one record.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A datagram transport by contract, but by class only from Python 3.12 on.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        root = data[12] == 0
        rest = ANSWERED + data[4:6] + bytes([0, root]) + data[8:]
        self.transport.sendto(bytes([data[0] ^ 1]) + data[1:2] + rest, addr)
        self.transport.sendto(data[:2] + rest, addr)


@pytest.fixture
async def relay() -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Relay, local_addr=("127.0.0.1", 0))
    yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    transport.close()


async def test_own_names_over_both_transports() -> None:
    async with DemonstrationUpstream(()) as upstream:
        query = dns.message.make_query("Cloaked.EXAMPLE", "A")
        for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
            answer = await ask(query, "127.0.0.1", port=upstream.port, timeout=5)
            assert [str(rrset.name).lower() for rrset in answer.answer] == [
                "cloaked.example.",
                "adult.example.",
            ]
            assert answer.question[0].name.to_text() == "Cloaked.EXAMPLE."


async def test_other_names_are_relayed(relay: str) -> None:
    async with DemonstrationUpstream((parse_endpoint(relay),)) as upstream:
        answer = await dns.asyncquery.udp(
            dns.message.make_query("www.test", "A"), "127.0.0.1", port=upstream.port, timeout=5
        )
        assert answer.rcode() == dns.rcode.NOERROR
        assert await upstream.online()


async def test_without_a_resolver_it_is_servfail() -> None:
    async with DemonstrationUpstream(()) as upstream:
        for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
            answer = await ask(
                dns.message.make_query("www.test", "A"), "127.0.0.1", port=upstream.port, timeout=5
            )
            assert answer.rcode() == dns.rcode.SERVFAIL
        assert not await upstream.online()


async def test_its_end_is_the_end_of_open_connections() -> None:
    async with DemonstrationUpstream(()) as upstream:
        reader, writer = await asyncio.open_connection("127.0.0.1", upstream.port)
        query = dns.message.make_query("cloaked.example", "A").to_wire()
        writer.write(len(query).to_bytes(2, "big") + query)
        answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        assert answer[:2] == query[:2]
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await writer.wait_closed()


async def test_what_is_no_query_gets_nothing() -> None:
    upstream = DemonstrationUpstream(())
    answer = dns.message.make_response(dns.message.make_query("www.test", "A")).to_wire()
    for packet in (b"", b"\0" * 11, answer):
        assert await upstream.answer(packet, stream=False) == b""

"""Upstreams learn nothing of a line: no identity of a query, no client subnet and no cookie leaves, in
whatever way it is forwarded, and no identity comes back to the client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.message
import pytest

from filterd.config.settings import UpstreamSettings, UpstreamTlsSettings
from filterd.config.value_types import Endpoint, TlsName
from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.packet.answer_counts import AnswerCounts
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables, Front, IdentityRules
from filterd.dataplane.slow.slowpath import SlowPath
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.lines import Lines
from filterd.model.identity import IdentityKind, identity_input
from filterd.policy.classes import FIXED, Classes
from filterd.policy.decide import LineHandle
from filterd.policy.fingerprint import fingerprint
from filterd.serve.forwarding import Forwarding
from tests.e2e.authority import free_port
from tests.unit.dataplane.conftest import Rules
from tests.unit.dataplane.upstream.test_upstream_streams import framed, listening
from tests.worlds.certificates import Authority
from tests.worlds.identities import TLV, header, query
from tests.worlds.listener import MachineClock
from tests.worlds.miss import UNKNOWN, good, misses
from tests.worlds.policy import KEY, World
from tests.worlds.rate import wide
from tests.worlds.upstream import truncated

CLIENT, FRONT = "127.0.0.99", "127.0.0.9"
MAC, DEVICE, CPE, TLV_TEXT = (
    b"\x02\xaa\xbb\xcc\xdd\xee",
    b"the-tablet-of-ana",
    b"ONT-77-of-ana",
    b"tlv-of-ana",
)
SUBNET, COOKIE = b"\0\1\x20\0\xc6\x33\x64\x63", b"cookie88"
"""the subnet 198.51.100.99/32"""
SECRETS = (MAC, DEVICE, CPE, TLV_TEXT, SUBNET[4:], COOKIE, wide(CLIENT)[12:])
IDS = {65001, 65073, 65074}
STAY = IDS | {8, 10}
OPTIONS = ((65001, MAC), (65073, DEVICE), (65074, CPE), (8, SUBNET), (10, COOKIE), (12, bytes(8)))
RULES = IdentityRules(edns_id_from=Prefixes(KEY, ["127.0.0.0/8"]), proxy_id_tlv=TLV)


def options(message: bytes) -> set[int]:
    return {int(option.otype) for option in dns.message.from_wire(message).options}


def assert_nothing_left(asked: list[bytes]) -> None:
    assert asked
    for message in asked:
        assert not options(message) & STAY
        assert [secret for secret in SECRETS if secret in message] == []


def assert_nothing_came_back(answer: bytes) -> None:
    assert dns.message.from_wire(answer).answer
    assert not options(answer) & IDS
    assert [secret for secret in (MAC, DEVICE, CPE, TLV_TEXT) if secret in answer] == []


def test_a_thread_that_forwards_keeps_them() -> None:
    with misses() as world:
        world.packets.use_identity_rules(RULES)
        upstream, client = world.upstream(), world.client(UNKNOWN)
        world.routes.publish([upstream.hop()])
        sent = query("www.example", *OPTIONS)
        assert options(sent) >= STAY
        assert world.put(client, sent) == "waits"
        world.turn()
        asked, source = upstream.asked()
        upstream.send(good(asked), source)
        world.turn(wait=True)
        assert_nothing_left([asked])
        assert_nothing_came_back(client.answers[0])


@dataclass
class Recording(asyncio.DatagramProtocol):
    """An upstream over UDP, and what it was asked."""

    answer: Callable[[bytes], bytes]
    messages: list[bytes] = field(default_factory=list)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.messages.append(data)
        self.transport.sendto(self.answer(data), addr)


def plane() -> Plane:
    """Line 1 is known by each of the identities."""
    made = Plane(
        Prefixes(KEY, ["127.0.0.0/8"]),
        ResponseCache(1 << 20, KEY),
        Rules(),
        None,
        Prefixes(KEY, [f"{FRONT}/32"]),
    )
    lines, identities = Lines(KEY), Addresses(KEY)
    lines.upsert(LineHandle(1))
    for kind, text in ((IdentityKind.MAC, MAC), (IdentityKind.CPE, CPE), (IdentityKind.TLV, TLV_TEXT)):
        identities.set(fingerprint(KEY, identity_input(kind, text)), 128, 1)
    made.publish(World(Classes(FIXED)).native, lines, BindingTables(Addresses(KEY), None, identities), True)
    made.use_identity_rules(RULES)
    return made


async def ask(packets: Plane, upstream: UpstreamSettings, *, proxied: bool) -> bytes:
    """The answer to a client of the slow path, who asks himself or behind a front."""
    loop = asyncio.get_running_loop()
    forwarding = Forwarding([upstream])
    path = SlowPath(packets, forwarding, MachineClock(), AnswerCounts())
    answered: asyncio.Future[bytes] = loop.create_future()
    sent = query("www.example", *(() if proxied else OPTIONS))
    front = Front(wide(FRONT), header(CLIENT, 5000, (TLV, TLV_TEXT))) if proxied else None
    path.take(memoryview(sent), wide(CLIENT), True, answered.set_result, front, port=5000)
    async with asyncio.timeout(20):
        answer = await answered
    await path.close()
    await forwarding.close()
    return answer


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_the_slow_path_keeps_them(way: str, proxied: bool, tmp_path: Path) -> None:
    async def right(message: bytes) -> bytes:
        return framed(good(message))

    authority, packets = Authority(), plane()
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    context = authority.server(tmp_path, "dns.example") if way == "tls" else None
    async with listening(right, context, free_port()) as listener, recording(listener.port, way) as udp:
        tls = UpstreamTlsSettings(TlsName("dns.example"), tmp_path / "authority.pem") if context else None
        upstream = UpstreamSettings(Endpoint(ip_address("127.0.0.1"), listener.port), True, tls=tls)
        answer = await ask(packets, upstream, proxied=proxied)
    assert bool(listener.messages) is (way != "udp")
    assert bool(udp.messages) is (way != "tls")
    assert_nothing_left(udp.messages + listener.messages)
    assert_nothing_came_back(answer)
    assert packets.counts()["identified"]["proxy-id" if proxied else "edns-id"] == 1


@contextlib.asynccontextmanager
async def recording(port: int, way: str) -> Any:
    """An upstream over UDP at this port, which cuts its answers where they are to be asked for over TCP."""
    loop = asyncio.get_running_loop()
    made = Recording(truncated if way == "tcp" else good)
    transport, _ = await loop.create_datagram_endpoint(lambda: made, local_addr=("127.0.0.1", port))
    yield made
    transport.close()

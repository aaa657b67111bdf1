"""A plane and its plain reference with every kind of identity, told of the same things."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, ip_network
from struct import pack

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.cache.cache_reference import ReferenceCache
from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.packet.exchange_reference import Identity, ReferencePlane, ReferenceUnread
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import (
    BindingTables,
    Front,
    IdentityRules,
    SessionTables,
    UnreadLines,
)
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses
from filterd.dataplane.tables.lines import Lines
from filterd.model.identity import identity_input
from filterd.model.rule import Action, Scope
from filterd.policy.classes import FIXED, Classes
from filterd.policy.fingerprint import fingerprint
from filterd.policy.inquiry_reference import ReferenceLine
from filterd.policy.published import StateSettings
from filterd.wire.names import name_from_text
from filterd.wire.proxy import SIGNATURE
from tests.equality.reference import ReferencePackets, Waiting
from tests.unit.dataplane.conftest import Rules
from tests.worlds.policy import KEY, NOW, Line, World
from tests.worlds.rate import wide

TLV = 0xE0
SENDERS = ("10.9.0.0/24",)
FRONTS = ("10.8.0.0/24",)
TICKS = 1000


@dataclass(frozen=True)
class Nat:
    """The rule of a carrier-grade NAT."""

    outside: IPv4Network
    inside: IPv4Network
    first_port: int
    ports: int
    order: str = "sequential"


NAT = Nat(IPv4Network("203.0.113.1/32"), IPv4Network("100.64.0.0/26"), 1024, 1008)


def query(name: str, *options: tuple[int, bytes]) -> bytes:
    """A question for the A record of a name, with these EDNS options."""
    content = b"".join(pack("!HH", code, len(text)) + text for code, text in options)
    asked = pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 1) + name_from_text(name) + pack("!HH", 1, 1)
    return asked + b"\0" + pack("!HHIH", 41, 1232, 0, len(content)) + content


def header(client: str, port: int, *tlvs: tuple[int, bytes]) -> bytes:
    """The PROXY header of a client with these TLVs."""
    address = wide(client)[12:]
    content = address + bytes(4) + pack("!HH", port, 53)
    content += b"".join(bytes([kind]) + pack("!H", len(text)) + text for kind, text in tlvs)
    return SIGNATURE + b"\x21\x12" + pack("!H", len(content)) + content


def port_prefix(address: str, port: int, bits: int = 16) -> tuple[bytes, int]:
    """Ports of an address as the tables of ports have them."""
    return wide(address)[12:] + pack("!H", port) + bytes(10), 32 + bits


def native_unread(unread: ReferenceUnread | None) -> UnreadLines | None:
    """The same lines as the native stages take them."""
    if unread is None:
        return None
    bits = sum(1 << line for line in unread.lines)
    addresses, ports, identities = (Addresses(KEY) for _ in range(3))
    for table, plain in ((addresses, unread.addresses), (ports, unread.ports)):
        for net, line in plain.values.items():
            table.set(net.network_address.packed, net.prefixlen, line)
    for identity, line in unread.identities.items():
        identities.set(fingerprint(KEY, identity_input(*identity)), 128, line)
    tables = BindingTables(addresses, ports, identities)
    return UnreadLines(bits.to_bytes(bits.bit_length() // 8 + 1, "little"), unread.highest, tables)


class Known:
    """Line N has a name ``n.example`` blocked as its own, so that the answer tells whose it was."""

    def __init__(self, lines: int = 9) -> None:
        self.native = Plane(
            Prefixes(KEY, ["0.0.0.0/0", "::/0"]),
            ResponseCache(1 << 20, KEY),
            Rules(),
            Prefixes(KEY, SENDERS),
            Prefixes(KEY, FRONTS),
        )
        every = ReferenceAddresses.of(("0.0.0.0/0", "::/0"))
        self.board = CrashBoard.make(KEY)
        self.plain = ReferencePlane(
            Rules(),
            every,
            ReferenceAddresses.of(FRONTS),
            ReferenceAddresses.of(SENDERS),
            ReferenceCache(0),
            self.board,
        )
        self.reference = ReferencePackets(self.plain)
        self.lines = Lines(KEY)
        self.tables = {each: Addresses(KEY) for each in ("addresses", "ports", "sessions", "session_ports")}
        self.identities = Addresses(KEY)
        self.plain_lines: dict[int, ReferenceLine] = {}
        self.plain_identities: dict[Identity, int] = {}
        self.plain.lines, self.plain.identities = self.plain_lines, self.plain_identities
        for number in range(1, lines + 1):
            self.add_line(number)

    def close(self) -> None:
        os.close(self.board.descriptor)

    def add_line(self, number: int) -> None:
        line = Line(own_names=((f"l{number}.example", Action.BLOCK, Scope.EXACT),))
        self.lines.upsert(line.native(number))
        self.plain_lines[number] = line.reference()

    def set(self, table: str, address: bytes, length: int, line: int, until: int = 0) -> None:
        self.tables[table].set(address, length, line, until)
        plain: ReferenceAddresses = getattr(self.plain, table)
        net = ip_network((address, length))
        plain.values[net] = line
        plain.until.pop(net, None)
        if until:
            plain.until[net] = until

    def bind(self, identity: Identity, line: int) -> None:
        self.identities.set(fingerprint(KEY, identity_input(*identity)), 128, line)
        self.plain_identities[identity] = line

    def publish(
        self,
        settings: StateSettings | None = None,
        *,
        identity_ready: bool = True,
        unread: ReferenceUnread | None = None,
    ) -> None:
        world = World(Classes(FIXED))
        native = world.native if settings is None else world.native.evolve(NOW, settings=settings)
        bindings = BindingTables(self.tables["addresses"], self.tables["ports"], self.identities)
        self.native.publish(native, self.lines, bindings, identity_ready, 0, native_unread(unread))
        self.plain.identity_ready, self.plain.state = identity_ready, world.reference
        self.plain.unread = unread
        if settings is not None:
            self.plain.state = replace(
                world.reference,
                parental_ready=settings.parental_ready,
                parental_fail_open=settings.parental_fail_open,
            )

    def use_sessions(self, *, ready: bool = True, used: bool = True) -> None:
        tables = (self.tables["sessions"], self.tables["session_ports"])
        self.native.use_sessions(SessionTables(*tables, ready, used))
        self.plain.sessions_ready, self.plain.sessions_used = ready, used

    def use_rules(self, shared: Iterable[Nat] = (), pools: Iterable[str] | None = None) -> None:
        made = tuple(shared)
        inside = None if pools is None else Prefixes(KEY, pools)
        self.native.use_identity_rules(IdentityRules(inside, Prefixes(KEY, (*SENDERS, *FRONTS)), TLV, made))
        self.plain.shared, self.plain.proxy_id_tlv = made, TLV
        self.plain.edns_id_from = ReferenceAddresses.of((*SENDERS, *FRONTS))
        self.plain.pools = None if pools is None else ReferenceAddresses.of(pools)

    def ask(
        self, packet: bytes, client: str, port: int = 0, front: Front | None = None, ticks: int = TICKS
    ) -> bytes | Pending | None:
        """The native answer, after a look at the plain one: they must be the same."""
        arguments = (packet, wide(client), False, NOW, ticks, front, port)
        native, plain = self.native.receive(*arguments), self.reference.receive(*arguments)
        assert isinstance(native, Pending) == isinstance(plain, Waiting)
        if not isinstance(native, Pending):
            assert native == plain
        assert self.native.counts() == self.reference.counts()
        return native

    def whose(
        self,
        client: str,
        port: int = 0,
        *options: tuple[int, bytes],
        front: Front | None = None,
        ticks: int = TICKS,
    ) -> tuple[str, int]:
        """The method by which the query's line was found, and the line; or the word for why there is none."""
        before = self.native.counts()
        asked = {
            number: self.ask(query(f"l{number}.example", *options), client, port, front, ticks)
            for number in (*self.plain_lines, 0)
        }
        after = self.native.counts()
        if after["not_ready"] != before["not_ready"]:
            return "not ready", 0
        methods = [each for each, count in after["identified"].items() if count != before["identified"][each]]
        blocked = [number for number, answer in asked.items() if isinstance(answer, bytes)]
        assert len(methods) == len(blocked) <= 1
        return (methods[0], blocked[0]) if methods else ("unknown", 0)

"""What the equality course recognises lines by: sessions, bindings, identities, and the rules for them.

All of it stands twice, as the native stages have it and as the reference has it, and changes in both at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from random import Random
from struct import pack

from filterd.config.accounting_settings import MapRuleSettings, PortOrder, SharedAddressesSettings
from filterd.dataplane.packet.exchange_reference import Identity, ReferencePlane
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables, IdentityRules, SessionTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses
from filterd.model.identity import IdentityKind, identity_input
from filterd.policy.fingerprint import fingerprint
from filterd.wire.session_stream import EntryTable, SessionEntry
from tests.worlds.policy import KEY

MAC = bytes.fromhex("020000000001")
TLVS = (0, 0xE0, 0xE0, 4)
"""types of the TLV that says whose line it is"""
KNOWN_IDENTITIES: tuple[Identity, ...] = (
    (IdentityKind.MAC, MAC),
    (IdentityKind.MAC, b"tablet"),
    (IdentityKind.DEVICE, b"tablet"),
    (IdentityKind.DEVICE, b"AgAAAAAB"),
    (IdentityKind.DEVICE, b"d" * 64),
    (IdentityKind.CPE, b"ONT-77"),
    (IdentityKind.CPE, MAC),
    (IdentityKind.TLV, b"line-4"),
    (IdentityKind.TLV, bytes(27)),
    (IdentityKind.TLV, b"t" * 128),
)
OPTION_TEXTS = {
    65001: (MAC, MAC, b"tablet", b"\2\0\0\0\0\2", b"", MAC[:5], bytes(65)),
    65073: (
        b"02:00:00:00:00:01",
        b"02-00-00-00-00-01",
        b"02:00-00:00:00:01",
        b"020000000001",
        b"AgAAAAAB",
        b"AgAAAAAC",
        b"tablet",
        b"d" * 64,
        b"d" * 65,
        b"",
    ),
    65074: (b"ONT-77", b"ONT-77", MAC, b"ONT-78", b"", b"O" * 300),
}
"""what the options have for content; other texts lead nowhere"""
TLV_TEXTS = (b"line-4", b"line-4", b"line-5", bytes(27), b"t" * 128, b"t" * 129, b"")
ID_SENDERS = ("10.0.0.0/29", "10.9.0.0/24", "10.8.0.0/24", "2001:db8:8::/48", "2001:db8:1::/64")
"""those whose options are believed"""
POOLS = (
    None,
    None,
    ("10.0.0.0/30", "2001:db8:1::/48"),
    ("100.64.0.0/10",),
    ("10.0.0.0/8",),
    ("192.0.2.0/24",),
)
SHARED = (
    SharedAddressesSettings(
        IPv4Network("10.5.0.0/30"), IPv4Network("100.64.0.0/27"), 8, 16, PortOrder.INTERLEAVED
    ),
    SharedAddressesSettings(
        IPv4Network("10.0.0.8/29"), IPv4Network("100.64.0.0/28"), 1024, 8064, PortOrder.SEQUENTIAL
    ),
    SharedAddressesSettings(
        IPv4Network("10.1.0.200/32"), IPv4Network("100.64.0.16/28"), 1, 7, PortOrder.SEQUENTIAL
    ),
)
MAPS = (
    MapRuleSettings(IPv4Network("10.1.0.0/24"), IPv6Network("2001:db8:7000::/40"), 14, 0),
    MapRuleSettings(IPv4Network("10.5.0.0/30"), IPv6Network("2001:db8:7100::/40"), 8, 4),
    MapRuleSettings(IPv4Network("10.1.0.0/25"), IPv6Network("2001:db8:7200::/40"), 7, 6),
)
PREFIXES = (
    *(f"10.0.0.{host}/32" for host in range(1, 13)),
    "10.0.0.0/28",
    *(f"100.64.0.{host}/32" for host in (0, 1, 2, 3, 5, 16, 17, 20)),
    "100.64.0.0/28",
    "2001:db8:1::/56",
    "2001:db8:1:7::/64",
    "2001:db8:1:7::1/128",
    "2001:db8:7000::/44",
    "2001:db8:7000:2400::/56",
    "2001:db8:7100::/40",
    "2001:db8:7209::/48",
    "2001:db8:5::/48",
    "192.0.2.9/32",
)
"""that may have a session, or more bindings"""
PORT_ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.11", "10.1.0.9", "10.5.0.1", "192.0.2.9")
PORT_RANGES = ((0, 16 - 3), (8, 16 - 3), (16, 16 - 4), (0, 0), (5, 16), (0x1200, 16 - 8), (1024, 16 - 10))
"""the first port, and the bits that all ports of the range have in common"""
LASTING = (0, 1, 2, 5, 30, 60, 300, 4000)
"""seconds; 0: without an end"""


def port_prefix(address: str, first: int, bits: int) -> tuple[bytes, int]:
    """Ports of an address as tables of ports have them."""
    return IPv4Network(address).network_address.packed + pack("!H", first) + bytes(10), 32 + bits


PORT_PREFIXES = tuple(
    port_prefix(address, first, bits) for address in PORT_ADDRESSES for first, bits in PORT_RANGES
)


def wide_prefix(text: str) -> tuple[bytes, int]:
    """A prefix as the stream of sessions has it."""
    net = ip_network(text)
    if isinstance(net, IPv4Network):
        return bytes(10) + b"\xff\xff" + net.network_address.packed, net.prefixlen + 96
    return net.network_address.packed, net.prefixlen


def plain_network(prefix: tuple[bytes, int]) -> IPv4Network | IPv6Network:
    """The same as the reference has it."""
    net = IPv6Network(prefix)
    mapped = net.network_address.ipv4_mapped
    return net if mapped is None or net.prefixlen < 96 else IPv4Network((mapped, net.prefixlen - 96))


@dataclass
class MovingTable:
    """A table and its plain form."""

    table: EntryTable = EntryTable.ADDRESSES
    native: Addresses = field(default_factory=lambda: Addresses(KEY))
    plain: ReferenceAddresses = field(default_factory=ReferenceAddresses)

    def set(self, prefix: tuple[bytes, int], line: int, until: int = 0) -> None:
        """Lead the prefix to the line."""
        self.native.set(*prefix, line, until)
        self._note(prefix, line, until)

    def remove(self, prefix: tuple[bytes, int]) -> None:
        self.native.remove(*prefix)
        self.plain.values.pop(plain_network(prefix), None)

    def apply(self, entries: list[SessionEntry], ticks: int) -> None:
        """What the stream brings; entries of the other table are passed over."""
        mine = [entry for entry in entries if entry.table is self.table]
        taken = self.native.apply(b"".join(entry.to_bytes() for entry in entries), ticks, self.table)
        assert taken == len(mine)
        for entry in mine:
            prefix = entry.address, entry.length
            if entry.line and entry.left:
                self._note(prefix, entry.line, ticks + entry.left)
            else:
                self.plain.values.pop(plain_network(prefix), None)

    def _note(self, prefix: tuple[bytes, int], line: int, until: int) -> None:
        net = plain_network(prefix)
        self.plain.values[net] = line
        self.plain.until.pop(net, None)
        if until:
            self.plain.until[net] = until


class Recognition:
    """The tables beside static bindings of addresses, and the rules. ``lines``: numbers of lines, of which
    the last one is nobody's."""

    def __init__(self, random: Random, lines: int) -> None:
        self.random, self.lines = random, lines
        self.sessions, self.session_ports = MovingTable(), MovingTable(EntryTable.PORTS)
        self.ports, self.identities = MovingTable(EntryTable.PORTS), Addresses(KEY)
        self.plain_identities: dict[Identity, int] = {}
        self.used = self.ready = False
        self.rules, self.plain_senders = IdentityRules(), ReferenceAddresses()
        self.plain_pools: ReferenceAddresses | None = None
        if random.random() < 0.8:
            self.change_rules()
        if random.random() < 0.7:
            self.begin_sessions()
        for _ in range(random.choice((0, 4, 12))):
            self.bind_identity()
        for _ in range(random.choice((0, 0, 6))):
            self.bind_ports()

    # ---- what happens ----

    def change(self, ticks: int) -> None:
        """One thing of all that may change."""
        self.random.choices(CHANGES, CHANGE_SHARES)[0](self, ticks)

    def change_sessions(self, ticks: int) -> None:
        """A frame of the stream: addresses and ports, some of them free again."""
        self.sessions_come(ticks, self.random.choice((1, 2, 8)))

    def sessions_come(self, ticks: int, count: int) -> None:
        entries = [self._entry() for _ in range(count)]
        self.sessions.apply(entries, ticks)
        self.session_ports.apply(entries, ticks)

    def begin_sessions(self, ticks: int = 0) -> None:
        """Fresh tables, full or still to be loaded, as at the start of either role."""
        self.sessions, self.session_ports = MovingTable(), MovingTable(EntryTable.PORTS)
        self.used, self.ready = self.random.random() < 0.9, self.random.random() < 0.7
        if self.ready or self.random.random() < 0.5:
            self.sessions_come(ticks, 20)
        for _ in range(self.random.choice((0, 3))):
            self.sessions.set(wide_prefix(self.random.choice(PREFIXES)), self._line(), self._until(ticks))

    def load(self, ticks: int) -> None:
        """The rest of the sessions has come, or they are lost sight of."""
        self.ready = not self.ready
        self.sessions_come(ticks, 5)

    def bind_identity(self, _ticks: int = 0) -> None:
        kind, text = identity = self.random.choice(KNOWN_IDENTITIES)
        key = fingerprint(KEY, identity_input(kind, text))
        if self.random.random() < 0.2:
            self.identities.remove(key, 128)
            self.plain_identities.pop(identity, None)
        else:
            self.plain_identities[identity] = line = self._line()
            self.identities.set(key, 128, line)

    def bind_ports(self, _ticks: int = 0) -> None:
        prefix = self.random.choice(PORT_PREFIXES)
        if self.random.random() < 0.2:
            self.ports.remove(prefix)
        else:
            self.ports.set(prefix, self._line())

    def change_rules(self, _ticks: int = 0) -> None:
        """Other settings."""
        random = self.random
        pools = random.choice(POOLS)
        senders = ID_SENDERS if random.random() < 0.8 else ID_SENDERS[:1]
        shared = tuple(each for each in SHARED if random.random() < 0.5)
        maps = tuple(each for each in MAPS if random.random() < 0.5)
        if random.random() < 0.3:
            shared = maps = ()
        self.plain_pools = None if pools is None else ReferenceAddresses.of(pools)
        self.plain_senders = ReferenceAddresses.of(senders)
        self.rules = IdentityRules(
            None if pools is None else Prefixes(KEY, pools),
            Prefixes(KEY, senders),
            random.choice(TLVS),
            shared,
            maps,
        )

    # ---- what the sides have ----

    @property
    def tables(self) -> tuple[Addresses, ...]:
        """The native ones."""
        return self.identities, self.session_ports.native, self.sessions.native, self.ports.native

    def bindings(self, addresses: Addresses) -> BindingTables:
        """The static bindings, with those of addresses."""
        return BindingTables(addresses, self.ports.native, self.identities)

    def show(self, plane: Plane) -> None:
        """Publish sessions and rules."""
        plane.use_identity_rules(self.rules)
        plane.use_sessions(
            SessionTables(self.sessions.native, self.session_ports.native, self.ready, self.used)
        )

    def show_reference(self, plane: ReferencePlane) -> None:
        """The same to the reference."""
        plane.sessions, plane.session_ports = self.sessions.plain, self.session_ports.plain
        plane.sessions_used, plane.sessions_ready = self.used, self.ready
        plane.ports, plane.identities = self.ports.plain, self.plain_identities
        plane.pools, plane.edns_id_from = self.plain_pools, self.plain_senders
        plane.proxy_id_tlv = self.rules.proxy_id_tlv
        plane.shared, plane.maps = self.rules.shared, self.rules.maps

    # ---- drawing ----

    def _line(self) -> int:
        return self.random.randrange(1, self.lines + 1)

    def _until(self, ticks: int) -> int:
        seconds = self.random.choice(LASTING)
        return ticks + seconds if seconds else 0

    def _entry(self) -> SessionEntry:
        random = self.random
        line = 0 if random.random() < 0.15 else self._line()
        left = random.choice(LASTING)
        if random.random() < 0.25:
            return SessionEntry(*random.choice(PORT_PREFIXES), line, left, EntryTable.PORTS, 1)
        return SessionEntry(*wide_prefix(random.choice(PREFIXES)), line, left, EntryTable.ADDRESSES, 2)


CHANGES: tuple[Callable[[Recognition, int], None], ...] = (
    Recognition.change_sessions,
    Recognition.begin_sessions,
    Recognition.load,
    Recognition.bind_identity,
    Recognition.bind_ports,
    Recognition.change_rules,
)
CHANGE_SHARES = (50, 8, 8, 15, 10, 8)

"""The native path of a packet against its plain reference, call by call: each gives the other's bytes.

Small policies and few names, so that hypothesis can make a failing course short. ``tests/equality`` does the
same with packets of every kind, over what surrounds the path.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from struct import pack
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from filterd.dataplane.cache.cache import ResponseCache
from filterd.dataplane.cache.cache_reference import ReferenceCache
from filterd.dataplane.packet.crashboard import CrashBoard
from filterd.dataplane.packet.exchange_reference import Identity, ReferencePlane, ReferenceUnread
from filterd.dataplane.packet.plane import Pending, Plane
from filterd.dataplane.packet.plane_types import BindingTables, Front, IdentityRules, SessionTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.addresses_reference import ReferenceAddresses, network
from filterd.dataplane.tables.lines import Lines
from filterd.model.identity import IdentityKind, identity_input
from filterd.policy.classes import BIT_PROTECTED, FIXED, Classes
from filterd.policy.fingerprint import fingerprint
from filterd.policy.inquiry_reference import ReferenceLine
from filterd.policy.published import StateSettings
from filterd.policy.resolve import ResolvedPolicy
from filterd.wire.names import name_from_text
from filterd.wire.session_stream import EntryTable, SessionEntry
from tests.equality.recognition import MAPS, SHARED, MovingTable, port_prefix, wide_prefix
from tests.equality.reference import ReferencePackets, Waiting
from tests.unit.dataplane.conftest import Rules
from tests.worlds.dns_answers import AAAA, CNAME, HTTPS, A
from tests.worlds.examples import examples
from tests.worlds.identities import TLV, header, native_unread
from tests.worlds.policy import KEY, NOW, Line, Placed, World
from tests.worlds.policy_strategies import ADDRESSES, lines, names, worlds
from tests.worlds.rate import wide

ACL = ("10.0.0.0/24", "10.1.0.0/24", "10.5.0.0/24")
CLIENTS = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.9", "10.5.0.1", "10.1.0.9", "192.0.2.1")
"""two of which have addresses that lines may share"""
LINES = 3
"""of the first clients"""
RD, AD, CD, DO, QR = 0x0100, 0x0020, 0x0010, 0x8000, 0x8000
TXT, OPT, SOA = 16, 41, 6
ASKED = b"\xc0\x0c"
FRONT = wide("10.0.0.9")
SENDERS = ("10.0.0.0/30", "10.0.0.9/32")
MAC = bytes.fromhex("020000000001")
OPTIONS = (
    (65001, MAC),
    (65073, b"02:00:00:00:00:01"),
    (65073, b"AgAAAAAB"),
    (65073, b"tablet"),
    (65074, b"ONT-77"),
)
IDENTITIES = (
    (IdentityKind.MAC, MAC),
    (IdentityKind.DEVICE, b"tablet"),
    (IdentityKind.DEVICE, b"AgAAAAAB"),
    (IdentityKind.CPE, b"ONT-77"),
    (IdentityKind.TLV, b"line"),
)
CLAIMS = (
    *(wide_prefix(f"{client}/32") for client in CLIENTS),
    *map(
        wide_prefix,
        ("10.0.0.0/24", "100.64.0.0/28", "100.64.0.8/32", "2001:db8:7000::/40", "2001:db8:7100::/48"),
    ),
    *(port_prefix("10.0.0.1", *ports) for ports in ((0, 0), (16, 12), (16, 16))),
    *(port_prefix("10.5.0.1", *ports) for ports in ((0, 0), (16, 12), (16, 16))),
)
"""addresses first, then ports"""
ADDRESS_CLAIMS = len(CLAIMS) - 6
PORTS = (0, 8, 16, 24, 40, 5000)
TTLS = st.sampled_from([0, 5, 60, 300, 86_400])

Record = tuple[int, int, bytes]
"""type, TTL and content"""
Pair = tuple[Pending, Waiting]
"""what waits for an upstream on both sides"""


def content(text: str) -> tuple[int, bytes]:
    """Type and content of the record with this address."""
    packed = wide(text)
    return (A, packed[12:]) if "." in text and ":" not in text else (AAAA, packed)


def record(ttl: int, kind: str, target: str, address: str) -> Record:
    """An alias, an address, or a service with both."""
    if kind == "alias":
        return CNAME, ttl, name_from_text(target)
    rtype, data = content(address)
    if kind == "address":
        return rtype, ttl, data
    hint = pack("!HH", 4 if rtype == A else 6, len(data)) + data
    ech = pack("!HH", 5, 8) + b"\0\6\xfe\x0d\0\2ke" if kind == "ech" else b""
    parameters = hint + ech if rtype == A else ech + hint
    return HTTPS, ttl, pack("!H", 1) + name_from_text(target) + parameters


RECORDS = st.lists(
    st.builds(
        record,
        TTLS,
        st.sampled_from(["alias", "address", "service", "ech"]),
        names(),
        st.sampled_from(ADDRESSES),
    ),
    max_size=4,
)


def answer(pending: Pending, rcode: int, records: Sequence[Record]) -> bytes:
    """An upstream's answer: the records, each at the end of the aliases before it."""
    owner, body = ASKED, b""
    for rtype, ttl, data in records:
        body += owner + pack("!HHIH", rtype, 1, ttl, len(data)) + data
        owner = data if rtype == CNAME else owner
    asked = pending.name + pack("!HH", pending.qtype, pending.qclass)
    return pack("!HHHHHH", 0, 0x8180 | rcode, 1, len(records), 0, 0) + asked + body


@st.composite
def unread_lines(draw: st.DrawFn) -> ReferenceUnread:
    """Lines with unread changes, and bindings that were not read."""
    numbers = st.integers(1, LINES)
    bound = draw(st.dictionaries(st.sampled_from(CLAIMS), numbers, max_size=3))
    addresses, ports = ReferenceAddresses(), ReferenceAddresses()
    for claim, line in bound.items():
        table = addresses if CLAIMS.index(claim) < ADDRESS_CLAIMS else ports
        table.values[network(*claim)] = line
    told = draw(st.dictionaries(st.sampled_from(IDENTITIES), numbers, max_size=1))
    return ReferenceUnread(draw(st.frozensets(numbers)), draw(st.integers(0, LINES)), addresses, ports, told)


class PathMachine(RuleBasedStateMachine):
    """One plane and its reference; what waits on one side waits on the other.

    An exchange that was taken up again is over, or waits anew: nobody takes up the old one a second time.
    """

    waiting = Bundle("waiting")

    @initialize(
        world=worlds(),
        window=st.sampled_from([0, 86_400]),
        choices=st.lists(lines(), min_size=LINES, max_size=LINES),
    )
    def start(self, world: World, window: int, choices: list[Line | None]) -> None:
        self.now, self.generation = NOW, 0
        self.board = CrashBoard.make(KEY)
        self.cache = ResponseCache(4 << 20, KEY, window)
        self.native = Plane(Prefixes(KEY, ACL), self.cache, Rules())
        none = ReferenceAddresses()
        plane = ReferencePlane(
            Rules(), ReferenceAddresses.of(ACL), none, none, ReferenceCache(window), self.board
        )
        self.plane, self.plain = plane, ReferencePackets(plane)
        self.native.use_board(self.board)
        self.lines, self.addresses, self.identities = Lines(KEY), Addresses(KEY), Addresses(KEY)
        self.sessions, self.session_ports = MovingTable(), MovingTable(EntryTable.PORTS)
        self.ports = MovingTable(EntryTable.PORTS)
        self.plain_identities: dict[Identity, int] = {}
        plane.ports, plane.identities = self.ports.plain, self.plain_identities
        self.plain_lines: dict[int, ReferenceLine] = {}
        plane.lines, plane.addresses = (
            self.plain_lines,
            ReferenceAddresses.of(f"{client}/32" for client in CLIENTS[:LINES]),
        )
        for number, client in enumerate(CLIENTS[:LINES]):
            self.addresses.set(wide(client), 128, number)
        for number, line in enumerate(choices):
            self.choose(number, line)
        self.publish(world)

    @property
    def ticks(self) -> int:
        return self.now - NOW + 1000

    @rule(world=worlds())
    def publish(self, world: World) -> None:
        """Each state has a generation of its own, by which what is known of an answer is told apart."""
        self.generation += 2
        native = replace(world, generation=self.generation).native
        self.world = world
        bindings = BindingTables(self.addresses, self.ports.native, self.identities)
        self.native.publish(native, self.lines, bindings, True)
        self.plane.state, self.plane.identity_ready = world.reference, True
        self.plane.unread = None

    @rule(
        parental=st.booleans(), opened=st.booleans(), known=st.booleans(), unread=st.none() | unread_lines()
    )
    def lose(self, parental: bool, opened: bool, known: bool, unread: ReferenceUnread | None) -> None:
        """The lines may be missing, with or without the bindings, or have unread changes, until the next
        publication."""
        self.generation += 2  # what evolves has the next one
        world = self.world
        settings = StateSettings(
            security_enabled=world.security_enabled,
            security_mode=world.security_mode,
            nat64=world.nat64,
            suspended_until=world.suspended_until,
            exceptions_end=world.exceptions_end,
            parental_ready=parental,
            parental_fail_open=opened,
        )
        native = replace(self.world, generation=self.generation).native.evolve(self.now, settings=settings)
        bindings = BindingTables(self.addresses, self.ports.native, self.identities)
        self.native.publish(native, self.lines, bindings, known, 0, native_unread(unread))
        self.plane.identity_ready, self.plane.unread = known, unread
        self.plane.state = replace(self.world.reference, parental_ready=parental, parental_fail_open=opened)

    @rule(
        place=st.integers(0, len(CLAIMS) - 1),
        line=st.integers(0, LINES),
        left=st.sampled_from([0, 1, 30, 4000]),
    )
    def session(self, place: int, line: int, left: int) -> None:
        """Line 0 is nobody, the last one is not known."""
        table = EntryTable.ADDRESSES if place < ADDRESS_CLAIMS else EntryTable.PORTS
        entry = SessionEntry(*CLAIMS[place], line, left, table)
        self.sessions.apply([entry], self.ticks)
        self.session_ports.apply([entry], self.ticks)

    @rule(used=st.booleans(), ready=st.booleans(), fresh=st.booleans())
    def use_sessions(self, used: bool, ready: bool, fresh: bool) -> None:
        if fresh:
            self.sessions, self.session_ports = MovingTable(), MovingTable(EntryTable.PORTS)
        tables = (self.sessions.native, self.session_ports.native)
        self.native.use_sessions(SessionTables(*tables, ready, used))
        self.plane.sessions, self.plane.session_ports = self.sessions.plain, self.session_ports.plain
        self.plane.sessions_used, self.plane.sessions_ready = used, ready

    @rule(place=st.integers(0, len(IDENTITIES) - 1), line=st.integers(0, LINES))
    def bind_identity(self, place: int, line: int) -> None:
        key = fingerprint(KEY, identity_input(*IDENTITIES[place]))
        self.identities.set(key, 128, line)
        self.plain_identities[IDENTITIES[place]] = line

    @rule(place=st.integers(ADDRESS_CLAIMS, len(CLAIMS) - 1), line=st.integers(0, LINES))
    def bind_ports(self, place: int, line: int) -> None:
        self.ports.set(CLAIMS[place], line)

    @rule(
        pools=st.none() | st.sampled_from([("10.0.0.0/31",), ("100.64.0.0/10", "10.1.0.0/24")]),
        senders=st.none() | st.just(SENDERS),
        shared=st.booleans(),
        maps=st.booleans(),
        tlv=st.sampled_from([0, TLV]),
    )
    def use_rules(
        self, pools: Sequence[str] | None, senders: Sequence[str] | None, shared: bool, maps: bool, tlv: int
    ) -> None:
        plane = self.plane
        plane.shared, plane.maps, plane.proxy_id_tlv = SHARED * shared, MAPS * maps, tlv
        plane.pools = None if pools is None else ReferenceAddresses.of(pools)
        plane.edns_id_from = ReferenceAddresses.of(senders or ())
        self.native.use_identity_rules(
            IdentityRules(
                None if pools is None else Prefixes(KEY, pools),
                None if senders is None else Prefixes(KEY, senders),
                tlv,
                SHARED * shared,
                MAPS * maps,
            )
        )

    @rule(number=st.integers(0, LINES - 1), line=lines())
    def choose(self, number: int, line: Line | None) -> None:
        if line is None:
            self.lines.remove(number)
            self.plain_lines.pop(number, None)
        else:
            self.lines.upsert(line.native(number))
            self.plain_lines[number] = line.reference()

    @rule(
        target=waiting,
        name=names() | st.sampled_from(["localhost", "a.localhost", "resolver.arpa", "x.10.in-addr.arpa"]),
        qtype=st.sampled_from([A, A, A, AAAA, AAAA, HTTPS, HTTPS, TXT, CNAME, SOA, 255, 250]),
        qclass=st.sampled_from([1] * 20 + [3]),
        flags=st.sampled_from([RD] * 12 + [RD | AD, RD | CD, 0, RD | QR, RD | 0x2000]),
        size=st.none() | st.sampled_from([0, 512, 1232, 65_535]),
        dnssec_ok=st.booleans(),
        client=st.sampled_from(CLIENTS),
        tcp=st.booleans(),
        ids=st.lists(st.sampled_from(OPTIONS), max_size=2),
        port=st.sampled_from(PORTS),
        proxied=st.booleans(),
    )
    def ask(
        self,
        name: str,
        qtype: int,
        qclass: int,
        flags: int,
        size: int | None,
        dnssec_ok: bool,
        client: str,
        tcp: bool,
        ids: list[tuple[int, bytes]],
        port: int,
        proxied: bool,
    ) -> Any:
        packet = pack("!HHHHHH", 7, flags, 1, 0, 0, size is not None) + name_from_text(name)
        packet += pack("!HH", qtype, qclass)
        if size is not None:
            content = b"".join(pack("!HH", code, len(text)) + text for code, text in ids)
            packet += b"\0" + pack("!HHIH", OPT, size, DO * dnssec_ok, len(content)) + content
        front = Front(FRONT, header(client, port, (TLV, b"line"))) if proxied else None
        arguments = (packet, wide(client), tcp, self.now, self.ticks, front, port)
        return self.same(self.native.receive(*arguments), self.plain.receive(*arguments))

    @rule(
        target=waiting,
        pair=consumes(waiting),
        rcode=st.sampled_from([0] * 8 + [2, 3, 5]),
        records=RECORDS,
        ad=st.booleans(),
    )
    def answer(self, pair: Pair, rcode: int, records: list[Record], ad: bool) -> Any:
        return self.finish(pair, answer(pair[0], rcode, records), ad, ())

    @rule(target=waiting, pair=consumes(waiting), code=st.sampled_from([6, 22, 23]))
    def fail(self, pair: Pair, code: int) -> Any:
        return self.finish(pair, None, False, ((code, b"no route"),))

    def finish(self, pair: Pair, message: bytes | None, ad: bool, edes: tuple[tuple[int, bytes], ...]) -> Any:
        native, plain = pair
        assert native.name == plain.name
        came = (message, ad, edes, self.now, self.ticks)
        return self.same(self.native.finish(native, *came), self.plain.finish(plain, *came))

    @rule(pair=waiting, rcode=st.sampled_from([0, 0, 2, 3]), records=RECORDS)
    def keep(self, pair: Pair, rcode: int, records: list[Record]) -> None:
        came = (answer(pair[0], rcode, records), True, (), self.ticks)
        self.native.keep(pair[0], *came)
        self.plain.keep(pair[1], *came)

    @rule(pair=waiting)
    def give_up(self, pair: Pair) -> None:
        native = self.native.answer_stale(pair[0], self.now, self.ticks)
        assert native == self.plain.answer_stale(pair[1], self.now, self.ticks)

    @rule(target=waiting, pair=consumes(waiting))
    def again(self, pair: Pair) -> Any:
        native = self.native.again(pair[0], self.now, self.ticks)
        return self.same(native, self.plain.again(pair[1], self.now, self.ticks))

    @rule(seconds=st.sampled_from([1, 4, 28, 55, 272, 3700]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    def same(self, native: bytes | Pending | None, plain: bytes | Waiting | None) -> Any:
        """Both gave the same, which is perhaps something that waits."""
        assert (self.native.due is None) == (self.plain.due is None)
        if not isinstance(native, Pending) or not isinstance(plain, Waiting):
            assert native == plain
            return multiple()
        assert (native.name, native.stale) == (plain.name, plain.stale)
        return native, plain

    @invariant()
    def counted(self) -> None:
        if hasattr(self, "native"):
            assert self.native.counts() == self.plain.counts()
            cache, counters = self.plane.cache, self.cache.counters()
            assert counters[:2] == (len(cache.entries), cache.inserted)

    def teardown(self) -> None:
        if hasattr(self, "board"):
            os.close(self.board.descriptor)


TestPath = PathMachine.TestCase
TestPath.settings = settings(
    max_examples=examples(20),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("client", CLIENTS[:2])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", ["portal.example", "other.example"])
def test_protected_names_while_lines_are_missing(client: str, known: bool, name: str) -> None:
    """Chance seldom protects a name that is asked for meanwhile."""
    machine = PathMachine()
    rules = (Placed("portal.example", bit=BIT_PROTECTED),)
    machine.start(World(Classes(FIXED), rules, (), (ResolvedPolicy(),)), 0, [Line(opted_in=True)] * LINES)
    machine.lose(False, False, known, None)
    waits: Any = machine.ask(name, A, 1, RD, None, False, client, False, [], 0, False)
    if name == "portal.example":
        machine.finish(waits, answer(waits[0], 0, [(A, 60, wide("192.0.2.1")[12:])]), False, ())
    machine.counted()
    assert machine.native.counts()["not_ready"] == (name != "portal.example")
    machine.teardown()

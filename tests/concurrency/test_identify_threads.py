"""Threads of the fast path that recognise lines while sessions, bindings and identities change: each query is
that of a line which its client had at some moment of the read.

A client goes over from one table to another by being put in the new one before it leaves the old one: between
the two reads of a thread it may be in neither, and must be found all the same. Below every client stands a
binding of a whole network to a line that restricts nothing: whoever gets that, or none, was read wrongly.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import pack

import dns.rcode
import pytest

from filterd.dataplane.fast.recorded import Driver
from filterd.dataplane.fast.thread import FastThread
from filterd.dataplane.packet.plane import Plane
from filterd.dataplane.packet.plane_types import BindingTables, IdentityRules, SessionTables
from filterd.dataplane.tables.addresses import Addresses, Prefixes
from filterd.dataplane.tables.epoch import collect
from filterd.dataplane.tables.lines import Lines
from filterd.model.blocking_mode import BlockingMode
from filterd.model.identity import IdentityKind, identity_input
from filterd.model.verdict import Kind
from filterd.policy.classes import FIXED, Classes, ListClass
from filterd.policy.decide import LineHandle
from filterd.policy.fingerprint import fingerprint
from filterd.policy.resolve import ResolvedPolicy
from filterd.wire.session_stream import EntryTable, SessionEntry
from tests.unit.dataplane.conftest import SEED
from tests.worlds.fast import crew, make_packets, query, read, until
from tests.worlds.identities import query as query_with
from tests.worlds.policy import KEY, NOW, Placed, World
from tests.worlds.rate import wide

pytestmark = pytest.mark.usefixtures("fast_switching", "nothing_is_kept")
LISTED = "listed.example"
ADULT = ListClass("adult", Kind.CATEGORY, 8, category="adult")
MODES = (BlockingMode.NXDOMAIN, BlockingMode.SINKHOLE, BlockingMode.NODATA)
NEIGHBOUR = 90
"""the line of the network's binding; nobody's"""
NETWORK = "127.0.0.0"
CPE = b"ONT-77"
TURNS = 900
SPINS = 40
TICKS, LEFT = 1, 3600


def address(place: int) -> bytes:
    """The client whose packet has this place, which is its port too."""
    return wide(f"127.0.1.{place + 1}")


def ports(place: int) -> bytes:
    return address(place)[12:] + pack("!H", place) + bytes(10)


def place_of(wire: bytes) -> int:
    """The place in :data:`MODES` of the mode of an answer."""
    answer = read(wire)
    if answer.rcode() == dns.rcode.NXDOMAIN:
        return 0
    return 1 if answer.answer else 2


def entry(prefix: bytes, length: int, line: int, table: EntryTable = EntryTable.ADDRESSES) -> bytes:
    return SessionEntry(prefix, length, line, LEFT, table).to_bytes()


@dataclass
class Network:
    """One writer's tables. Each step is a version; the lines of version V restrict in the mode V % 3."""

    lines: Lines = field(default_factory=lambda: Lines(SEED))
    addresses: Addresses = field(default_factory=lambda: Addresses(SEED))
    ports: Addresses = field(default_factory=lambda: Addresses(SEED))
    identities: Addresses = field(default_factory=lambda: Addresses(SEED))
    sessions: Addresses = field(default_factory=lambda: Addresses(SEED))
    session_ports: Addresses = field(default_factory=lambda: Addresses(SEED))
    begun: int = 0
    done: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(15))

    def __post_init__(self) -> None:
        self.cpe = fingerprint(KEY, identity_input(IdentityKind.CPE, CPE))
        for mode in range(len(MODES)):
            self.lines.upsert(LineHandle(mode + 1, policy=mode, opted_in=True))
        self.lines.upsert(LineHandle(NEIGHBOUR))
        self.addresses.set(wide(NETWORK), 96 + 8, NEIGHBOUR)
        for place in range(len(MOVES)):
            self.sessions.set(address(place), 128, 1)
        self.lines.upsert(LineHandle(100, policy=0, opted_in=True))
        self.sessions.set(address(4), 128, 100)

    def put_in_force(self) -> Plane:
        """A plane with all of it."""
        policies = tuple(ResolvedPolicy(categories=ADULT.mask, mode=mode) for mode in MODES)
        world = World(Classes((*FIXED, ADULT)), (Placed(LISTED, 8),), policies=policies)
        made = make_packets()
        bindings = BindingTables(self.addresses, self.ports, self.identities)
        made.publish(world.native, self.lines, bindings, True)
        made.use_identity_rules(IdentityRules(edns_id_from=Prefixes(SEED, [f"{NETWORK}/8"])))
        self.use_sessions(made)
        return made

    def use_sessions(self, packets: Plane) -> None:
        packets.use_sessions(SessionTables(self.sessions, self.session_ports, ready=True, used=True))

    # ---- what a client does ----

    def stay(self, place: int, line: int) -> None:
        """The session of its address becomes another line's."""
        self.sessions.apply(entry(address(place), 128, line), TICKS, EntryTable.ADDRESSES)

    def change_ports(self, place: int, line: int) -> None:
        """From a session of its address to one of its port, and back."""
        frame = entry(ports(place), 48, line, EntryTable.PORTS)
        if line % 2:
            self.session_ports.apply(frame, TICKS, EntryTable.PORTS)
            self.sessions.remove(address(place), 128)
        else:
            self.stay(place, line)
            self.session_ports.remove(ports(place), 48)

    def change_binding(self, place: int, line: int) -> None:
        """From a session to a binding, of the address or of its port, and back."""
        if line % 2:
            self.ports.set(ports(place), 48, line)
            self.addresses.set(address(place), 128, line)
            self.sessions.remove(address(place), 128)
        else:
            self.stay(place, line)
            self.ports.remove(ports(place), 48)
            self.addresses.remove(address(place), 128)

    def change_identity(self, place: int, line: int) -> None:
        """From a session to an identity, and back."""
        if line % 2:
            self.identities.set(self.cpe, 128, line)
            self.sessions.remove(address(place), 128)
        else:
            self.stay(place, line)
            self.identities.remove(self.cpe, 128)

    def renew(self, place: int, line: int) -> None:
        """Its line is removed when the session is the new one's."""
        number = 100 + self.begun
        self.lines.upsert(LineHandle(number, policy=line - 1, opted_in=True))
        self.stay(place, number)
        self.lines.remove(number - 1)

    def swap(self, packets: Plane) -> None:
        """Fresh tables with the same sessions, as after a loss of the stream."""
        loaded, loaded_ports = Addresses(SEED), Addresses(SEED)
        for fresh, old in ((loaded, self.sessions), (loaded_ports, self.session_ports)):
            for prefix, length, line in old.items():
                fresh.set(prefix, length, line, TICKS + LEFT)
        self.sessions, self.session_ports = loaded, loaded_ports
        self.use_sessions(packets)
        until(lambda: collect() == 0)  # a batch that began before has the tables of before

    def crowd(self) -> None:
        """Others come and go: what stays is moved, and the tables grow."""
        start = self.chance.randrange(2, 250)
        guests = [wide(f"127.0.{start}.{host}") for host in range(self.chance.randrange(60))]
        self.sessions.apply(b"".join(entry(each, 128, 1) for each in guests), TICKS, EntryTable.ADDRESSES)
        self.chance.shuffle(guests)
        for each in guests:
            self.sessions.remove(each, 128)

    def step(self, packets: Plane) -> None:
        """The next version: whatever is read between ``begun`` and ``done`` may be either."""
        self.begun += 1
        for place, move in enumerate(MOVES):
            move(self, place, 1 + self.begun % len(MODES))
        self.done = self.begun
        if self.begun % 7 == 0:
            self.crowd()
        if self.begun % 50 == 0:
            self.swap(packets)


MOVES: tuple[Callable[[Network, int, int], None], ...] = (
    Network.stay,
    Network.change_ports,
    Network.change_binding,
    Network.change_identity,
    Network.renew,
)
"""by the place of the client"""
SENT = [
    (query_with(LISTED, (65074, CPE)) if move is Network.change_identity else query(LISTED), address(place))
    for place, move in enumerate(MOVES)
]


@dataclass
class Readers:
    """Threads of the fast path, the one checked read by read, the other as fast as it goes."""

    network: Network
    packets: Plane
    ended: threading.Event = field(default_factory=threading.Event)
    told: int = 0
    """reads of which one version, or one of two, was possible"""
    errors: list[BaseException] = field(default_factory=list)

    def compare(self, fast: FastThread) -> None:
        """Read one client after the other, and look which versions it may be of."""
        driver = Driver(fast)
        while not self.ended.is_set():
            for place, packet in enumerate(SENT):
                first = self.network.done
                answer = driver.drive([packet], NOW, TICKS * 1_000_000, place)[0]
                last = self.network.begun
                possible = {version % len(MODES) for version in range(first, last + 1)}
                if answer is not None:
                    assert place_of(answer) in possible
                    self.told += len(possible) < len(MODES)
            self.drain(fast)

    def spin(self, fast: FastThread) -> None:
        """Read all of them without the GIL."""
        driver = Driver(fast)
        while not self.ended.is_set():
            driver.spin(SENT, SPINS, NOW, TICKS * 1_000_000)
            self.drain(fast)

    def drain(self, fast: FastThread) -> None:
        """Forget those that met the writer at each attempt: nothing was read of them."""
        while fast.take() is not None:
            pass

    def guarded(self, work: Callable[[FastThread], None], fast: FastThread) -> None:
        try:
            work(fast)
        except BaseException as error:
            self.errors.append(error)


def test_who_goes_over_from_table_to_table_is_always_found() -> None:
    network = Network()
    packets = network.put_in_force()
    readers = Readers(network, packets)
    with crew(packets, 2) as made:
        threads = [
            threading.Thread(target=readers.guarded, args=each)
            for each in zip((readers.compare, readers.spin), made.fast, strict=True)
        ]
        for thread in threads:
            thread.start()
        while not readers.errors and (network.done < TURNS or readers.told < TURNS):
            network.step(packets)
        readers.ended.set()
        for thread in threads:
            thread.join()
        if readers.errors:
            raise readers.errors[0]
    counts = packets.counts()
    assert set(counts["verdicts"]) == {("block", "category")}
    assert counts["unrecognised"] == {"ipv4": 0, "ipv6": 0}
    assert counts["not_ready"] == 0
    methods = {method for method, count in counts["identified"].items() if count}
    assert methods == {"edns-id", "session", "binding"}

"""The receiver: who may send, what each packet is counted as, and a socket that a thread serves."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest

from filterd.accounting.evidence_reference import EventKind, ReferenceEvent
from filterd.accounting.radius_types import MOST_CLIENTS, LineRule, RadiusClient, ReadEvent
from filterd.accounting.receiver import Receiver
from filterd.accounting.recorded import RecordedEvents, take
from filterd.accounting.session_view import SessionClaim
from filterd.accounting.sessions import Sessions
from filterd.accounting.sessions_reference import ReferenceSessions
from filterd.model.session import SessionSource
from tests.worlds.radius_packets import ARRIVAL, CLIENT, KEY, RULE, SECRET, SENDER, plain, signed, start

WAIT = 20.0
LASTS = 7200


def wide(text: str) -> bytes:
    """An address in its form of 16 bytes."""
    packed = ip_address(text).packed
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed


def client(prefix: str, secret: bytes = SECRET, *, proof: bool = False) -> RadiusClient:
    return RadiusClient(ip_network(prefix), secret, message_authenticator=proof)


def made(*clients: RadiusClient, rule: LineRule = RULE) -> tuple[Receiver, RecordedEvents]:
    sink = RecordedEvents()
    receiver = Receiver(sink, KEY)
    receiver.configure(clients, rule, LASTS)
    return receiver, sink


STARTED = signed(plain(4, start()))


@pytest.mark.parametrize(
    ("packet", "outcome", "answered", "told"),
    [
        (STARTED, "accepted", True, True),
        (signed(plain(4, start()), b"another"), "bad_authenticator", False, False),
        (STARTED[:-1], "malformed", False, False),
        (signed(plain(4, start()[1:])), "malformed", False, False),
        (signed(plain(1, start())), "unsupported", False, False),
        (signed(plain(4, start(status=b"\0\0\0\x0f"))), "unsupported", True, False),
        (signed(plain(4, start(user=b"@realm"))), "accepted", True, True),
        (signed(plain(4, start(user=b""))), "no_line", True, True),
        (signed(plain(4, start(address=b"\0\0\0\0"))), "no_address", True, True),
        (signed(plain(4, start(address=b"\xff\xff\xff\xfe", session=b""))), "no_address", True, False),
        (signed(plain(4, [(40, b"\0\0\0\7")])), "accepted", True, True),
        (signed(plain(12, [(80, bytes(16))])), "accepted", True, False),
        (plain(12, []), "no_message_authenticator", False, False),
        (signed(plain(40, start()[1:])), "accepted", True, True),
        (signed(plain(43, start()[1:])), "accepted", True, True),
        (signed(plain(40, [(1, b"ana")])), "accepted", True, True),
        (signed(plain(40, [(4, bytes(4))])), "no_address", True, False),
        (signed(plain(43, [(1, b"ana")])), "no_address", True, False),
        (signed(plain(4, [(40, b"\0\0\0\2"), (1, b"ana")])), "no_address", True, False),
    ],
)
def test_each_outcome(packet: bytes, outcome: str, answered: bool, told: bool) -> None:
    receiver, sink = made(CLIENT)
    (answer,) = take(receiver, [(SENDER, packet)], ARRIVAL)
    assert {name: count for name, count in receiver.counts().items() if count} == {outcome: 1}
    assert (answer is not None) == answered
    assert len(sink) == told


def test_an_unknown_sender_gets_silence() -> None:
    receiver, sink = made(CLIENT)
    assert take(receiver, [(wide("198.51.100.1"), STARTED)], ARRIVAL) == [None]
    assert receiver.counts()["unknown_client"] == 1
    assert len(sink) == 0
    assert take(Receiver(sink, KEY), [(SENDER, STARTED)], ARRIVAL) == [None]


def test_a_client_that_must_prove_each_packet() -> None:
    receiver, _sink = made(client("192.0.2.0/24", proof=True))
    proven = signed(plain(4, [*start(), (80, bytes(16))]))
    first, second = take(receiver, [(SENDER, STARTED), (SENDER, proven)], ARRIVAL)
    assert first is None
    assert second is not None
    assert receiver.counts()["no_message_authenticator"] == 1


def test_an_answer_goes_out_to_a_duplicate_as_well() -> None:
    receiver, sink = made(CLIENT)
    one, other = take(receiver, [(SENDER, STARTED)] * 2, ARRIVAL)
    assert one == other
    assert one is not None
    assert len(sink) == 2


def test_the_longest_prefix_holds() -> None:
    """Against a plain search, over prefixes that lie in one another."""
    rng = random.Random(15)
    prefixes = {
        ip_network((rng.getrandbits(10) << 22, rng.randint(4, 32)), strict=False) for _ in range(120)
    } | {ip_network((rng.getrandbits(8) << 120, rng.randint(2, 128)), strict=False) for _ in range(60)}
    clients = [RadiusClient(each, str(each).encode()) for each in prefixes]
    receiver, _sink = made(*clients)
    counts = 0
    for _ in range(400):
        address = ip_address(rng.getrandbits(10) << 22 | rng.getrandbits(3))
        if rng.random() < 0.4:
            address = ip_address(rng.getrandbits(8) << 120 | rng.getrandbits(2) << 118)
        around = [each for each in clients if address in each.prefix]
        sender = wide(str(address))
        if not around:
            assert take(receiver, [(sender, STARTED)], ARRIVAL) == [None]
            counts += 1
            continue
        best = max(around, key=lambda each: each.prefix.prefixlen)
        (answer,) = take(receiver, [(sender, signed(plain(4, start()), best.secret))], ARRIVAL)
        assert answer is not None, (address, best)
    assert 0 < counts == receiver.counts()["unknown_client"] < 400


def test_ipv4_stands_in_no_prefix_of_ipv6_but_all() -> None:
    receiver, _sink = made(RadiusClient(IPv6Network("::/0"), SECRET))
    (answer,) = take(receiver, [(SENDER, STARTED)], ARRIVAL)
    assert answer is not None  # ::ffff:0:0/96 lies in ::/0: one socket of both families sees them so
    receiver.configure([RadiusClient(IPv4Network("0.0.0.0/0"), SECRET)], RULE, LASTS)
    assert take(receiver, [(wide("2001:db8::1"), STARTED)], ARRIVAL) == [None]


@pytest.mark.parametrize(
    ("clients", "says"),
    [
        ([client("192.0.2.0/24", b"")], "192.0.2.0/24: the secret is empty"),
        ([client("192.0.2.0/24"), client("192.0.2.0/24", b"x")], "192.0.2.0/24 stands twice"),
        ([client("::ffff:192.0.2.0/120"), client("192.0.2.0/24")], "stands twice"),
    ],
)
def test_clients_that_cannot_be_leave_the_old_in_force(clients: list[RadiusClient], says: str) -> None:
    receiver, _sink = made(CLIENT)
    with pytest.raises(ValueError, match=says):
        receiver.configure(clients, RULE, LASTS)
    assert take(receiver, [(SENDER, STARTED)], ARRIVAL)[0] is not None


@pytest.mark.ring("night")
def test_the_most_clients() -> None:
    clients = [RadiusClient(IPv4Network((at << 8, 32)), b"%d" % at) for at in range(MOST_CLIENTS + 1)]
    receiver, _sink = made(*clients[:-1])
    packet = signed(plain(4, start()), b"65535")
    assert take(receiver, [(wide("0.255.255.0"), packet)], ARRIVAL)[0] is not None
    with pytest.raises(ValueError, match="65537 clients of accounting: at most 65536"):
        receiver.configure(clients, RULE, LASTS)
    assert take(receiver, [(wide("0.255.255.0"), packet)], ARRIVAL)[0] is not None


def test_other_clients_and_another_rule_come_into_force() -> None:
    receiver, sink = made(CLIENT)
    take(receiver, [(SENDER, STARTED)], ARRIVAL)
    receiver.configure([client("192.0.2.0/24", b"new")], LineRule(0, 1, ("realm",)), 60)
    other = signed(plain(4, start(user=b"ana")), b"new")
    realm = signed(plain(4, start()), b"new")
    assert take(receiver, [(SENDER, STARTED)], ARRIVAL) == [None]
    take(receiver, [(SENDER, other), (SENDER, realm)], ARRIVAL)
    before, plainly, cut = (each.line for each in sink.events())
    assert before != plainly == cut
    assert [each.lasts for each in sink.events()] == [LASTS, 60, 60]


def test_refused_claims_and_packets_by_the_second_secret_are_counted() -> None:
    north = RadiusClient(
        ip_network("192.0.2.0/25"), b"new", second=b"old", networks=(ip_network("100.64.0.0/24"),)
    )
    south = RadiusClient(ip_network("192.0.2.128/25"), SECRET, networks=(ip_network("100.64.1.0/24"),))
    receiver, sink = made(north, south)
    packet = plain(4, start())
    sent = [
        (SENDER, signed(packet, b"new")),
        (SENDER, signed(packet, b"old")),
        (SENDER, signed(packet, b"other")),
        (wide("192.0.2.200"), signed(packet)),
    ]
    answers = take(receiver, sent, ARRIVAL)
    assert [each is not None for each in answers] == [True, True, False, True]
    assert [len(each.claims) for each in sink.events()] == [1, 1, 0]
    assert (receiver.refused, receiver.second) == (1, 1)
    assert receiver.counts()["no_address"] == 1


def test_an_on_of_one_client_ends_no_session_of_another() -> None:
    """Also where it names the other's NAS, by address and by name."""
    table = Sessions(None, KEY, 1000, LASTS, lambda: ARRIVAL / 1000)
    receiver = Receiver(table, KEY)
    north = RadiusClient(ip_network("192.0.2.0/25"), SECRET, authority=b"north")
    south = RadiusClient(ip_network("192.0.2.128/25"), b"south", authority=b"south")
    receiver.configure([north, south], RULE, LASTS)
    nas = [(4, b"\xc0\0\2\7"), (55, (ARRIVAL // 1000).to_bytes(4, "big"))]
    on = plain(4, [(40, b"\0\0\0\7"), (32, b"bras-1"), *nas])
    stop = plain(4, [*start(status=b"\0\0\0\2"), *nas])
    take(receiver, [(SENDER, signed(plain(4, [*start(), *nas])))], ARRIVAL)
    for forged in (on, stop):
        take(receiver, [(wide("192.0.2.200"), signed(forged, b"south"))], ARRIVAL + 5000)
        assert table.find(wide("100.64.0.9")) is not None
    take(receiver, [(SENDER, signed(on))], ARRIVAL + 5000)
    table.sweep(1000)
    assert table.find(wide("100.64.0.9")) is None
    table.close()


def of_model(event: ReadEvent) -> ReferenceEvent:
    """An event as the plain rules take it."""
    return ReferenceEvent(
        EventKind(event.kind),
        SessionSource.RADIUS,
        tuple(SessionClaim(*each) for each in event.claims),
        event.nas,
        event.session,
        event.line,
        event.stamp,
        event.arrival,
        event.lasts,
        event.stamped,
        frozenset(kind for kind in range(4) if event.refused_kinds >> kind & 1),
    )


def test_what_a_session_had_goes_where_its_client_may_not_claim_it_any_more() -> None:
    """Rule 8: its next packet names an address in vain, and the one of before is not confirmed by it."""
    table, model = Sessions(None, KEY, 1000, LASTS, lambda: ARRIVAL / 1000), ReferenceSessions(LASTS)
    address = ip_address("2001:db8::9").packed

    def told(status: int, second: int, *networks: str) -> list[bool]:
        given = tuple(map(ip_network, networks))
        values = start(status=status.to_bytes(4, "big"))
        stamp = (55, (ARRIVAL // 1000 + second).to_bytes(4, "big"))
        packet = signed(plain(4, [*values, (168, address), stamp]))
        recorded = RecordedEvents()
        for sink in (table, recorded):
            receiver = Receiver(sink, KEY)
            receiver.configure(
                [RadiusClient(ip_network("192.0.2.0/24"), SECRET, networks=given)], RULE, LASTS
            )
            take(receiver, [(SENDER, packet)], ARRIVAL + 1000 * second)
        (event,) = recorded.events()
        model.apply(of_model(event))
        claims = {claim for record in model.records.values() for claim in record.claims}
        found = [table.find(each) is not None for each in (wide("100.64.0.9"), address)]
        assert found == [SessionClaim(each, 128) in claims for each in (wide("100.64.0.9"), address)]
        return found

    assert told(1, 0) == [True, True]
    assert told(3, 1, "2001:db8::/32", "100.65.0.0/16") == [False, True]
    assert told(3, 2, "198.51.100.0/24") == [False, False]
    assert table.counts().live == 0
    assert told(3, 3) == [True, True]
    table.close()


@pytest.mark.parametrize("sent", [False, True], ids=["happened", "sent"])
@pytest.mark.parametrize(
    ("stamp", "delay", "known"),
    [
        (0, 0, True),
        (946_684_799, 0, True),
        (946_684_800, 0, False),
        (2**32 - 1, 0, True),
        (2**32 - 1, 60, True),
        (2**32 - 1, 2**32 - 1, False),
        (0, 2**32 - 1, False),
    ],
)
def test_the_ends_of_stamps_and_delays(stamp: int, delay: int, known: bool, sent: bool) -> None:
    """A clock that was never set, one of 2106, and delays that cannot be."""
    table = Sessions(None, KEY, 1000, LASTS, lambda: ARRIVAL / 1000)
    receiver = Receiver(table, KEY)
    receiver.configure([RadiusClient(ip_network("192.0.2.0/24"), SECRET, sent=sent)], RULE, LASTS)
    packet = signed(plain(4, [*start(), (55, stamp.to_bytes(4, "big")), (41, delay.to_bytes(4, "big"))]))
    take(receiver, [(SENDER, packet)], ARRIVAL)
    assert (table.find(wide("100.64.0.9")) is not None) == known


def test_a_key_has_sixteen_bytes() -> None:
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        Receiver(RecordedEvents(), b"abc")


# ---- on a socket ----


@contextmanager
def serving(receiver: Receiver, address: str = "127.0.0.1") -> Iterator[tuple[socket.socket, int]]:
    """A thread that serves a socket; a sender's socket, and the port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.socket(family, socket.SOCK_DGRAM) as served,
        socket.socket(family, socket.SOCK_DGRAM) as sender,
    ):
        served.bind((address, 0))
        sender.settimeout(WAIT)
        thread = threading.Thread(target=receiver.run, args=(served.fileno(),))
        thread.start()
        try:
            yield sender, served.getsockname()[1]
        finally:
            receiver.stop()
            thread.join(WAIT)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("bound", "asked"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.3"), ("::1", "::1")]
)
def test_a_socket_is_answered_from_the_address_that_was_asked(bound: str, asked: str) -> None:
    receiver, sink = made(client("127.0.0.0/8"), client("::1/128"))
    with serving(receiver, bound) as (sender, port):
        for _ in range(2):  # before the first is answered, `run` may not have begun
            sender.sendto(STARTED, (asked, port))
            answer, (source, *_rest) = sender.recvfrom(4096)
    assert answer[:2] == b"\5\7"
    assert source == asked
    assert [each.kind for each in sink.events()] == [1, 1]


def test_a_dual_stack_socket_knows_ipv4_clients() -> None:
    receiver, _sink = made(client("127.0.0.0/8"))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as served:
        served.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        served.bind(("::", 0))
        thread = threading.Thread(target=receiver.run, args=(served.fileno(),))
        thread.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(WAIT)
            for _ in range(2):
                sender.sendto(STARTED, ("127.0.0.5", served.getsockname()[1]))
                answer, source = sender.recvfrom(4096)
        receiver.stop()
        thread.join(WAIT)
    assert (answer[0], source[0]) == (5, "127.0.0.5")


def test_many_packets_each_with_its_answer() -> None:
    receiver, sink = made(client("127.0.0.0/8"))
    with serving(receiver) as (sender, port):
        for turn in range(8):
            sent = [plain(4, start(session=b"%d" % at), at) for at in range(turn, 256, 8)]
            for packet in sent:
                sender.sendto(signed(packet), ("127.0.0.1", port))
            answers = [sender.recv(4096) for _ in sent]
            assert {each[1] for each in answers} == {each[1] for each in sent}
    assert receiver.counts()["accepted"] == 256
    assert len({each.session for each in sink.events()}) == 256


def test_configuring_beside_a_running_thread() -> None:
    receiver, _sink = made(client("127.0.0.0/8"))
    with serving(receiver) as (sender, port):
        for turn in range(200):
            secret = b"secret %d" % turn
            receiver.configure([client("127.0.0.0/8", secret), client(f"10.{turn}.0.0/16")], RULE, LASTS)
            sender.sendto(signed(plain(4, start()), secret), ("127.0.0.1", port))
            assert sender.recv(4096)[0] == 5
    assert receiver.counts()["bad_authenticator"] == 0


def test_stop_before_run_and_run_again() -> None:
    receiver, _sink = made(client("127.0.0.0/8"))
    receiver.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as served:
        served.bind(("127.0.0.1", 0))
        receiver.run(served.fileno())
    with serving(receiver) as (sender, port):
        with pytest.raises(ValueError, match="runs in another thread"):
            receiver.run(sender.fileno())
        sender.sendto(STARTED, ("127.0.0.1", port))
        assert sender.recv(4096)


def test_a_socket_that_cannot_be_read_ends_it() -> None:
    receiver, _sink = made()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as served:
        descriptor = served.fileno()
    with pytest.raises(OSError, match="Bad file descriptor"):
        receiver.run(descriptor)

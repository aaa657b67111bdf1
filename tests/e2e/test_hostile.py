"""Packets that no client sends, over real sockets: an answer or silence, never an end, a hang, an answer to
an answer, or a line in the log for each of them."""

from __future__ import annotations

import contextlib
import random
import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import dns.message
import pytest

from filterd.policy.build import MANDATORY_TARGET
from filterd.policy.classes import FIXED, Classes, ListClass
from tests.e2e.resolver_process import ResolverProcess, resolver_of, resolver_settings
from tests.fuzz.packets import QR, SEED, corpus, mutate, parses, public_packets
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot

MUTATIONS = 2_000
"""over each transport"""
LARGEST_DATAGRAM = 65_507
QUIET = 0.5
"""seconds without an answer after which there comes none"""
PATIENCE = 60.0
"""seconds that a busy machine has for all answers; where they come sooner, nobody waits"""
IN_FLIGHT = 100
"""queries without an answer at most, so that no socket's buffer overflows on a machine that is busy"""
SHARE = 0.8
"""of the answers that must come; some datagrams may be lost on a busy machine, not more"""
NAMES = re.compile(rb"[a-z0-9-]{3,}\.(?:example|test|com|net|org|cz)\b")


@contextlib.contextmanager
def echoing_upstream() -> Iterator[int]:
    """Answers whatever is forwarded with NXDOMAIN and the question, byte for byte; yields its port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            packet, peer = server.recvfrom(65535)
            if not packet:
                return
            server.sendto(packet[:2] + b"\x81\x83" + packet[4:], peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", server.getsockname())
        thread.join()
        server.close()


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResolverProcess]:
    """Ready, with one mandatory name."""
    folder = tmp_path_factory.mktemp("hostile")
    with echoing_upstream() as port, contextlib.closing(ScriptedStore(make_store(folder / "filterd.db"))):
        made = resolver_of(resolver_settings(folder, port), folder / "log")
        keys = folder / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        classes = Classes((*FIXED, ListClass("worst", None, 0)))
        put_snapshot(folder / "state", 0, classes, {}, [("worst.example", MANDATORY_TARGET)])
        made.start()
        made.wait_for(lambda: made.get("/readyz")[0] == 200)
        yield made
        assert made.stop() == 0


@pytest.fixture(scope="module")
def packets() -> list[bytes]:
    """The corpus, the public one where it is there, and mutations of both."""
    rng = random.Random(SEED)
    known = [*corpus().values(), *public_packets().values()]
    return known + [mutate(rng, rng.choice(known)) for _ in range(MUTATIONS)]


def is_silent(packet: bytes) -> bool:
    """True if nothing may ever come back."""
    return len(packet) < 12 or bool(packet[2] & QR)


def check_replies(sent: Iterable[bytes], replies: list[bytes]) -> None:
    """Every reply is an answer, to a query that was sent, that the oracle can read."""
    ids = {packet[:2] for packet in sent if not is_silent(packet)}
    for reply in replies:
        assert reply[2] & QR
        assert reply[:2] in ids
        parses(reply)


def drained(client: socket.socket, quiet: float) -> list[bytes]:
    """What has come, and what comes until it has been quiet for so long."""
    found = []
    client.settimeout(quiet)
    with contextlib.suppress(TimeoutError, BlockingIOError):
        while True:
            found.append(client.recv(65535))
    return found


def paced(client: socket.socket, queries: list[bytes]) -> list[bytes]:
    """The answers to queries that are sent no faster than they are answered."""
    replies: list[bytes] = []
    deadline = time.monotonic() + PATIENCE
    for number, packet in enumerate(queries, 1):
        client.send(packet)
        last = number == len(queries)
        while number % 20 == 0 or last:
            replies += drained(client, QUIET if last else 0.001)
            wanted = SHARE * number - (0 if last else IN_FLIGHT)
            if len(replies) > wanted or time.monotonic() > deadline:
                break
    return replies


def test_over_udp_every_packet_gets_an_answer_or_silence(
    resolver: ResolverProcess, packets: list[bytes]
) -> None:
    packets = [packet for packet in packets if len(packet) <= LARGEST_DATAGRAM]
    queries = [packet for packet in packets if not is_silent(packet)]
    others = [packet for packet in packets if is_silent(packet)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", resolver.port))
        replies = paced(client, queries)
    check_replies(queries, replies)
    assert len(replies) > len(queries) * SHARE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", resolver.port))
        for number, packet in enumerate(others):
            client.send(packet)
            if number % 50 == 49:
                time.sleep(0.002)
        assert drained(client, QUIET) == []


def exchanged(port: int, stream: bytes) -> list[bytes]:
    """What comes back on a connection of its own for these bytes and an end."""
    found = b""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as client,
        contextlib.suppress(ConnectionError),
    ):
        client.sendall(stream)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65535):
            found += piece
    replies = []
    while found:
        length = int.from_bytes(found[:2], "big")
        assert len(found) >= 2 + length, "a reply cut in the middle"
        replies.append(found[2 : 2 + length])
        found = found[2 + length :]
    return replies


def test_over_tcp_every_message_gets_an_answer_or_silence(
    resolver: ResolverProcess, packets: list[bytes]
) -> None:
    framed = [packet for packet in packets if 12 <= len(packet) <= 65535]
    for start in range(0, len(framed), 50):
        some = framed[start : start + 50]
        replies = exchanged(resolver.port, b"".join(len(each).to_bytes(2, "big") + each for each in some))
        check_replies(some, replies)
        assert len(replies) == sum(not is_silent(each) for each in some)


def test_broken_framing_ends_its_own_connection_alone(
    resolver: ResolverProcess, packets: list[bytes]
) -> None:
    rng = random.Random(SEED)
    good = dns.message.make_query("fine.example", "A").to_wire()
    whole = len(good).to_bytes(2, "big") + good
    cut = (b"", b"\x00", b"\x00\x00", b"\x00\x05hello", b"\xff\xff", b"\xff\xff" + bytes(100))
    others = (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", rng.randbytes(5000))
    for stream in (*cut, *others):
        check_replies([good, stream[2:]], exchanged(resolver.port, whole + stream))
        assert len(exchanged(resolver.port, whole)) == 1


def test_afterwards_it_serves_and_neither_log_nor_metrics_tell_of_anything(
    resolver: ResolverProcess, packets: list[bytes]
) -> None:
    assert resolver.process.poll() is None
    assert resolver.ask("www.worst.example").options[0].code == 16
    resolver.ask("visited-in-private.example", tcp=True)
    log = Path(resolver.log).read_bytes()
    assert log.count(b"\n") < 10, log[-2000:]
    _, metrics = resolver.get("/metrics")
    for text in (log, metrics.encode()):
        assert b"visited" not in text
        assert b"worst" not in text
        assert not NAMES.findall(text.lower().replace(b"prometheus", b""))
    assert 'filterd_drops_total{reason="not_a_query"}' in metrics
    assert 'filterd_verdicts_total{reason="malformed",verdict="error"}' in metrics

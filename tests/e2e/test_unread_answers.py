"""Large answers over TCP: prompt clients get all of them, and those that nobody reads take little memory.
Prints what it measured."""

from __future__ import annotations

import contextlib
import resource
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import pytest

from filterd.policy.classes import FIXED, Classes
from tests.e2e.authority import free_port
from tests.e2e.resolver_process import ResolverProcess, resolver_of, resolver_settings
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot

MANY = 238
"""texts of 255 bytes of an answer, in 64 KB"""
RECORDS = b"".join(
    b"\xc0\x0c\0\x10\0\1\0\0\1\x2c\1\0\xff" + f"{number:0255}".encode() for number in range(MANY)
)
CLIENTS = 12
PER_CLIENT = 100
MOST_EACH = 80 * 1024
"""bytes of the process for one connection with an unread answer: the answer, and the connection itself"""


def asked(query: bytes) -> bytes:
    """Its question, which ends where the OPT record begins."""
    return query[12:-11] if query[11] else query[12:]


class Cut(socketserver.BaseRequestHandler):
    """Over UDP every answer is cut."""

    def handle(self) -> None:
        query, server = self.request
        server.sendto(query[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + asked(query), self.client_address)


class Whole(socketserver.StreamRequestHandler):
    """Over TCP it comes at once."""

    def handle(self) -> None:
        while length := self.rfile.read(2):
            query = self.rfile.read(int.from_bytes(length, "big"))
            counts = b"\x81\x80\0\1" + MANY.to_bytes(2, "big") + bytes(4)
            answer = query[:2] + counts + asked(query) + RECORDS
            self.wfile.write(len(answer).to_bytes(2, "big") + answer)


@contextlib.contextmanager
def large() -> Iterator[int]:
    """An upstream whose answers are all large; its port."""
    port = free_port()
    socketserver.ThreadingTCPServer.daemon_threads = True
    with (
        socketserver.UDPServer(("127.0.0.1", port), Cut) as udp,
        socketserver.ThreadingTCPServer(("127.0.0.1", port), Whole) as tcp,
    ):
        for each in (udp, tcp):
            threading.Thread(target=each.serve_forever, daemon=True).start()
        try:
            yield port
        finally:
            udp.shutdown()
            tcp.shutdown()


@pytest.fixture
def resolver(tmp_path: Path) -> Iterator[ResolverProcess]:
    """Ready; each name has a text of 60 KB."""
    store = contextlib.closing(ScriptedStore(make_store(tmp_path / "filterd.db")))
    with large() as port, store:
        settings = resolver_settings(tmp_path, port, tcp={"idle": "60s"})
        made = resolver_of(settings, tmp_path / "log")
        keys = tmp_path / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        put_snapshot(tmp_path / "state", 0, Classes(FIXED), {}, [])
        made.start()
        made.wait_for(lambda: made.get("/readyz")[0] == 200)
        yield made
        assert made.stop() == 0


def framed(name: str) -> bytes:
    query = dns.message.make_query(name, "TXT").to_wire()
    return len(query).to_bytes(2, "big") + query


def ended(resolver: ResolverProcess, reason: str) -> int:
    sample = f'filterd_tcp_connections_ended_total{{reason="{reason}"}} '
    for line in resolver.get("/metrics")[1].splitlines():
        if line.startswith(sample):
            return int(float(line.rsplit(" ", 1)[1]))
    return 0


def memory(resolver: ResolverProcess) -> int:
    """Bytes that the process holds."""
    pages = Path(f"/proc/{resolver.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def test_twenty_large_answers_that_nobody_has_asked_for_before_all_arrive(resolver: ResolverProcess) -> None:
    names = {f"many.n{number}.example." for number in range(20)}
    with socket.create_connection(("127.0.0.1", resolver.port), timeout=30) as client:
        client.sendall(b"".join(map(framed, sorted(names))))
        answers = [dns.query.receive_tcp(client)[0] for _ in names]
    assert {each.question[0].name.to_text() for each in answers} == names
    assert {len(each.answer[0]) for each in answers} == {MANY}
    assert ended(resolver, "unread") == 0


def test_an_unread_answer_is_all_that_a_client_can_have_kept(resolver: ResolverProcess) -> None:
    """More clients than may leave answers unread: those that did so first are cut for the others."""
    dns.query.tcp(dns.message.make_query("many.example", "TXT"), "127.0.0.1", port=resolver.port, timeout=30)
    before = memory(resolver)
    count = CLIENTS * PER_CLIENT
    with contextlib.ExitStack() as stack:
        for number in range(count):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.bind((f"127.2.0.{number // PER_CLIENT + 1}", 0))
            client.connect(("127.0.0.1", resolver.port))
            client.send(framed("many.example") * 20)
        resolver.wait_for(lambda: ended(resolver, "unread") == count - 1000)
        each = (memory(resolver) - before) / 1000
        print(f"measured: {each / 1024:.1f} KiB for each connection with an unread answer")
        assert each < MOST_EACH
        reply = dns.query.tcp(
            dns.message.make_query("many.example", "TXT"), "127.0.0.1", port=resolver.port, timeout=30
        )
        assert len(reply.answer[0]) == MANY, "whoever reads is answered"

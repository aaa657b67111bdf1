"""A resolver process and what may be behind it: a dead server, a real one over TLS, and itself."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

from filterd.policy.classes import FIXED, Classes
from tests.e2e.authority import free_port, nsd, running
from tests.e2e.resolver_process import ResolverProcess, answering, resolver_of, resolver_settings, upstream
from tests.worlds.certificates import Authority
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot
from tests.worlds.system import command

RECORDS = {(f"name{number}.example", "A"): [f"192.0.2.{number}"] for number in range(40)}
Start = Callable[..., ResolverProcess]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Starts the test's resolver with these upstreams, and waits until it is ready; its own port is put
    into ``ports`` before."""
    store = ScriptedStore(make_store(tmp_path / "filterd.db"))
    resolvers: list[ResolverProcess] = []

    def start(*upstreams: object, ports: list[int] | None = None) -> ResolverProcess:
        resolver = resolver_of(resolver_settings(tmp_path, 0, upstreams=list(upstreams)), tmp_path / "log")
        keys = tmp_path / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        put_snapshot(tmp_path / "state", 0, Classes(FIXED), {}, ())
        if ports is not None:
            ports.append(resolver.port)
        resolver.start()
        resolvers.append(resolver)
        resolver.wait_for(lambda: resolver.get("/readyz")[0] == 200)
        return resolver

    yield start
    for resolver in resolvers:
        resolver.stop()
    store.close()


def metric(resolver: ResolverProcess, name: str, upstream_port: int, more: str = "") -> float:
    """A sample of the upstream on that port of 127.0.0.1, with ``more`` in its labels; 0 without any."""
    _, text = resolver.get("/metrics")
    wanted = f'upstream="127.0.0.1:{upstream_port}"'
    lines = [line for line in text.splitlines() if line.startswith(f"{name}{{") and wanted in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if more in line)


def codes(reply: dns.message.Message) -> list[int]:
    """The extended errors of an answer."""
    return [int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)]


def test_a_dead_upstream_is_asked_no_more_until_it_lives(started: Start) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead,
        upstream(answering(RECORDS)) as (second, _),
    ):
        dead.bind(("127.0.0.1", 0))
        port = dead.getsockname()[1]
        resolver = started(f"127.0.0.1:{port}", f"127.0.0.1:{second}")
        for number in range(40):
            assert resolver.ask(f"name{number}.example").answer[0][0].to_text() == f"192.0.2.{number}"
        assert metric(resolver, "filterd_upstream_up", port) == 0
        assert metric(resolver, "filterd_upstream_up", second) == 1
        asked = []
        dead.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = dead.recv(4096)
                asked.append(dns.message.from_wire(packet).question[0].name.to_text().lower())
        assert sum(name.startswith("name") for name in asked) <= 1
        dead.setblocking(True)
        ended = threading.Event()

        def live() -> None:
            while not ended.is_set():
                packet, peer = dead.recvfrom(4096)
                if packet:
                    dead.sendto(answering(RECORDS)(dns.message.from_wire(packet)).to_wire(), peer)

        thread = threading.Thread(target=live, daemon=True)
        thread.start()
        resolver.wait_for(lambda: metric(resolver, "filterd_upstream_up", port) == 1)
        ended.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", port))
        thread.join()


def test_names_that_an_upstream_refuses_do_not_make_it_rest(started: Start) -> None:
    """They are asked elsewhere; all others go on being its own."""

    def particular(query: dns.message.Message) -> dns.message.Message:
        if "refused" in query.question[0].name.to_text().lower():
            reply = dns.message.make_response(query, recursion_available=True)
            reply.set_rcode(dns.rcode.REFUSED)
            return reply
        return answering(RECORDS)(query)

    others = {(f"n{number}.refused.example", "A"): ["192.0.2.200"] for number in range(300)}
    with (
        upstream(particular) as (first, _),
        upstream(answering({key: ["192.0.2.250"] for key in RECORDS} | others)) as (second, _),
    ):
        resolver = started(f"127.0.0.1:{first}", f"127.0.0.1:{second}")
        for number in range(300):
            reply = resolver.ask(f"n{number}.refused.example")
            assert reply.answer[0][0].to_text() == "192.0.2.200"
        assert metric(resolver, "filterd_upstream_up", first) == 1
        assert metric(resolver, "filterd_upstream_queries_total", first, 'outcome="refused"') >= 300
        for number in range(10):
            assert resolver.ask(f"name{number}.example").answer[0][0].to_text() == f"192.0.2.{number}"
        assert "an upstream rests" not in resolver.log.read_text()


@contextlib.contextmanager
def relay(target: Callable[[], int]) -> Iterator[int]:
    """A forwarder that asks whoever listens on the port that ``target`` gives; yields its own port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def pass_on(packet: bytes, peer: tuple[str, int]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(5)
            asking.sendto(packet, ("127.0.0.1", target()))
            with contextlib.suppress(OSError):
                server.sendto(asking.recv(4096), peer)

    def serve() -> None:
        while True:
            packet, peer = server.recvfrom(4096)
            if not packet:
                return
            threading.Thread(target=pass_on, args=(packet, peer), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", server.getsockname())
        thread.join()
        server.close()


def test_an_upstream_that_leads_back_here_is_named_and_not_used(started: Start) -> None:
    ports: list[int] = []
    with relay(lambda: ports[0]) as looping, upstream(answering(RECORDS)) as (second, _):
        resolver = started(f"127.0.0.1:{looping}", ports=ports)
        resolver.wait_for(lambda: metric(resolver, "filterd_upstream_loops", looping) == 1)
        assert metric(resolver, "filterd_upstream_up", looping) == 0
        reply = resolver.ask("name2.example")
        assert reply.rcode() == dns.rcode.SERVFAIL
        assert codes(reply) == [22]
        assert "leads back to this resolver" in resolver.log.read_text()
        changed = resolver_settings(
            resolver.log.parent, 0, upstreams=[f"127.0.0.1:{looping}", f"127.0.0.1:{second}"]
        )
        resolver.tell(changed)
        resolver.wait_for(lambda: resolver.ask("name3.example").rcode() == dns.rcode.NOERROR)


@contextlib.contextmanager
def unbound_over_tls(folder: Path, authority: Authority) -> Iterator[tuple[int, int]]:
    """Unbound that knows RECORDS, certified as dns.example; yields its ports for clear text and TLS."""
    folder.mkdir()
    authority.server(folder, "dns.example")
    port, tls_port = free_port(), free_port()
    data = "".join(
        f'  local-data: "{name}. 300 IN {kind} {values[0]}"\n' for (name, kind), values in RECORDS.items()
    )
    (folder / "unbound.conf").write_text(
        "server:\n"
        f"  interface: 127.0.0.1@{port}\n  interface: 127.0.0.1@{tls_port}\n  tls-port: {tls_port}\n"
        f'  tls-service-key: "{folder}/dns.example.pem"\n  tls-service-pem: "{folder}/dns.example.pem"\n'
        '  do-daemonize: no\n  use-syslog: no\n  username: ""\n  chroot: ""\n  pidfile: ""\n'
        f'  directory: "{folder}"\n  access-control: 127.0.0.0/8 allow\n  do-ip6: no\n'
        '  module-config: "iterator"\n  local-zone: "example." static\n  local-zone: "." static\n' + data
    )
    words = [str(command("unbound")), "-d", "-c", str(folder / "unbound.conf")]
    with running(words, port, "name1.example", folder / "log"):
        yield port, tls_port


@pytest.mark.system("unbound")
def test_unbound_is_asked_over_tls_and_only_while_it_proves_itself(started: Start, tmp_path: Path) -> None:
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    with unbound_over_tls(tmp_path / "unbound", authority) as (_, port):

        def entry(name: str) -> dict[str, object]:
            return {"address": f"127.0.0.1:{port}", "tls": {"name": name, "ca": str(tmp_path / "ca.pem")}}

        resolver = started(entry("dns.example"))
        for number in range(20):
            assert resolver.ask(f"name{number}.example").answer[0][0].to_text() == f"192.0.2.{number}"
        answered = metric(resolver, "filterd_upstream_queries_total", port, '"answered"')
        assert answered >= 20
        resolver.tell(resolver_settings(tmp_path, 0, upstreams=[entry("other.example")]))
        resolver.wait_for(lambda: resolver.log.read_text().count("new settings in force") == 1)
        reply = resolver.ask("name30.example")
        assert reply.rcode() == dns.rcode.SERVFAIL
        assert codes(reply) == [23]
        resolver.tell(resolver_settings(tmp_path, 0, upstreams=[entry("dns.example")]))
        resolver.wait_for(lambda: resolver.log.read_text().count("new settings in force") == 2)
        assert resolver.ask("name31.example").answer[0][0].to_text() == "192.0.2.31"
        assert metric(resolver, "filterd_upstream_queries_total", port, '"answered"') > answered


@pytest.mark.system("nsd")
def test_answers_too_long_for_udp_come_over_kept_connections(started: Start, tmp_path: Path) -> None:
    text = '"' + "x" * 250 + '"'
    zone = (
        "example. 300 IN SOA ns.example. host.example. 1 3600 600 86400 60\nexample. 300 IN NS ns.example.\n"
    )
    zone += "ns.example. 300 IN A 127.0.0.1\n"
    zone += "".join(
        f"long{number}.example. 300 IN TXT {text} {text} {text} {text} {text} {text}\n"
        for number in range(50)
    )
    with nsd(tmp_path / "nsd", {"example.": zone}) as port:
        resolver = started(f"127.0.0.1:{port}")
        for number in range(50):
            reply = resolver.ask(f"long{number}.example", "TXT", tcp=True)
            assert len(reply.answer[0][0].to_text()) > 1500
        assert metric(resolver, "filterd_upstream_queries_total", port, '"tcp"') == 50
        assert metric(resolver, "filterd_upstream_queries_total", port, '"answered"') >= 50

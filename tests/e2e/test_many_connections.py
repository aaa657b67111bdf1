"""Ten thousand TCP connections that idle or drip, from seventy clients: everyone over UDP is answered all the
while, and a new client over TCP too. Prints what it measured; asserts no times."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import pytest

from filterd.policy.classes import FIXED, Classes
from tests.e2e.resolver_process import ResolverProcess, answering, resolver_of, resolver_settings, upstream
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot

pytestmark = pytest.mark.ring("night")

CONNECTIONS = 10_000
PER_CLIENT = 145
QUERIES = 3_000
TIMEOUT = 1.0
QUERY = dns.message.make_query("there.example", "A").to_wire()
START = b"\0\x40" + QUERY[:5]
"""a message of 64 bytes begins"""


@pytest.fixture
def resolver(tmp_path: Path) -> Iterator[ResolverProcess]:
    """Ready, with one name in its cache."""
    store = contextlib.closing(ScriptedStore(make_store(tmp_path / "filterd.db")))
    with upstream(answering({("there.example", "A"): ["192.0.2.99"]})) as (port, _), store:
        made = resolver_of(resolver_settings(tmp_path, port, tcp={"idle": "60s"}), tmp_path / "log")
        keys = tmp_path / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        put_snapshot(tmp_path / "state", 0, Classes(FIXED), {}, [])
        made.start()
        made.wait_for(lambda: made.get("/readyz")[0] == 200)
        made.ask("there.example")
        yield made
        assert made.stop() == 0


def figure(resolver: ResolverProcess, sample: str) -> int:
    """One sample of /metrics, 0 where it is not there."""
    for line in resolver.get("/metrics")[1].splitlines():
        if line.startswith(sample + " "):
            return int(float(line.rsplit(" ", 1)[1]))
    return 0


def ended(resolver: ResolverProcess, reason: str) -> int:
    return figure(resolver, f'filterd_tcp_connections_ended_total{{reason="{reason}"}}')


def memory(resolver: ResolverProcess) -> int:
    """Bytes that the process holds."""
    pages = Path(f"/proc/{resolver.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def opened(port: int, stack: contextlib.ExitStack) -> list[socket.socket]:
    """The connections, from as many clients as that takes; each second one begins a message."""
    found = []
    for number in range(CONNECTIONS):
        source = f"127.1.{number // PER_CLIENT // 250}.{number // PER_CLIENT % 250 + 1}"
        client = stack.enter_context(socket.socket())
        client.bind((source, 0))
        client.connect(("127.0.0.1", port))
        if number % 2:
            client.send(START)
        found.append(client)
    return found


def asked_by_udp(port: int, dripping: list[socket.socket]) -> list[float]:
    """Seconds that each query took that was answered; meanwhile the others drip a byte now and then."""
    took = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(TIMEOUT)
        client.connect(("127.0.0.1", port))
        for number in range(QUERIES):
            if dripping:
                dripping[number % len(dripping)].send(b"x")
            packet = number.to_bytes(2, "big") + QUERY[2:]
            began = time.perf_counter()
            client.send(packet)
            with contextlib.suppress(TimeoutError):
                while client.recv(4096)[:2] != packet[:2]:
                    pass
                took.append(time.perf_counter() - began)
    return took


def told(what: str, took: list[float]) -> str:
    """Times in microseconds."""
    cuts = statistics.quantiles(took, n=100)
    return f"{what}: median {cuts[49] * 1e6:.0f}, 99th {cuts[98] * 1e6:.0f}, worst {max(took) * 1e6:.0f} us"


def test_ten_thousand_connections_take_nothing_from_others(resolver: ResolverProcess) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 1000:
        pytest.skip(f"{CONNECTIONS} connections take more files than {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with contextlib.ExitStack() as stack:
            alone = asked_by_udp(resolver.port, [])
            before = memory(resolver)
            began = time.perf_counter()
            clients = opened(resolver.port, stack)
            seconds = time.perf_counter() - began
            resolver.wait_for(lambda: figure(resolver, "filterd_tcp_connections") == CONNECTIONS)
            each = (memory(resolver) - before) / CONNECTIONS
            beside = asked_by_udp(resolver.port, clients[1::2])
            assert figure(resolver, "filterd_tcp_connections") == CONNECTIONS
            assert resolver.ask("there.example", client="127.0.0.9", tcp=True).answer, "and made room for it"
            print(f"measured: {CONNECTIONS} connections in {seconds:.1f} s, {each / 1024:.1f} KiB each")
            print(f"measured: {told('alone', alone)}; {told('beside them', beside)}")
            assert (len(alone), len(beside)) == (QUERIES, QUERIES)
            assert each < 16 * 1024
            dns_part = resolver.settings["dns"]
            assert isinstance(dns_part, dict)
            dns_part["tcp"]["idle"] = 1
            resolver.tell(resolver.settings)
            resolver.wait_for(lambda: figure(resolver, "filterd_tcp_connections") == 0)
            assert ended(resolver, "incomplete") == CONNECTIONS // 2
            assert ended(resolver, "idle") + ended(resolver, "made_room") >= CONNECTIONS // 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def held(resolver: ResolverProcess) -> int:
    """How many files the process has open."""
    return len(list(Path(f"/proc/{resolver.process.pid}/fd").iterdir()))


@pytest.mark.skipif(os.geteuid() != 0, reason="to change another process's limits takes root")
def test_without_a_file_left_it_answers_over_udp_and_accepts_again_later(resolver: ResolverProcess) -> None:
    number = resolver.process.pid
    before = resource.prlimit(number, resource.RLIMIT_NOFILE)
    resource.prlimit(number, resource.RLIMIT_NOFILE, (held(resolver) + 10, before[1]))
    with contextlib.ExitStack() as stack:
        for _ in range(40):  # the kernel takes them all; the process has no files for them
            stack.enter_context(socket.create_connection(("127.0.0.1", resolver.port)))
        deadline = time.monotonic() + 10
        while held(resolver) < resource.prlimit(number, resource.RLIMIT_NOFILE)[0]:
            assert time.monotonic() < deadline
        assert len(asked_by_udp(resolver.port, [])) == QUERIES
        assert resolver.ask("there.example", tcp=True).answer, "the one that was idle longest has made room"
        resource.prlimit(number, resource.RLIMIT_NOFILE, before)
        assert resolver.ask("there.example", tcp=True).answer
        assert figure(resolver, 'filterd_tcp_shortages_total{reason="files"}') > 0
        assert ended(resolver, "made_room") > 0

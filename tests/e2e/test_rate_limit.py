"""A flood from one prefix against a resolver process: it is cut off, and no other client loses an answer."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import pytest

from filterd.policy.classes import FIXED, Classes
from tests.e2e.resolver_process import ResolverProcess, answering, resolver_of, resolver_settings, upstream
from tests.worlds.node import KEY, ScriptedStore, make_store, profile, put_snapshot

pytestmark = pytest.mark.ring("night")

FLOODER = "127.9.9.9"
CLIENTS = [f"127.0.1.{host}" for host in range(1, 51)]
RATE, BURST, TC = 50, 100, 15
SLOW = 1
"""a rate that the slowest machine exceeds"""
WAIT = 15.0
"""seconds after which a query is lost: a busy machine may give a thread no turn for some"""
QUERY = dns.message.make_query("plain.example", "A", use_edns=0).to_wire()


@pytest.fixture
def rate() -> int:
    """Queries per second of the limit."""
    return RATE


@pytest.fixture
def resolver(tmp_path: Path, rate: int) -> Iterator[ResolverProcess]:
    """Ready, with a limit for loopback, and the answer in its cache."""
    loopback = {"prefix": "127.0.0.0/8", "queries_per_second": rate, "burst": BURST}
    store = ScriptedStore(make_store(tmp_path / "filterd.db"))
    with upstream(answering({("plain.example", "A"): ["192.0.2.1"]})) as (port, _):
        made = resolver_of(
            resolver_settings(tmp_path, port, rate_limit={"overrides": [loopback]}), tmp_path / "log"
        )
        keys = tmp_path / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        put_snapshot(tmp_path / "state", 0, Classes(FIXED), {"children": profile("adult")}, ())
        made.start()
        try:
            made.wait_for(lambda: made.get("/readyz")[0] == 200)
            assert made.ask("plain.example").answer
            yield made
        finally:
            made.stop()
            store.close()


def socket_of(client: str, port: int) -> socket.socket:
    """A datagram socket at this address, connected to the resolver."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.bind((client, 0))
    made.connect(("127.0.0.1", port))
    return made


def answers_of(flood: socket.socket) -> tuple[int, int]:
    """What has come to a socket so far: whole answers, and those with TC alone."""
    whole = cut = 0
    flood.setblocking(False)
    while True:
        try:
            truncated = bool(flood.recv(4096)[2] & 0x02)
        except BlockingIOError:
            return whole, cut
        whole, cut = whole + (not truncated), cut + truncated


def answers_of_all(flood: socket.socket, sent: int, resolver: ResolverProcess) -> tuple[int, int]:
    """The answers that came once so many queries from one address are answered or counted as dropped."""
    came: list[tuple[int, int]] = []

    def is_over() -> bool:
        came.append(answers_of(flood))
        return counts(resolver).get(("dropped", "32"), 0) + sum(map(sum, came)) == sent

    resolver.wait_for(is_over)
    return sum(whole for whole, _ in came), sum(cut for _, cut in came)


def test_a_flood_from_one_address_costs_nobody_else_an_answer(resolver: ResolverProcess) -> None:
    began, lost, asked = time.monotonic(), 0, 0
    with socket_of(FLOODER, resolver.port) as flood:
        for client in CLIENTS * 4:
            for _ in range(25):  # twenty-five for each query of everybody else
                flood.send(QUERY)
            asked += 1
            with socket_of(client, resolver.port) as own:
                own.settimeout(WAIT)
                own.send(QUERY)
                try:
                    assert not own.recv(4096)[2] & 0x02
                except TimeoutError:
                    lost += 1
        whole, cut = answers_of_all(flood, 25 * asked, resolver)
    most = BURST + RATE * (time.monotonic() - began) + 1
    print(f"flood: {25 * asked} queries, {whole} answers, {cut} with TC; others: {lost} of {asked} lost")
    assert lost < asked * 0.01
    assert BURST <= whole <= most
    assert TC <= cut <= most - BURST + TC
    counted = counts(resolver)
    assert counted[("truncated", "32")] == cut
    assert counted[("dropped", "32")] == 25 * asked - whole - cut
    assert FLOODER not in resolver.get("/metrics")[1]


def test_forged_addresses_do_not_give_the_flooder_new_bursts(resolver: ResolverProcess) -> None:
    began = time.monotonic()
    with socket_of(FLOODER, resolver.port) as flood:
        for number in range(2000):
            flood.send(QUERY)
            with socket_of(f"127.{20 + number // 250}.{number % 250}.7", resolver.port) as forged:
                forged.settimeout(WAIT)
                forged.send(QUERY)
                assert not forged.recv(4096)[2] & 0x02
        whole, _ = answers_of(flood)
    assert BURST <= whole <= BURST + RATE * (time.monotonic() - began) + 1


def counts(resolver: ResolverProcess) -> dict[tuple[str, str], int]:
    """The samples of filterd_rate_limited_total."""
    pattern = r'^filterd_rate_limited_total\{action="(\w+)",prefix_length="(\d+)"\} (\S+)$'
    return {
        (action, length): int(float(count))
        for action, length, count in re.findall(pattern, resolver.get("/metrics")[1], re.MULTILINE)
    }


def exceed_limit(resolver: ResolverProcess) -> None:
    """Ask one by one until the first answer with TC, or silence."""
    with socket_of(FLOODER, resolver.port) as flood, contextlib.suppress(TimeoutError):
        flood.settimeout(1)
        for _ in range(BURST * 3):
            flood.send(QUERY)
            if flood.recv(4096)[2] & 0x02:
                break


@pytest.mark.parametrize("rate", [SLOW])
def test_who_is_limited_is_served_over_tcp(resolver: ResolverProcess) -> None:
    query = dns.message.make_query("plain.example", "A", use_edns=0)
    tcp = False
    for _ in range(20):  # on a busy machine the limit may have a query to spare again before we ask
        exceed_limit(resolver)
        try:
            reply, tcp = dns.query.udp_with_fallback(
                query, "127.0.0.1", port=resolver.port, source=FLOODER, timeout=2
            )
        except dns.exception.Timeout:
            continue  # the answers with TC are limited as well: a client asks again
        if tcp:
            break
    assert tcp
    assert reply.answer
    assert not reply.flags & dns.flags.TC


def test_new_limits_hold_without_a_restart(resolver: ResolverProcess, tmp_path: Path) -> None:
    settings = json.loads(json.dumps(resolver.settings))
    for override in settings["dns"]["rate_limit"]["overrides"]:
        override["queries_per_second"] = 0
    resolver.tell(settings)
    resolver.wait_for(lambda: "new settings in force" in resolver.log.read_text())
    with socket_of(FLOODER, resolver.port) as own:
        own.settimeout(WAIT)
        for _ in range(BURST * 3):
            own.send(QUERY)
            assert not own.recv(4096)[2] & 0x02
    assert counts(resolver) == {}

"""Addresses of the machine that come and go while the resolver serves, and answers that leave from the one
that was asked. In a network of the test's own."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from functools import partial
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest

from filterd.policy.classes import FIXED, Classes
from tests.e2e.authority import free_port
from tests.e2e.resolver_process import (
    ResolverProcess,
    Script,
    answering,
    resolver_of,
    resolver_settings,
    upstream,
)
from tests.worlds.network_namespace import in_own_network, interface, ip
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot

EVERYONE = ["0.0.0.0/0", "::/0"]


@contextlib.contextmanager
def serving(folder: Path, listen: list[str], script: Script | None = None) -> Iterator[ResolverProcess]:
    """A resolver on these addresses (``*`` stands for the port), ready."""
    port = free_port()
    store = contextlib.closing(ScriptedStore(make_store(folder / "filterd.db")))
    with upstream(script or answering({("there.example", "A"): ["192.0.2.99"]})) as (forward, _), store:
        addresses = [each.replace("*", str(port)) for each in listen]
        settings = resolver_settings(folder, forward, listen=addresses, allow_from=EVERYONE)
        made = resolver_of(settings, folder / "log")
        keys = folder / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        put_snapshot(folder / "state", 0, Classes(FIXED), {}, [])
        made.start()
        try:
            made.wait_for(lambda: made.get("/readyz")[0] == 200)
            yield made
            assert made.process.poll() is None, "nothing of this ends a resolver"
        finally:
            code = made.stop()
        assert code == 0


def where(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """The socket address."""
    parsed = ip_address(address)
    if not isinstance(parsed, IPv6Address):
        return address, port
    scope = socket.if_nametoindex(parsed.scope_id) if parsed.scope_id else 0
    return address.partition("%")[0], port, 0, scope


def asked_by_udp(address: str, port: int, name: str = "there.example") -> dns.message.Message | None:
    """The answer of this address and of no other; None: none came."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        try:
            client.sendto(dns.message.make_query(name, "A").to_wire(), where(address, port))
            packet, source = client.recvfrom(65535)
        except OSError:
            return None
    assert source == where(address, port), "an answer from an address that was not asked"
    return dns.message.from_wire(packet)


def asked_by_tcp(address: str, port: int) -> dns.message.Message | None:
    """The same over TCP."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        try:
            client.connect(where(address, port))
            query = dns.message.make_query("there.example", "A")
            dns.query.send_tcp(client, query, None)
            return dns.query.receive_tcp(client, None)[0]
        except OSError:
            return None


def answers(address: str, port: int) -> bool:
    """True if the address answers over both."""
    return None not in (asked_by_udp(address, port), asked_by_tcp(address, port))


def absent(resolver: ResolverProcess) -> int:
    """How many of its addresses no interface has."""
    lines = resolver.get("/metrics")[1].splitlines()
    (found,) = [line for line in lines if line.startswith('filterd_listen_addresses{state="absent"}')]
    return int(float(found.rsplit(" ", 1)[1]))


def test_a_wildcard_answers_from_the_address_that_was_asked(tmp_path: Path) -> None:
    def body() -> None:
        own = [f"192.0.2.{n}" for n in range(1, 21)] + [f"2001:db8::{n:x}" for n in range(1, 21)]
        interface("here0")
        for address in own:
            ip("address", "add", address, "dev", "here0", *(["nodad"] if ":" in address else []))
        ip("address", "add", "fe80::53/64", "dev", "here0", "nodad")
        with serving(tmp_path, ["0.0.0.0:*", "[::]:*"]) as resolver:
            for address in (*own, "127.0.0.1", "127.0.0.77", "::1", "fe80::53%here0"):
                assert answers(address, resolver.port), address
            assert asked_by_udp("192.0.2.4", resolver.port, "not.there.example") is not None
            ip("address", "add", "198.51.100.1", "dev", "here0")
            ip("address", "del", "192.0.2.4/32", "dev", "here0")
            assert answers("198.51.100.1", resolver.port), "one that came later"
            assert asked_by_udp("192.0.2.4", resolver.port) is None
            assert answers("192.0.2.5", resolver.port)

    in_own_network(body)


def test_an_address_that_is_not_there_is_served_once_it_is(tmp_path: Path) -> None:
    late = ["192.0.2.7", "2001:db8::7", "fe80::7%late0"]

    def appear() -> None:
        interface("late0")
        for address in late:
            plain = address.partition("%")[0]
            ip("address", "add", plain + ("/64" if ":" in plain else ""), "dev", "late0")

    def body() -> None:
        listen = ["127.0.0.1:*", "192.0.2.7:*", "[2001:db8::7]:*", "[fe80::7%late0]:*"]
        with serving(tmp_path, listen) as resolver:
            assert absent(resolver) == 3
            for _ in range(2):
                appear()
                for address in late:
                    resolver.wait_for(partial(answers, address, resolver.port))
                resolver.wait_for(lambda: absent(resolver) == 0)
                ip("link", "del", "late0")
                resolver.wait_for(lambda: absent(resolver) == 3)
                assert answers("127.0.0.1", resolver.port)
        events = [json.loads(line) for line in Path(resolver.log).read_text().splitlines()]
        told = [each["event"] for each in events if each.get("listen") == f"192.0.2.7:{resolver.port}"]
        came, went = "an interface has a listen address now", "no interface has a listen address any more"
        assert told[1:] == [came, went, came, went]
        assert told[0].startswith("no interface has a listen address yet")

    in_own_network(body)


@pytest.mark.parametrize("listen", ["0.0.0.0:*", "127.0.0.1:*"])
def test_an_answer_without_a_way_back_ends_no_listener(tmp_path: Path, listen: str) -> None:
    asked, gone = threading.Event(), threading.Event()
    known = answering({("there.example", "A"): ["192.0.2.99"]})

    def script(query: dns.message.Message) -> dns.message.Message:
        if query.question[0].name.to_text().lower().startswith("late"):
            asked.set()
            gone.wait(10)
        return known(query)

    def body() -> None:
        with serving(tmp_path, [listen], script) as resolver:
            interface("away0")
            ip("address", "add", "203.0.113.1/32", "dev", "away0")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.bind(("203.0.113.1", 0))
                wire = dns.message.make_query("late.there.example", "A").to_wire()
                client.sendto(wire, ("127.0.0.1", resolver.port))
                assert asked.wait(10)
                ip("link", "del", "away0")
                gone.set()
                not_sent = 'filterd_drops_total{reason="not_sent"} 1.0'
                resolver.wait_for(lambda: not_sent in resolver.get("/metrics")[1])
            reply = asked_by_udp("127.0.0.1", resolver.port)
            assert reply is not None
            assert reply.rcode() == dns.rcode.NOERROR

    in_own_network(body)

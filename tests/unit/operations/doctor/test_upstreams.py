"""Upstreams that are silent, unwilling, not validating, ourselves, or without a valid certificate."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rrset
import pytest

from filterd.operations.doctor import dns_probe, upstreams
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.processes import Process
from tests.e2e.authority import free_port
from tests.e2e.resolver_process import upstream
from tests.worlds.certificates import Authority
from tests.worlds.findings import ids, values
from tests.worlds.pages import serving

WITH_CASE = Callable[..., Case]
BEFORE = {"upstreams.one", "upstreams.no_tcp"}
"""of a single server over UDP alone, as most of these tests have it"""


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_probe, "UDP_SECONDS", 0.3)
    monkeypatch.setattr(dns_probe, "STREAM_SECONDS", 1.0)


def server(
    *, flags: int = 0, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, identity: str = ""
) -> Callable[[dns.message.Message], dns.message.Message]:
    """The script of a server with these flags and this code; it tells its identity where it has one."""

    def script(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query, recursion_available=True)
        reply.flags |= flags
        reply.set_rcode(rcode)
        if identity and query.question[0].rdclass == dns.rdataclass.CH:
            reply.answer.append(dns.rrset.from_text("id.server.", 0, "CH", "TXT", identity))
        return reply

    return script


def without_edns() -> Callable[[dns.message.Message], dns.message.Message]:
    """The script of a server of before EDNS. Seen: it served the resolver, and counted as no upstream."""

    def script(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query, recursion_available=True)
        if query.edns >= 0:
            reply.set_rcode(dns.rcode.FORMERR)
            reply.use_edns(False)
        return reply

    return script


def slow() -> Callable[[dns.message.Message], dns.message.Message]:
    """The script of a server on a machine that is busy: each answer takes longer than the first wait."""

    def script(query: dns.message.Message) -> dns.message.Message:
        time.sleep(1.4 * dns_probe.UDP_SECONDS)
        return dns.message.make_response(query, recursion_available=True)

    return script


def look(case: Case) -> set[str]:
    """The ids beside those that a single server over UDP always has."""
    return set(ids(upstreams.check(case))) - BEFORE


@pytest.mark.parametrize(
    ("answers", "trusted", "told"),
    [
        (server(), False, set()),
        (server(flags=dns.flags.AD), True, set()),
        (server(), True, {"upstreams.not_validating"}),
        (server(flags=dns.flags.AD), False, {"upstreams.validates"}),
        (server(rcode=dns.rcode.REFUSED), False, {"upstreams.refuses", "upstreams.none"}),
        (server(rcode=dns.rcode.FORMERR), False, {"upstreams.refuses", "upstreams.none"}),
        (without_edns(), False, set()),
        (server(identity="resolver-1"), False, {"upstreams.loop", "upstreams.none"}),
        (server(identity="resolver-2"), False, set()),
        (slow(), False, set()),
    ],
)
def test_what_a_server_answers(
    with_settings: WITH_CASE, answers: Callable[..., dns.message.Message], trusted: bool, told: set[str]
) -> None:
    with upstream(answers) as (port, _):
        entry = {"address": f"127.0.0.1:{port}", "trusted": trusted}
        assert look(with_settings(dns={"upstreams": [entry]})) == told


def test_a_server_that_is_silent(with_settings: WITH_CASE) -> None:
    with upstream(server()) as (port, _), socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        lost = f"127.0.0.1:{silent.getsockname()[1]}"
        beside = look(with_settings(dns={"upstreams": [f"127.0.0.1:{port}", lost]}))
        alone = look(with_settings(dns={"upstreams": [lost]}))
    assert beside == {"upstreams.silent"}
    assert alone == {"upstreams.silent", "upstreams.none"}


def test_a_server_without_tcp_and_one_alone(with_settings: WITH_CASE) -> None:
    with upstream(server()) as (port, _):
        found = ids(upstreams.check(with_settings(dns={"upstreams": [f"127.0.0.1:{port}"]})))
    assert found == ["upstreams.one", "upstreams.no_tcp"]


def test_servers_that_nobody_wrote_down(with_settings: WITH_CASE) -> None:
    with upstream(server()) as (port, _):
        case = with_settings(dns={"upstreams": [f"127.0.0.1:{port}"]})
        assert look(replace(case, written=frozenset())) == {"upstreams.guessed"}


def test_a_loop_that_the_running_resolver_has_found(with_settings: WITH_CASE, resolver: Process) -> None:
    text = 'filterd_upstream_loops{upstream="192.0.2.9:53"} 1.0\nfilterd_upstream_loops{upstream="x"} 0.0\n'
    with upstream(server()) as (port, _), serving({"/metrics": (200, text)}) as page:
        listen = {"listen": f"127.0.0.1:{page}"}
        case = with_settings(dns={"upstreams": [f"127.0.0.1:{port}"]}, metrics=listen)
        found = values(upstreams.check(replace(case, roles={"resolver": resolver})), "upstreams.loop_seen")
    assert found == {"upstream": "192.0.2.9:53"}


@contextmanager
def over_tls(context: ssl.SSLContext) -> Iterator[int]:
    """A server over TLS that answers every question; its port."""
    port, loop, ready = free_port(), asyncio.new_event_loop(), threading.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while size := await reader.readexactly(2):
                query = dns.message.from_wire(await reader.readexactly(int.from_bytes(size)))
                wire = server()(query).to_wire()
                writer.write(len(wire).to_bytes(2) + wire)
        except asyncio.IncompleteReadError:
            writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", port, ssl=context):
            ready.set()
            await end.wait()

    end = asyncio.Event()
    loop.set_exception_handler(lambda *_: None)  # handshakes that the doctor refuses
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@pytest.mark.parametrize(
    ("named", "lasts", "told"),
    [
        ("dns.example", timedelta(days=90), set()),
        ("dns.example", timedelta(days=3), {"upstreams.expiring"}),
        ("other.example", timedelta(days=90), {"upstreams.certificate", "upstreams.none"}),
        ("dns.example", timedelta(hours=-1), {"upstreams.certificate", "upstreams.none"}),
    ],
)
def test_certificates(
    with_settings: WITH_CASE, tmp_path: Path, named: str, lasts: timedelta, told: set[str]
) -> None:
    import time

    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    with over_tls(authority.server(tmp_path, named, lasts=lasts)) as port:
        tls = {"name": "dns.example", "ca": str(tmp_path / "ca.pem")}
        case = with_settings(dns={"upstreams": [{"address": f"127.0.0.1:{port}", "tls": tls}]})
        assert look(replace(case, machine=replace(case.machine, clock=time.time))) == told

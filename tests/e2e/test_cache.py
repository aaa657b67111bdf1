"""The response cache behind real sockets: what upstreams slip in, slow upstreams, and flushing."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.edns
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from filterd.policy.classes import FIXED, Classes
from tests.e2e.deployment import FILTERD
from tests.e2e.resolver_process import ResolverProcess, resolver_of, resolver_settings, upstream
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot

VICTIM = "bank.test."
EVIL = "192.0.2.66"


@dataclass
class Poisoner:
    """Answers each A with 192.0.2.1 for ``ttl`` seconds, and tells lies about a name nobody asked for.

    While ``silent`` is set, its answers are nobody's.
    """

    ttl: int = 600
    silent: threading.Event = field(default_factory=threading.Event)

    def __call__(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query, recursion_available=True)
        name = query.question[0].name
        if self.silent.is_set():
            reply.id ^= 1
        reply.answer.append(dns.rrset.from_text(name, self.ttl, "IN", "A", "192.0.2.1"))
        if name.to_text().lower() == VICTIM:
            return reply
        reply.answer.insert(0, dns.rrset.from_text(VICTIM, 86400, "IN", "A", EVIL))
        reply.authority += [
            dns.rrset.from_text("test.", 86400, "IN", "NS", "ns.evil.example."),
            dns.rrset.from_text("example.", 86400, "IN", "NS", "ns.example."),
        ]
        reply.additional += [
            dns.rrset.from_text("ns.evil.example.", 86400, "IN", "A", EVIL),
            dns.rrset.from_text("ns.example.", 86400, "IN", "A", "192.0.2.53"),
            dns.rrset.from_text(VICTIM, 86400, "IN", "A", EVIL),
        ]
        return reply


@dataclass
class Running:
    resolver: ResolverProcess
    script: Poisoner
    asked: list[str]
    folder: Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A resolver alone, with nothing to block."""
    folder = tmp_path_factory.mktemp("cache")
    script = Poisoner()
    with (
        upstream(script) as (port, asked),
        contextlib.closing(ScriptedStore(make_store(folder / "filterd.db"))),
    ):
        made = resolver_of(resolver_settings(folder, port), folder / "log")
        keys = folder / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        put_snapshot(folder / "state", 0, Classes(FIXED), {}, [])
        made.start()
        made.wait_for(lambda: made.get("/readyz")[0] == 200)
        yield Running(made, script, asked, folder)
        assert made.stop() == 0


def texts(section: list[dns.rrset.RRset]) -> list[str]:
    """One line for each record, in lower case: names take over the letter case that the upstream saw."""
    kinds = [(rrset, dns.rdatatype.to_text(rrset.rdtype)) for rrset in section]
    return [
        f"{str(rrset.name).lower()} {kind} {str(data).lower()}" for rrset, kind in kinds for data in rrset
    ]


def codes(message: dns.message.Message) -> list[int]:
    return [int(option.code) for option in message.options if isinstance(option, dns.edns.EDEOption)]


@pytest.mark.parametrize("tcp", [False, True])
def test_what_an_upstream_slips_in_is_neither_answered_nor_kept(running: Running, tcp: bool) -> None:
    name = f"{'tcp' if tcp else 'udp'}.poisoned.example"
    for _ in range(2):
        reply = running.resolver.ask(name, tcp=tcp)
        assert texts(reply.answer) == [f"{name}. A 192.0.2.1"]
        assert (reply.authority, reply.additional) == ([], [])
    assert running.asked.count(name) == 1
    assert texts(running.resolver.ask("bank.test", tcp=tcp).answer) == ["bank.test. A 192.0.2.1"]


def test_silent_upstreams_cost_a_client_the_stale_answer_s_delay(running: Running) -> None:
    running.script.ttl = 1
    running.resolver.ask("www.stale.example")
    running.script.ttl = 600
    running.script.silent.set()

    def is_stale() -> bool:
        reply = running.resolver.ask("www.stale.example")
        return codes(reply) == [3] and reply.answer[0].ttl == 30

    running.resolver.wait_for(is_stale)
    running.script.silent.clear()
    assert running.resolver.ask("www.other.example").answer


def test_an_operator_s_flush_needs_the_resolver_alone(running: Running) -> None:
    def flush(*words: str) -> int:
        """Run the command as an operator does; how many answers went."""
        command = [*FILTERD, "cache", "flush", *words, "--json", "--config", str(config)]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        return int(json.loads(done.stdout)["removed"])

    config = running.folder / "filterd.yaml"
    config.write_text(f"state_dir: {running.folder / 'state'}\n")
    names = ["flush.example", "a.flush.example", "b.flush.example", "kept.example"]
    for name in names:
        running.resolver.ask(name)
    assert [flush("A.flush.example"), flush("flush.example", "--subtree"), flush("unknown.example")] == [
        1,
        2,
        0,
    ]
    for name in names:
        running.resolver.ask(name)
    assert [running.asked.count(name) for name in names] == [2, 2, 2, 1]
    assert flush() >= 4
    running.resolver.ask("kept.example")
    assert running.asked.count("kept.example") == 2
    log = (running.folder / "log").read_text()
    assert "flush.example" not in log

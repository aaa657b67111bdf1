"""A resolver process, asked over real sockets: blocking, forwarding, readiness, damage, and starting from
disk."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from filterd.config.settings import MOST_THREADS
from filterd.model.changelog import BindingChange, LineChange, OrderChange
from filterd.model.line import LineChoices, OwnName
from filterd.model.mandatory import FIRST_ORDER_ID
from filterd.model.rule import Action, Scope
from filterd.model.verdict import Kind
from filterd.policy.build import MANDATORY_TARGET
from filterd.policy.classes import FIXED, Classes, ListClass
from tests.e2e.resolver_process import ResolverProcess, answering, resolver_of, resolver_settings, upstream
from tests.worlds.node import KEY, ScriptedStore, make_store, profile, put_snapshot

ADULT = 8
CLASSES = Classes(
    (*FIXED, ListClass("adult-list", Kind.CATEGORY, ADULT, category="adult"), ListClass("interpol", None, 0))
)
RULES = (
    ("localhost", 0),
    ("adult.example", ADULT),
    ("worst.example", MANDATORY_TARGET),
)
PROFILES = {"children": profile("adult")}
RECORDS = {
    ("plain.example", "A"): ["192.0.2.1"],
    ("plain.example", "AAAA"): ["2001:db8::1"],
    ("cloaked.example", "CNAME"): ["cdn.adult.example."],
    ("cdn.adult.example", "A"): ["192.0.2.2"],
    ("adult.example", "A"): ["192.0.2.3"],
    ("worst.example", "A"): ["192.0.2.4"],
    ("long.example", "TXT"): [f'"{"x" * 250}" "{number}"' for number in range(4)],
}
CHILD, OTHER = "127.0.0.2", "127.0.0.4"
ORDER = OrderChange(FIRST_ORDER_ID + 1, "1", (("ordered.example", Scope.SUBTREE),))


@dataclass
class Running:
    """A resolver with its store and what its upstream was asked."""

    resolver: ResolverProcess
    store: ScriptedStore
    asked: list[str]
    directory: Path

    @property
    def node(self) -> Path:
        """The node's own files."""
        return self.directory / "state" / "node"

    def metric(self, name: str) -> float:
        """The value of one sample."""
        _, text = self.resolver.get("/metrics")
        return float(
            next(line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(name + " "))
        )


def codes(reply: dns.message.Message) -> list[int]:
    """The extended errors of an answer."""
    return [int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)]


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Running]:
    """Not started: a store without changes, a snapshot, an upstream that knows RECORDS."""
    store = ScriptedStore(make_store(tmp_path / "filterd.db"))
    with upstream(answering(RECORDS)) as (port, asked):
        resolver = resolver_of(resolver_settings(tmp_path, port), tmp_path / "log")
        keys = tmp_path / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        put_snapshot(tmp_path / "state", 0, CLASSES, PROFILES, RULES)
        yield Running(resolver, store, asked, tmp_path)
        resolver.stop()
    store.close()


@pytest.fixture
def running(prepared: Running) -> Running:
    """Started and ready, with one child's line at 127.0.0.2."""
    prepared.resolver.start()
    prepared.resolver.wait_for(lambda: prepared.resolver.get("/readyz")[0] == 200)
    own = (OwnName("mine.example", Action.BLOCK),)
    choices = LineChoices(1, opted_in=True, profile="children", own_names=own)
    prepared.store.write(LineChange(choices), BindingChange(f"{CHILD}/32", 1))
    prepared.resolver.wait_for(lambda: prepared.metric("filterd_node_lines") == 1)
    return prepared


def test_both_families_and_both_transports_answer(running: Running) -> None:
    for tcp in (False, True):
        assert running.resolver.ask("plain.example", tcp=tcp).answer[0][0].to_text() == "192.0.2.1"
    query = dns.message.make_query("plain.example", "AAAA")
    assert dns.query.udp(query, "::1", port=running.resolver.port, timeout=5).answer
    assert dns.query.tcp(query, "::1", port=running.resolver.port, timeout=5).answer
    assert running.asked == ["plain.example", "plain.example"]


def test_who_is_blocked_and_why(running: Running) -> None:
    ask = running.resolver.ask
    assert codes(ask("worst.example", client=CHILD)) == codes(ask("worst.example", client=OTHER)) == [16]
    assert codes(ask("www.adult.example", client=CHILD, do=True)) == [17]
    assert codes(ask("cloaked.example", client=CHILD)) == [17]
    assert ask("cloaked.example", client=OTHER).answer
    assert codes(ask("mine.example", client=CHILD)) == [17]
    assert ask("adult.example", client=OTHER).answer[0][0].to_text() == "192.0.2.3"


def test_a_long_answer_is_cut_over_udp_and_whole_over_tcp(running: Running) -> None:
    query = dns.message.make_query("long.example", "TXT")  # without EDNS: 512 bytes
    cut = dns.query.udp(query, "127.0.0.1", port=running.resolver.port, timeout=5)
    assert cut.flags & dns.flags.TC
    assert not cut.answer
    assert len(running.resolver.ask("long.example", "TXT", tcp=True).answer[0]) == 4


def test_pipelined_queries_on_one_connection(running: Running) -> None:
    names = ["plain.example", "worst.example", "adult.example", "nothing.example"]
    queries = [dns.message.make_query(name, "A") for name in names]
    with socket.create_connection(("127.0.0.1", running.resolver.port), timeout=5) as connection:
        connection.sendall(b"".join(len(w := q.to_wire()).to_bytes(2, "big") + w for q in queries))
        replies = {}
        for _ in queries:
            reply, _ = dns.query.receive_tcp(connection, expiration=time.time() + 5)
            replies[reply.id] = reply
    assert all(replies[query.id].question == query.question for query in queries)


def test_an_order_and_a_change_are_in_effect_at_once(running: Running) -> None:
    resolver = running.resolver
    assert resolver.ask("ordered.example").rcode() == dns.rcode.NXDOMAIN
    running.store.write(ORDER, at=time.time())
    resolver.wait_for(lambda: codes(resolver.ask("ordered.example")) == [16], seconds=1)
    assert running.metric("filterd_order_enforcement_seconds_count") == 1
    running.store.write(LineChange(LineChoices(1, profile="children")))
    resolver.wait_for(lambda: bool(resolver.ask("adult.example", client=CHILD).answer), seconds=1)


def test_not_ready_before_the_mandatory_rules_are_loaded(prepared: Running) -> None:
    shutil.rmtree(prepared.directory / "state" / "snapshots")
    prepared.resolver.start()
    assert codes(prepared.resolver.ask("plain.example")) == [14]
    status, text = prepared.resolver.get("/readyz")
    assert status == 503
    assert "no policy snapshot" in text
    assert prepared.resolver.get("/healthz")[0] == 200
    put_snapshot(prepared.directory / "state", 0, CLASSES, PROFILES, RULES)
    prepared.resolver.wait_for(lambda: prepared.resolver.get("/readyz")[0] == 200)
    assert prepared.resolver.ask("plain.example").answer


def test_killed_and_started_again_without_the_store(running: Running) -> None:
    running.store.write(ORDER)
    resolver = running.resolver
    resolver.wait_for(lambda: codes(resolver.ask("ordered.example")) == [16])
    resolver.kill()
    (running.directory / "filterd.db").rename(running.directory / "away.db")
    began = time.monotonic()
    resolver.start()
    print(f"first answer {time.monotonic() - began:.2f} s after exec")
    assert codes(resolver.ask("ordered.example")) == [16]
    assert codes(resolver.ask("worst.example", client=OTHER)) == [16]
    assert codes(resolver.ask("adult.example", client=CHILD)) == [17]
    assert codes(resolver.ask("mine.example", client=CHILD)) == [17]
    assert resolver.ask("adult.example", client=OTHER).answer
    status, said = resolver.get("/readyz")
    assert (status, "the store was not read since the start" in said) == (503, True)
    (running.directory / "away.db").rename(running.directory / "filterd.db")
    resolver.wait_for(lambda: resolver.get("/readyz")[0] == 200)


def _damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def test_a_damaged_mandatory_part_answers_nothing_until_read_anew(running: Running) -> None:
    resolver = running.resolver
    resolver.kill()
    _damage(running.node / "mandatory.checkpoint")
    store, away = running.directory / "filterd.db", running.directory / "away.db"
    store.rename(away)
    resolver.start()
    for client in (CHILD, OTHER):
        assert codes(resolver.ask("plain.example", client=client)) == [14]
    assert resolver.get("/readyz")[0] == 503
    assert 'filterd_node_state_damage_total{part="mandatory"} 1.0' in resolver.get("/metrics")[1]
    away.rename(store)
    resolver.wait_for(lambda: bool(resolver.ask("plain.example", client=OTHER).answer))
    assert resolver.get("/readyz")[0] == 200


@pytest.mark.parametrize("fail", ["closed", "open"])
def test_a_damaged_parental_part_is_for_known_lines_alone(running: Running, fail: str) -> None:
    resolver = running.resolver
    resolver.kill()
    _damage(running.node / "parental.checkpoint")
    (running.directory / "filterd.db").unlink()
    settings = json.loads(json.dumps(running.resolver.settings))
    settings["dns"]["parental_fail"] = fail
    resolver.settings = settings
    resolver.start()
    assert resolver.ask("plain.example", client=OTHER).answer
    assert codes(resolver.ask("worst.example", client=OTHER)) == [16]
    assert codes(resolver.ask("plain.example", client=CHILD)) == ([14] if fail == "closed" else [])
    assert resolver.get("/readyz")[0] == 503


def test_a_corrupt_snapshot_is_refused_and_serving_goes_on(running: Running) -> None:
    put_snapshot(running.directory / "state", 1, CLASSES, PROFILES, (), spoil=lambda data: data[:-9])
    running.resolver.wait_for(
        lambda: (
            'filterd_snapshots_refused_total{reason="truncated"} 1.0' in running.resolver.get("/metrics")[1]
        )
    )
    assert codes(running.resolver.ask("worst.example")) == [16]


def test_a_reload_changes_what_it_can_and_a_bad_one_nothing(running: Running) -> None:
    resolver = running.resolver
    settings = json.loads(json.dumps(resolver.settings))
    settings["dns"]["allow_from"] = ["127.0.0.2/32"]
    resolver.tell({"dns": "nonsense"})
    resolver.tell(settings)
    resolver.wait_for(lambda: resolver.ask("plain.example").rcode() == dns.rcode.REFUSED)
    assert codes(resolver.ask("plain.example")) == [18]
    assert resolver.ask("plain.example", client=CHILD).answer
    assert "not readable" in resolver.log.read_text()


def test_so_many_threads_as_configured_answer_and_another_number_takes_a_restart(running: Running) -> None:
    resolver = running.resolver
    assert running.metric("filterd_fast_threads") == min(len(os.sched_getaffinity(0)), MOST_THREADS)
    assert resolver.stop() == 0
    settings = json.loads(json.dumps(resolver.settings))
    settings["dns"]["threads"] = 3
    resolver.settings = settings
    resolver.start()
    assert running.metric("filterd_fast_threads") == 3
    more = json.loads(json.dumps(settings))
    more["dns"]["threads"] = 5
    resolver.tell(more)
    resolver.wait_for(lambda: "restart for dns.threads" in resolver.log.read_text())
    assert running.metric("filterd_fast_threads") == 3
    assert resolver.ask("plain.example").answer


def test_the_process_is_free_of_the_control_plane_and_its_log_of_names(running: Running) -> None:
    resolver = running.resolver
    resolver.kill()
    resolver.python = (
        "-X",
        "importtime",
    )  # every import is then a line on standard error, whenever it happens
    resolver.start()
    resolver.ask("worst.example")
    resolver.ask("secret-name.example", client=CHILD)
    resolver.get("/metrics")
    assert resolver.stop() == 0
    text = resolver.log.read_text()
    assert " filterd.dataplane.packet.stages\n" in text
    for library in ("pydantic", "sqlalchemy", "fastapi", "aiosqlite", "click", "rich"):
        assert f" {library}\n" not in text
    for word in ("worst", "secret-name", "plain.example", "127.0.0.2"):
        assert word not in text


def test_an_address_in_use_is_said_with_an_exit_code_of_its_own(running: Running) -> None:
    line = json.dumps(running.resolver.settings).encode() + b"\n"
    command = [sys.executable, "-m", "filterd.serve.resolver"]
    second = subprocess.run(command, input=line, capture_output=True, timeout=20, check=False)
    assert second.returncode == 3
    assert b"cannot start" in second.stderr

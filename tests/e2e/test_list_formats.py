"""dnsmasq and Unbound themselves say which names a configuration blocks: the parsers must say the same.

Each program runs on loopback with the configuration as its own, and a server above it that gives every name
an address. A name that does not get this address is blocked.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.rrset
import pytest

from filterd.config.policies import icann_suffixes
from filterd.feed.parsing import ParseReport
from filterd.feed.reading import Form, read_list
from filterd.feed.rules import collect
from filterd.model.rule import NameRule, Scope
from filterd.policy.canonical import wire_of
from filterd.policy.documents import Format
from filterd.policy.fingerprint_reference import suffix_fingerprints
from filterd.policy.snapshot_reference import RuleTable, match_name
from tests.e2e.authority import free_port, running
from tests.fronts.servers import program

OPEN = "192.0.2.99"
KEY = bytes(range(16))

DNSMASQ = """\
# a list
address=/nul.example/#
address=/zero.example/zero2.example/0.0.0.0
address=/none.example/
local=/local.example/   # a comment
server=/served.example/
server=/open.nul.example/#
address=/*.below.example/#
address=/sent.nul.example/192.0.2.99
address=/sent.example/192.0.2.99
address=/.dotted.example/#
address=/Upper.Example/#
"""
UNBOUND = """\
server:
local-zone: "nx.example" always_nxdomain
local-zone: "null.example." always_null # why
local-zone: 'refused.example' refuse
\tlocal-zone: static.example static
local-data: "in.static.example A 192.0.2.99"
local-data: "in.nx.example A 192.0.2.99"
local-zone: "redirect.example" redirect
local-data: "redirect.example A 0.0.0.0"
local-zone: "elsewhere.example" redirect
local-data: "elsewhere.example A 192.0.2.99"
local-data: "alone.example A 0.0.0.0"
local-zone: "open.nx.example" transparent
local-zone: "nodata.example" always_nodata
"""


@contextlib.contextmanager
def open_server() -> Iterator[int]:
    """A server that gives every name the address ``OPEN``; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(server,))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", server.getsockname())
            thread.join()


def _serve(server: socket.socket) -> None:
    while True:
        packet, client = server.recvfrom(4096)
        if not packet:
            return
        query = dns.message.from_wire(packet)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if query.question[0].rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", OPEN))
        server.sendto(answer.to_wire(), client)


def is_open(name: str, port: int) -> bool:
    """True if the name gets its address."""
    try:
        answer = dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=port, timeout=5)
    except dns.exception.Timeout:
        return False
    return any(OPEN in rrset.to_text() for rrset in answer.answer)


def rules_of(path: Path, form: Format) -> list[NameRule]:
    found = read_list(path, Form(form, form.default_scope), icann_suffixes(), ParseReport())
    return list(collect(found).rules())


def disagreements(rules: list[NameRule], port: int) -> list[str]:
    """The names of which the program and the matcher's readable twin say different things."""
    table = RuleTable(
        (suffix_fingerprints(KEY, wire_of(rule.name))[0], 9, rule.scope, rule.action) for rule in rules
    )
    names = {f"{above}{rule.name}" for rule in rules for above in ("", "www.", "a.b.")}
    names |= {f"not{rule.name}" for rule in rules} | {"open.example", "example"}
    names |= {"sent.example", "in.nx.example", "elsewhere.example"}
    wrong = []
    for name in sorted(names):
        blocked = 9 in match_name(table, None, KEY, wire_of(name), b"").bits
        if blocked == is_open(name, port):
            wrong.append(name)
    return wrong


@pytest.mark.system("dnsmasq")
def test_dnsmasq_blocks_the_same_names(tmp_path: Path) -> None:
    config = tmp_path / "list.conf"
    config.write_text(DNSMASQ)
    rules = rules_of(config, Format.DNSMASQ)
    assert len(rules) == 11
    port = free_port()
    with open_server() as upstream:
        words = [
            program("dnsmasq"), "--keep-in-foreground", f"--port={port}", "--listen-address=127.0.0.1",
            "--bind-interfaces", "--no-resolv", "--no-hosts", f"--server=127.0.0.1#{upstream}", "--user=",
            f"--conf-file={config}", "--pid-file=",
        ]  # fmt: skip
        with running(words, port, "open.example", tmp_path / "log"):
            assert disagreements(rules, port) == []


@pytest.mark.system("unbound")
def test_unbound_blocks_the_same_names(tmp_path: Path) -> None:
    config = tmp_path / "list.conf"
    config.write_text(UNBOUND)
    rules = rules_of(config, Format.UNBOUND)
    assert {rule.scope for rule in rules} == {Scope.EXACT, Scope.SUBTREE}
    assert len(rules) == 9
    port = free_port()
    with open_server() as upstream:
        (tmp_path / "unbound.conf").write_text(
            f'server:\n  interface: 127.0.0.1\n  port: {port}\n  username: ""\n  chroot: ""\n'
            f'  directory: "{tmp_path}"\n  pidfile: ""\n  use-syslog: no\n  module-config: "iterator"\n'
            "  do-not-query-localhost: no\n  num-threads: 1\n"
            f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{upstream}\ninclude: "{config}"\n'
        )
        words = [program("unbound"), "-d", "-c", str(tmp_path / "unbound.conf")]
        with running(words, port, "open.example", tmp_path / "log"):
            assert disagreements(rules, port) == []

"""Encrypted Client Hello through a resolver process: out of the answers of the lines whose policy says so."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from filterd.model.changelog import BindingChange, LineChange
from filterd.model.line import LineChoices
from filterd.policy.classes import FIXED, Classes
from filterd.policy.resolve import ProfileRules, to_meta
from tests.e2e.resolver_process import (
    ResolverProcess,
    Script,
    answering,
    resolver_of,
    resolver_settings,
    upstream,
)
from tests.worlds.node import KEY, ScriptedStore, make_store, put_snapshot

STRIPPED, PLAIN, ANYBODY = "127.0.0.2", "127.0.0.3", "127.0.0.4"
KEYS = "AAz+DQAIZWNoLWtleXM="
MANY = "AWj+DQFk" + "ZWNoLWtl" * 59 + "ZWM="
"""356 bytes of it"""
STALE, FORGED = 3, 4
USUAL = f'1 . alpn="h2,h3" ipv4hint="192.0.2.1" ech="{KEYS}"'
BARE = '1 . alpn="h2,h3" ipv4hint="192.0.2.1"'
RECORDS = {
    ("usual.example", "HTTPS"): [USUAL],
    ("usual.example", "SVCB"): [USUAL],
    ("usual.example", "A"): ["192.0.2.1"],
    ("signed.example", "HTTPS"): [USUAL],
    ("none.example", "HTTPS"): [BARE],
    ("alias.example", "CNAME"): ["usual.example."],
    ("required.example", "HTTPS"): [f'1 . mandatory="ech" ech="{KEYS}"'],
    ("long.example", "HTTPS"): [f'{n} . alpn="h{n}" ech="{MANY}"' for n in (1, 2)],
    ("soon.example", "HTTPS"): [USUAL],
}


class Upstream:
    """The records, signed where DNSSEC is asked for; or a failure."""

    def __init__(self) -> None:
        self.fails = False
        self.known, self.brief = answering(RECORDS), answering(RECORDS, ttl=1)

    def __call__(self, query: dns.message.Message) -> dns.message.Message:
        name = query.question[0].name
        script: Script = self.brief if name.to_text().lower().startswith("soon") else self.known
        reply = script(query)
        if self.fails:
            reply = dns.message.make_response(query)
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif query.ednsflags & dns.flags.DO and reply.answer:
            covered = dns.rdatatype.to_text(reply.answer[-1].rdtype)
            text = f"{covered} 8 2 600 20300101000000 20200101000000 1 example. AAAAAAAAAAA="
            owner = reply.answer[-1].name
            reply.answer.append(dns.rrset.from_text(owner, 600, "IN", "RRSIG", text))
            reply.flags |= dns.flags.AD
        return reply


@pytest.fixture(scope="module")
def scripted() -> Upstream:
    return Upstream()


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory, scripted: Upstream) -> Iterator[ResolverProcess]:
    """A line that has ECH taken out, and one with another profile."""
    directory: Path = tmp_path_factory.mktemp("resolver")
    store = ScriptedStore(make_store(directory / "filterd.db"))
    with upstream(scripted) as (port, _):
        settings = resolver_settings(
            directory, port, upstreams=[{"address": f"127.0.0.1:{port}", "trusted": True}]
        )
        made = resolver_of(settings, directory / "log")
        keys = directory / "state" / "keys"
        keys.mkdir()
        (keys / "fingerprint.key").write_bytes(KEY)
        profiles = {
            "home": to_meta(ProfileRules("home", strip_ech=True)),
            "open": to_meta(ProfileRules("open")),
        }
        put_snapshot(directory / "state", 0, Classes(FIXED), profiles)
        made.start()
        made.wait_for(lambda: made.get("/readyz")[0] == 200)
        for line, (profile, client) in enumerate((("home", STRIPPED), ("open", PLAIN)), 1):
            choices = LineChoices(line, opted_in=True, profile=profile, zone="UTC")
            store.write(LineChange(choices), BindingChange(f"{client}/32", line))
        made.wait_for(lambda: FORGED in codes(made.ask("usual.example", "HTTPS", STRIPPED)))
        yield made
        made.stop()
    store.close()


def codes(reply: dns.message.Message) -> list[int]:
    return [int(option.code) for option in reply.options if isinstance(option, dns.edns.EDEOption)]


def services(reply: dns.message.Message) -> list[str]:
    kinds = (dns.rdatatype.HTTPS, dns.rdatatype.SVCB)
    return [str(each) for rrset in reply.answer for each in rrset if rrset.rdtype in kinds]


def metric(resolver: ResolverProcess) -> float:
    lines = resolver.get("/metrics")[1].splitlines()
    return float(next(each for each in lines if each.startswith("filterd_ech_stripped_total ")).split()[1])


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("name", ["usual.example", "alias.example"])
@pytest.mark.parametrize("kind", ["HTTPS", "SVCB"])
def test_out_of_that_lines_answers_alone(resolver: ResolverProcess, name: str, kind: str, tcp: bool) -> None:
    before = metric(resolver)
    for _ in range(2):  # from the upstream, and from the cache
        reply = resolver.ask(name, kind, STRIPPED, tcp=tcp)
        assert (services(reply), codes(reply)) == ([BARE], [FORGED])
        for client in (PLAIN, ANYBODY):
            reply = resolver.ask(name, kind, client, tcp=tcp)
            assert KEYS in services(reply)[0]
            assert codes(reply) == []
    assert metric(resolver) == before + 2


@pytest.mark.parametrize("tcp", [False, True])
def test_dnssec_signatures_and_ad(resolver: ResolverProcess, tcp: bool) -> None:
    for client, signed in ((ANYBODY, True), (STRIPPED, False), (PLAIN, True), (STRIPPED, False)):
        reply = resolver.ask("signed.example", "HTTPS", client, tcp=tcp, do=True)
        assert any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in reply.answer) == signed
        assert bool(reply.flags & dns.flags.AD) == signed
        assert (services(reply) == [BARE]) == (not signed)


def test_answers_without_it_keep_everything(resolver: ResolverProcess) -> None:
    for name, kind in (("none.example", "HTTPS"), ("usual.example", "A")):
        reply = resolver.ask(name, kind, STRIPPED, do=True)
        assert [rrset.rdtype for rrset in reply.answer][-1] == dns.rdatatype.RRSIG
        assert reply.flags & dns.flags.AD
        assert codes(reply) == []


def test_a_record_that_requires_it_is_gone(resolver: ResolverProcess) -> None:
    reply = resolver.ask("required.example", "HTTPS", STRIPPED)
    assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])
    assert resolver.ask("required.example", "HTTPS", ANYBODY).answer


def test_what_became_small_enough_is_whole(resolver: ResolverProcess) -> None:
    def asked(client: str) -> dns.message.Message:
        query = dns.message.make_query("long.example", "HTTPS", use_edns=False)
        return dns.query.udp(query, "127.0.0.1", port=resolver.port, source=client, timeout=5)

    assert asked(ANYBODY).flags & dns.flags.TC
    reply = asked(STRIPPED)
    assert not reply.flags & dns.flags.TC
    assert sorted(services(reply)) == ['1 . alpn="h1"', '2 . alpn="h2"']
    assert MANY in services(resolver.ask("long.example", "HTTPS", ANYBODY, tcp=True))[0]


def test_another_reader_understands_the_answer(resolver: ResolverProcess) -> None:
    kdig = shutil.which("kdig")
    if kdig is None:
        pytest.skip("kdig is not installed")
    command = [
        kdig,
        "@127.0.0.1",
        "-p",
        str(resolver.port),
        "-b",
        STRIPPED,
        "+short",
        "usual.example",
        "HTTPS",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout.split() == ["1", ".", 'alpn="h2,h3"', "ipv4hint=192.0.2.1"]


def test_a_stale_answer(resolver: ResolverProcess, scripted: Upstream) -> None:
    assert services(resolver.ask("soon.example", "HTTPS", ANYBODY)) == [USUAL]
    scripted.fails = True
    try:
        resolver.wait_for(lambda: STALE in codes(resolver.ask("soon.example", "HTTPS", ANYBODY)))
        for tcp in (False, True):
            reply = resolver.ask("soon.example", "HTTPS", STRIPPED, tcp=tcp)
            assert services(reply) == [BARE]
            assert sorted(codes(reply)) == [STALE, FORGED]
    finally:
        scripted.fails = False

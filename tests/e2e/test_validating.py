"""A validating Unbound as a client of filterd, which forwards to the authority of signed zones.

What comes through filterd must satisfy a validator: signatures, denials by NSEC and NSEC3, whatever the cache
was filled by. What filterd blocks must be a failure there, never an address.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from tests.e2e.answer_world import prepare, write_policies
from tests.e2e.authority import free_port, nsd, running, signed
from tests.e2e.deployment import Deployment, ede
from tests.worlds.system import command

pytestmark = pytest.mark.system("nsd", "unbound", "dnssec-keygen", "dnssec-signzone")

RECORDS = f"""$TTL 3600
@ IN SOA ns hostmaster 1 3600 900 86400 300
@ IN NS ns
ns IN A 127.0.0.1
www IN A 192.0.2.10
alias IN CNAME www
*.wild IN A 192.0.2.11
bogus IN A 192.0.2.66
www.nxdomain.banned IN A 192.0.2.13
sinkhole.banned IN NS ns
null.banned IN NS ns
nodata.banned IN NS ns
large IN TXT {" ".join(f'"{number:0200}"' for number in range(12))}
"""
ZONES = ("example.", "hashed.")
"""denials by NSEC, and by NSEC3"""
UNSIGNED = """$TTL 3600
@ IN SOA ns.example. hostmaster.example. 1 3600 900 86400 300
@ IN NS ns.example.
@ IN A 192.0.2.14
www IN A 192.0.2.15
"""
INSECURE = {
    "sinkhole.banned.example": {"192.0.2.80"},
    "null.banned.example": {"0.0.0.0"},
    "nodata.banned.example": set[str](),
}
"""unsigned zones below a signed one, each under an order -> the addresses that its mode answers"""


@dataclass(frozen=True)
class Chain:
    """The validator's port, and filterd below it."""

    validator: int
    filterd: Deployment

    def ask(
        self, name: str, rtype: str = "A", *, cd: bool = False, port: int | None = None
    ) -> dns.message.Message:
        """Ask the validator, or filterd itself, with DO."""
        query = dns.message.make_query(name, rtype, use_edns=0, want_dnssec=True)
        query.flags |= dns.flags.CD if cd else 0
        return dns.query.udp_with_fallback(query, "127.0.0.1", timeout=10, port=port or self.validator)[0]


def _hashed(folder: Path, zone: str, text: str) -> tuple[str, str]:
    """Sign with NSEC3: the master file, and its DNSKEY as an anchor."""
    folder.mkdir()
    (folder / "zone").write_text(text)

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    key = run(str(command("dnssec-keygen")), "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone)
    run(str(command("dnssec-signzone")), "-S", "-z", "-3", "aabb", "-H", "0", "-o", zone, "-f", "out", "zone")
    anchor = next(line for line in (folder / f"{key}.key").read_text().splitlines() if "DNSKEY" in line)
    return (folder / "out").read_text(), anchor


@contextlib.contextmanager
def _validator(folder: Path, forward: int, anchors: list[str]) -> Iterator[int]:
    """Unbound validating what filterd gives it."""
    folder.mkdir()
    port = free_port()
    (folder / "unbound.conf").write_text(
        "server:\n"
        f"  interface: 127.0.0.1@{port}\n  port: {port}\n  do-daemonize: no\n  use-syslog: no\n"
        '  username: ""\n  chroot: ""\n  pidfile: ""\n  num-threads: 1\n  do-ip6: no\n'
        f'  directory: "{folder}"\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n'
        '  module-config: "validator iterator"\n'
        + "".join(f"  trust-anchor: '{each}'\n" for each in anchors)
        + "remote-control:\n  control-enable: no\n"
        + f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{forward}\n'
    )
    words = [str(command("unbound")), "-d", "-c", str(folder / "unbound.conf")]
    with running(words, port, ZONES[0], folder / "log") as ready:
        yield ready


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """NSD with two signed zones, filterd above it, Unbound above filterd."""
    folder = tmp_path_factory.mktemp("validating")
    first, first_anchor = signed(ZONES[0], RECORDS, time.time())
    second, second_anchor = _hashed(folder / "hashed", ZONES[1], RECORDS)
    zones = {
        ZONES[0]: first.replace("192.0.2.66", "192.0.2.67"),
        ZONES[1]: second,
        **dict.fromkeys(INSECURE, UNSIGNED),
    }
    with nsd(folder / "authority", zones) as authority:
        filterd = Deployment(folder / "filterd", authority, write_policies(folder))
        prepare(filterd)
        with (
            filterd.serving(),
            _validator(folder / "validator", filterd.port, [first_anchor, second_anchor]) as port,
        ):
            yield Chain(port, filterd)


def addresses(reply: dns.message.Message) -> set[str]:
    """The addresses in an answer."""
    return {rdata.to_text() for rrset in reply.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("name", "address"), [("www", "192.0.2.10"), ("alias", "192.0.2.10"), ("any.wild", "192.0.2.11")]
)
def test_what_is_signed_is_valid_through_filterd(chain: Chain, zone: str, name: str, address: str) -> None:
    for _ in range(2):
        reply = chain.ask(f"{name}.{zone}")
        assert addresses(reply) == {address}
        assert reply.flags & dns.flags.AD


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("name", "rtype", "rcode"),
    [
        ("nothing", "A", dns.rcode.NXDOMAIN),
        ("www", "MX", dns.rcode.NOERROR),
        ("a.wild", "MX", dns.rcode.NOERROR),
    ],
)
def test_denials_are_valid_through_filterd(
    chain: Chain, zone: str, name: str, rtype: str, rcode: dns.rcode.Rcode
) -> None:
    """NSEC or NSEC3, for a name, a type, and a wildcard without the type."""
    reply = chain.ask(f"{name}.{zone}", rtype)
    assert (reply.rcode(), reply.answer) == (rcode, [])
    assert reply.flags & dns.flags.AD
    denial = dns.rdatatype.NSEC if zone == ZONES[0] else dns.rdatatype.NSEC3
    assert denial in {rrset.rdtype for rrset in reply.authority}


@pytest.mark.parametrize("zone", ZONES)
def test_large_signed_answers_and_keys_come_over_tcp(chain: Chain, zone: str) -> None:
    assert chain.ask(f"large.{zone}", "TXT").flags & dns.flags.AD
    assert chain.ask(zone, "DNSKEY").flags & dns.flags.AD


def test_a_blocked_name_of_a_signed_zone_is_a_failure_there_and_no_address(chain: Chain) -> None:
    name = "www.nxdomain.banned.example"
    reply = chain.ask(name)
    assert (reply.rcode(), reply.answer) == (dns.rcode.SERVFAIL, [])
    assert not reply.flags & dns.flags.AD
    for cd in (False, True):
        own = chain.ask(name, cd=cd, port=chain.filterd.port)
        assert (own.rcode(), own.answer) == (dns.rcode.NXDOMAIN, [])
        assert not own.flags & dns.flags.AD


@pytest.mark.parametrize("name", INSECURE)
def test_a_blocked_unsigned_zone_is_insecure_and_shows_its_mode(chain: Chain, name: str) -> None:
    """Its DS is the parent's, which proves that there is none: what filterd makes is taken as it is."""
    denial = chain.ask(name, "DS", port=chain.filterd.port)
    assert (denial.rcode(), denial.answer, ede(denial)) == (dns.rcode.NOERROR, [], [])
    assert dns.rdatatype.NSEC in {rrset.rdtype for rrset in denial.authority}
    for asked in (name, f"www.{name}"):
        reply = chain.ask(asked)
        assert (reply.rcode(), addresses(reply)) == (dns.rcode.NOERROR, INSECURE[name])
        assert not reply.flags & dns.flags.AD
        assert 16 in ede(chain.ask(asked, port=chain.filterd.port))
    below = chain.ask(f"www.{name}", "DS", port=chain.filterd.port)
    assert (below.answer, ede(below)) == ([], [16])


def test_a_bogus_record_reaches_those_alone_who_check_by_themselves(chain: Chain) -> None:
    assert chain.ask("bogus.example").rcode() == dns.rcode.SERVFAIL
    assert addresses(chain.ask("bogus.example", cd=True)) == {"192.0.2.67"}
    assert chain.ask("bogus.example").rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize("first", [False, True])
def test_cd_is_kept_apart_in_the_cache(chain: Chain, first: bool) -> None:
    """Whoever asked before, each gets its own CD back, the signatures, and no AD of an untrusted upstream."""
    name = f"{'one' if first else 'other'}.wild.example"
    for cd in (first, not first, first):
        reply = chain.ask(name, cd=cd, port=chain.filterd.port)
        assert addresses(reply) == {"192.0.2.11"}
        assert bool(reply.flags & dns.flags.CD) == cd
        assert not reply.flags & dns.flags.AD
        assert dns.rdatatype.RRSIG in {rrset.rdtype for rrset in reply.answer}

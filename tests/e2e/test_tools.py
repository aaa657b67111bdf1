"""dig, kdig and delv as clients, before a validating Unbound that takes a signed zone from NSD.

What a person sees in these tools is what counts, so it is their output that is read: the reason of a block,
the flags, the signatures.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.answer_world import ADDRESSES, NONE, prepare, write_policies
from tests.e2e.authority import nsd, signed, unbound
from tests.e2e.deployment import Deployment
from tests.worlds.system import command

pytestmark = pytest.mark.system("dig", "kdig", "delv", "nsd", "unbound")

ZONE = f"""$TTL 3600
@ IN SOA ns hostmaster 1 3600 900 86400 300
@ IN NS ns
ns IN A 127.0.0.1
www IN A 192.0.2.10
www IN AAAA 2001:db8::10
bogus IN A 192.0.2.66
to-banned IN CNAME www.nxdomain.banned.example.
to-www IN CNAME www.example.
adult IN A 192.0.2.12
www.nxdomain.banned IN A 192.0.2.13
null.banned IN A 192.0.2.14
search IN A 192.0.2.15
safe IN A 192.0.2.16
large IN TXT {" ".join(f'"{number:0200}"' for number in range(12))}
"""


@dataclass(frozen=True)
class Tools:
    """The installation, listening on IPv4 and IPv6, and the zone's anchor for delv."""

    filterd: Deployment
    anchors: Path

    def dig(self, *words: str, server: str = "127.0.0.1", source: str = NONE) -> str:
        """What dig prints."""
        bound = () if ":" in server else ("-b", source)
        return self._run("dig", f"@{server}", "-p", str(self.filterd.port), *bound, "+tries=1", *words)

    def kdig(self, *words: str, server: str = "127.0.0.1", source: str = NONE) -> str:
        """What kdig prints."""
        bound = () if ":" in server else ("-b", source)
        return self._run("kdig", f"@{server}", "-p", str(self.filterd.port), *bound, "+retry=0", *words)

    def delv(self, *words: str) -> str:
        """What delv, which validates by itself, prints."""
        place = ("@127.0.0.1", "-p", str(self.filterd.port), "-a", str(self.anchors), "+root=example.")
        return self._run("delv", *place, *words)

    @staticmethod
    def _run(program: str, *words: str) -> str:
        done = subprocess.run(
            [str(command(program)), *words], capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    """A signed zone in NSD, Unbound validating above it, filterd trusting Unbound."""
    folder = tmp_path_factory.mktemp("tools")
    text, anchor = signed("example.", ZONE, time.time())
    forged = text.replace("192.0.2.66", "192.0.2.67")  # its signature is that of another address
    with (
        nsd(folder / "authority", {"example.": forged}) as authority,
        unbound(folder / "validator", authority, {"example.": anchor}) as upstream,
    ):
        filterd = Deployment(folder / "filterd", upstream, write_policies(folder))
        filterd.write_config(
            dns={
                "listen": [f"127.0.0.1:{filterd.port}", f"[::1]:{filterd.port}"],
                "allow_from": ["127.0.0.0/8", "::1/128"],
                "upstreams": [{"address": f"127.0.0.1:{upstream}", "trusted": True}],
            }
        )
        prepare(filterd)
        anchors = folder / "anchors"
        flags, protocol, algorithm, key = anchor.split(" DNSKEY ")[1].split(maxsplit=3)
        entry = f'"example." static-key {flags} {protocol} {algorithm} "{key.replace(" ", "")}";'
        anchors.write_text(f"trust-anchors {{ {entry} }};\n")
        with filterd.serving():
            yield Tools(filterd, anchors)


def flags_of(output: str) -> set[str]:
    """The header flags that dig or kdig shows."""
    line = next(line for line in output.splitlines() if line.lower().startswith(";; flags:"))
    return set(line.split(":", 1)[1].split(";")[0].split())


@pytest.mark.parametrize("server", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", [(), ("+tcp",)])
@pytest.mark.parametrize("dnssec", [(), ("+dnssec",), ("+cd",), ("+dnssec", "+cd")])
def test_a_blocked_name_and_its_reason(
    tools: Tools, server: str, transport: tuple[str, ...], dnssec: tuple[str, ...]
) -> None:
    """A signed name of an order, or an alias of one: denied with its reason, whatever the client asks for."""
    names = {"www.nxdomain.banned.example": "status: NXDOMAIN", "to-banned.example": "status: NOERROR"}
    for tool in (tools.dig, tools.kdig):
        for name, status in names.items():
            output = tool(*transport, *dnssec, name, "A", server=server)
            assert status in output, output
            assert "EDE: 16 (Censored)" in output
            assert {"qr", "rd", "ra"} <= flags_of(output)
            assert not {"ad", "aa"} & flags_of(output)
            assert ("cd" in flags_of(output)) == ("+cd" in dnssec)
            exists = status == "status: NOERROR"
            assert soa_of(output)[0] == f"{name if exists else name.split('.', 1)[1]}."
            assert "RRSIG" not in output
            assert "192.0.2.13" not in output


def soa_of(output: str) -> list[str]:
    """The fields of the SOA in the output; its TTL is that of what is made up."""
    line = next(line for line in output.splitlines() if "\tSOA\t" in line)
    fields = line.split()
    assert fields[1] == "30"
    return fields


def test_every_reason_has_its_code(tools: Tools) -> None:
    child = ADDRESSES["null"]
    for tool in (tools.dig, tools.kdig):
        output = tool("adult.example", source=child)
        assert "EDE: 17 (Filtered)" in output
        assert "EDE: 4 (Forged Answer)" in output
        assert "0.0.0.0" in output
        assert "EDE: 4 (Forged Answer)" in tool("search.example", source=child)
        assert "EDE" not in tool("adult.example", source=NONE)
        assert "EDE: 16 (Censored)" in tool("AAAA", "null.banned.example")


@pytest.mark.parametrize("transport", [(), ("+tcp",)])
def test_without_edns_no_opt_comes_back(tools: Tools, transport: tuple[str, ...]) -> None:
    for name in ("www.nxdomain.banned.example", "www.example"):
        for output in (tools.dig(*transport, "+noedns", name), tools.kdig(*transport, "+noedns", name)):
            assert "EDE" not in output
            assert "OPT PSEUDOSECTION" not in output
            assert "EDNS PSEUDOSECTION" not in output
            assert "RRSIG" not in output
        assert ("status: NXDOMAIN" in output) == ("banned" in name)


def test_ad_goes_to_those_who_ask_and_signatures_to_do(tools: Tools) -> None:
    assert "ad" in flags_of(tools.dig("+adflag", "www.example"))
    assert "ad" not in flags_of(tools.dig("+noadflag", "www.example"))
    assert "ad" in flags_of(tools.kdig("+dnssec", "+noadflag", "www.example"))
    assert "ad" in flags_of(tools.kdig("+adflag", "+noedns", "www.example"))
    for name in ("www.example", "to-www.example"):
        output = tools.dig("+dnssec", "+noadflag", name)
        assert "ad" in flags_of(output)
        assert "RRSIG" in output
        assert "flags: do" in output
        assert "RRSIG" not in tools.dig("+adflag", name)
    denied = tools.dig("+dnssec", "nothing.example")
    assert "status: NXDOMAIN" in denied
    assert {"ad"} <= flags_of(denied)
    assert "NSEC" in denied


def test_what_is_made_up_has_neither_ad_nor_signatures(tools: Tools) -> None:
    child = ADDRESSES["sinkhole"]
    for name, made in (("adult.example", "192.0.2.80"), ("search.example", "safe.example.")):
        output = tools.dig("+dnssec", "+adflag", name, source=child)
        assert made in output
        assert "ad" not in flags_of(output)
        assert "EDE: 4 (Forged Answer)" in output
    assert "192.0.2.80" in tools.dig("+short", "adult.example", source=child)


def test_checking_is_disabled_for_those_who_ask(tools: Tools) -> None:
    assert "status: SERVFAIL" in tools.dig("bogus.example")
    output = tools.dig("+cd", "bogus.example")
    assert "status: NOERROR" in output
    assert "192.0.2.67" in output
    assert {"cd"} == flags_of(output) & {"cd", "ad"}
    assert "status: SERVFAIL" in tools.dig("bogus.example")


def test_a_large_answer_goes_on_over_tcp(tools: Tools) -> None:
    cut = tools.dig("+ignore", "+bufsize=512", "large.example", "TXT")
    assert "tc" in flags_of(cut)
    assert "ANSWER: 0" in cut
    for output in (tools.dig("+bufsize=512", "large.example", "TXT"), tools.kdig("large.example", "TXT")):
        assert "tc" not in flags_of(output)
        assert f'"{11:0200}"' in output


def test_a_client_that_validates_by_itself(tools: Tools) -> None:
    output = tools.delv("www.example", "A")
    assert "; fully validated" in output
    assert "192.0.2.10" in output
    assert "; fully validated" in tools.delv("to-www.example", "AAAA")
    assert "; negative response, fully validated" in tools.delv("nothing.example", "A")
    assert "192.0.2.67" not in tools.delv("bogus.example", "A").replace("; ", "")
    blocked = tools.delv("www.nxdomain.banned.example", "A")
    assert "resolution failed" in blocked
    assert "192.0.2.13" not in blocked

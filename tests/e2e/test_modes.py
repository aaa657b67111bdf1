"""What a blocked client is answered, mode by mode, and how long anything lives on a line that opted in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from filterd.config.load import load
from filterd.operations import subscribers
from filterd.operations.context import open_context
from tests.e2e.answer_world import ADDRESSES, EVENING, MODES, NONE, PAUSED, prepare, write_policies
from tests.e2e.authority import nsd
from tests.e2e.deployment import Deployment, ede, soon

pytestmark = pytest.mark.system("nsd")

CENSORED, FILTERED, BLOCKED, FORGED = 16, 17, 15, 4
LONG = 7200
CAP = 120
TTL = 17
KINDS = ("A", "AAAA", "HTTPS", "TXT", "ANY")
ZONE = f"""$TTL {LONG}
. IN SOA ns.example. hostmaster.example. 1 3600 900 86400 {LONG}
. IN NS ns.example.
* IN A 192.0.2.10
* IN AAAA 2001:db8::10
* IN HTTPS 1 . alpn=h2
* IN TXT "served"
alias.example. IN CNAME adult.example.
to-banned.example. IN CNAME sinkhole.banned.example.
*.example. IN A 192.0.2.11
*.example. IN AAAA 2001:db8::11
*.example. IN TXT "served"
"""
MADE = {("null", "A"): "0.0.0.0", ("null", "AAAA"): "::",
        ("sinkhole", "A"): "192.0.2.80", ("sinkhole", "AAAA"): "2001:db8::80"}  # fmt: skip


@pytest.fixture(scope="module")
def boundary() -> int:
    """When the schedule of the line ``evening`` changes: on a full minute, one to two minutes from now."""
    return (int(time.time()) // 60 + 2) * 60


@pytest.fixture(scope="module")
def filterd(tmp_path_factory: pytest.TempPathFactory, boundary: int) -> Iterator[Deployment]:
    """A running installation with odd TTLs, so that a default would be seen."""
    folder = tmp_path_factory.mktemp("modes")
    slot = {"days": "daily", "block": ["adult"]}
    slot |= {"from": _clock(boundary), "until": _clock(boundary + 3600)}
    with nsd(folder / "authority", {".": ZONE}) as upstream:
        made = Deployment(folder / "filterd", upstream, write_policies(folder, [slot]))
        made.write_config(
            dns={"allow_from": ["127.0.0.0/8"], "block_ttl": TTL, "max_ttl_opted_in": CAP},
            security={"enabled": True},
        )
        prepare(made)
        with made.serving():
            yield made


def _clock(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M")


def _assert_denied(answer: dns.message.Message, rcode: int, codes: list[int]) -> None:
    """No record, and an SOA for as long as what is made up lives: of the name, or where it does not exist, of
    its parent."""
    assert (answer.rcode(), ede(answer), answer.answer) == (rcode, codes, []), answer
    (soa,) = answer.authority
    assert soa.rdtype == dns.rdatatype.SOA
    asked = answer.question[0].name
    assert soa.name == (asked.parent() if rcode == dns.rcode.NXDOMAIN else asked)
    assert (soa.ttl, soa[0].minimum) == (TTL, TTL)
    assert not answer.flags & (dns.flags.AD | dns.flags.AA)


def _assert_forged(answer: dns.message.Message, address: str, codes: list[int]) -> None:
    assert (answer.rcode(), ede(answer)) == (dns.rcode.NOERROR, [*codes, FORGED]), answer
    (made,) = answer.answer
    assert (made.name, made.ttl, str(made[0])) == (answer.question[0].name, TTL, address)
    assert not answer.authority
    assert not answer.flags & (dns.flags.AD | dns.flags.AA)


def _assert_blocked(
    answer: dns.message.Message, mode: str, kind: str, code: int, *, exact: bool = False
) -> None:
    address = MADE.get((mode, kind))
    if address:
        _assert_forged(answer, address, [code])
    else:
        denied = mode == "nxdomain" and not exact
        _assert_denied(answer, dns.rcode.NXDOMAIN if denied else dns.rcode.NOERROR, [code])


@pytest.mark.parametrize("mode", MODES)
def test_an_order_in_every_mode(filterd: Deployment, mode: str) -> None:
    for kind in KINDS:
        for dnssec in (False, True):
            for source in (NONE, "127.0.0.99", ADDRESSES["null"]):
                answer = filterd.ask(f"WWW.{mode}.banned.example", kind, source, dnssec=dnssec)
                _assert_blocked(answer, mode, kind, CENSORED)
        answer = filterd.ask(f"{mode}.only.example", kind, NONE)
        _assert_blocked(answer, mode, kind, CENSORED, exact=True)
    assert filterd.ask(f"below.{mode}.only.example", source=NONE).answer


@pytest.mark.parametrize("mode", MODES)
def test_a_profile_in_every_mode(filterd: Deployment, mode: str) -> None:
    source = ADDRESSES[mode]
    for kind in KINDS:
        _assert_blocked(filterd.ask("adult.example", kind, source), mode, kind, FILTERED)
        _assert_blocked(filterd.ask("a.b.adult.example", kind, source, dnssec=True), mode, kind, FILTERED)
        answer = filterd.ask("host.example", kind, source, tcp=True)
        _assert_blocked(answer, mode, kind, FILTERED, exact=True)
    assert filterd.ask("below.host.example", source=source).answer
    _assert_blocked(filterd.ask("alias.example", "AAAA", source), mode, "AAAA", FILTERED, exact=True)
    _assert_blocked(filterd.ask("to-banned.example", "A", source), "sinkhole", "A", CENSORED)


@pytest.mark.parametrize("mode", MODES)
def test_a_canary_name_gets_no_address_and_security_is_nxdomain(filterd: Deployment, mode: str) -> None:
    for kind in KINDS:
        answer = filterd.ask("canary.example", kind, ADDRESSES[mode])
        _assert_blocked(answer, "nodata" if mode == "nodata" else "nxdomain", kind, FILTERED)
        _assert_blocked(filterd.ask("malware.example", kind, ADDRESSES[mode]), "nxdomain", kind, BLOCKED)


def test_a_confidential_order_says_its_code_and_nothing_else(filterd: Deployment) -> None:
    answer = filterd.ask("secret.example", source=NONE)
    _assert_denied(answer, dns.rcode.NXDOMAIN, [CENSORED])
    assert [option.text for option in answer.options] == [None]


def test_without_edns_there_is_no_reason_and_the_same_denial(filterd: Deployment) -> None:
    for mode in MODES:
        answer = filterd.ask(f"{mode}.banned.example", "A", NONE, edns=False)
        assert (answer.edns, answer.options) == (-1, ())
        made = [str(rrset[0]) for rrset in answer.answer]
        assert made == ([MADE[mode, "A"]] if (mode, "A") in MADE else [])


def _ttls(answer: dns.message.Message) -> list[int]:
    return [rrset.ttl for rrset in (*answer.answer, *answer.authority)]


def test_a_line_that_opted_in_gets_no_longer_life_than_its_cap(filterd: Deployment) -> None:
    for name, kind in (
        ("free.example", "A"),
        ("free.example", "TXT"),
        ("free.example", "MX"),
        ("search.example", "A"),
    ):
        for source in (NONE, ADDRESSES["nxdomain"], NONE):
            ttls = _ttls(filterd.ask(name, kind, source))
            assert ttls
            if source == NONE:
                assert min(ttls) > CAP
            else:
                assert max(ttls) <= CAP
    rewritten = filterd.ask("search.example", "A", ADDRESSES["nxdomain"])
    assert ede(rewritten) == [FORGED]
    assert _ttls(rewritten)[0] == TTL


def _until(answer: dns.message.Message, end: int, before: float) -> bool:
    """True if nothing in it outlives the moment, and is not cut shorter than the time that it took."""
    ttls = _ttls(answer)
    return bool(ttls) and end - int(time.time()) - 1 <= max(ttls) <= end - int(before)


def test_nothing_outlives_the_lines_next_boundary(filterd: Deployment, boundary: int) -> None:
    before = time.time()
    answer = filterd.ask("free.example", "A", EVENING)
    if time.time() < boundary:
        assert _until(answer, boundary, before)
    else:  # the machine was so slow that the slot began: the next boundary is an hour away
        assert max(_ttls(answer)) <= CAP


def test_nothing_outlives_a_pause(filterd: Deployment) -> None:
    async def pause(seconds: int) -> int:
        async with open_context(load(filterd.config)) as context:
            return (await subscribers.pause(context, "paused", seconds)).choices.paused_until

    assert ede(filterd.ask("adult.example", "A", PAUSED)) == [FILTERED]
    end = asyncio.run(pause(60))
    assert soon(lambda: not ede(filterd.ask("adult.example", "A", PAUSED)))
    before = time.time()
    assert _until(filterd.ask("adult.example", "A", PAUSED), end, before)
    end = asyncio.run(pause(3))
    assert soon(lambda: max(_ttls(filterd.ask("adult.example", "A", PAUSED))) <= 3)
    assert soon(lambda: ede(filterd.ask("adult.example", "A", PAUSED)) == [FILTERED])
    assert time.time() >= end

"""The demonstration's zone, asked through dnspython."""

from __future__ import annotations

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from filterd.cli.demonstration.zone import LISTED, ORDERED, Zone


def ask(name: str, kind: str) -> dns.message.Message:
    return dns.message.from_wire(Zone().answer(name, dns.rdatatype.from_text(kind)))


@pytest.mark.parametrize("name", [ORDERED, *(name for names in LISTED.values() for name in names)])
def test_every_name_that_is_blocked_exists(name: str) -> None:
    answer = ask(name, "A")
    assert answer.rcode() == dns.rcode.NOERROR
    assert [rrset.rdtype for rrset in answer.answer] == [dns.rdatatype.A]


def test_an_alias_is_followed() -> None:
    answer = ask("cloaked.example", "A")
    assert [rrset.rdtype for rrset in answer.answer] == [dns.rdatatype.CNAME, dns.rdatatype.A]
    assert [rrset.rdtype for rrset in ask("cloaked.example", "CNAME").answer] == [dns.rdatatype.CNAME]


def test_hints_and_targets_are_served() -> None:
    assert "ipv4hint" in str(ask("adult.example", "HTTPS").answer[0])
    assert "adult.example." in str(ask("alias.example", "HTTPS").answer[0])


def test_what_is_not_there() -> None:
    nodata = ask("casino.example", "AAAA")
    assert (nodata.rcode(), nodata.answer) == (dns.rcode.NOERROR, [])
    assert nodata.authority[0].rdtype == dns.rdatatype.SOA
    missing = ask("nothing.example", "A")
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert missing.authority[0].rdtype == dns.rdatatype.SOA


def test_what_it_holds() -> None:
    zone = Zone()
    assert zone.holds("example")
    assert zone.holds("a.b.example")
    assert not zone.holds("notexample")
    assert not zone.holds("example.com")

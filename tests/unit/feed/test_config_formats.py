"""The formats dnsmasq and unbound, line by line; tests/e2e/test_list_formats.py asks the programs."""

from __future__ import annotations

import pytest

from filterd.feed.parsing import ParseReport, parse
from filterd.feed.source import line_blocks
from filterd.model.rule import Scope
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes

SUFFIXES = Suffixes(exact=frozenset({"com", "com.mx"}))
ELSEWHERE = "points the name to an address and blocks nothing"
REWRITE = "a rewrite to another name or address"
SUFFIX = "a public suffix: would block all that is registered below it"


def read(text: str, form: Format) -> tuple[list[str], list[str]]:
    """The rules as words, sorted, and the reasons of what was skipped, in order."""
    report = ParseReport()
    runs = parse(line_blocks([text.encode()]), form, Scope.EXACT, SUFFIXES, report)
    rules = [f"{r.action.word} {r.scope.word} {name}" for r in runs for name in r.names.decode().split()]
    return sorted(rules), [each.reason for each in report.kept]


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("address=/a.example/", ["block subtree a.example"]),
        ("address=/a.example/#", ["block subtree a.example"]),
        ("address=/A.Example./0.0.0.0", ["block subtree a.example"]),
        ("address=/a.example/::", ["block subtree a.example"]),
        ("address=/a.example/127.0.0.1", ["block subtree a.example"]),
        ("address = /a.example/#  # a comment", ["block subtree a.example"]),
        ("address=/a.example/b.example/#", ["block subtree a.example", "block subtree b.example"]),
        ("address=/.a.example/#", ["block subtree a.example"]),
        ("address=/*.a.example/#", ["block below a.example"]),
        ("local=/a.example/", ["block subtree a.example"]),
        ("server=/a.example/", ["block subtree a.example"]),
        ("server=/a.example/#", ["allow subtree a.example"]),
        ("# a comment", []),
        ("", []),
    ],
)
def test_dnsmasq(line: str, rules: list[str]) -> None:
    assert read(line, Format.DNSMASQ) == (rules, [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("address=/a.example/192.0.2.1", ELSEWHERE),
        ("address=/a.example/nowhere", "no address behind the last slash"),
        ("address=/#/0.0.0.0", "the root"),
        ("address=/*a.example/#", "a wildcard in a place where none can stand"),
        ("address=a.example", "no name between slashes"),
        ("address=/", "no name between slashes"),
        ("local=/com.mx/", SUFFIX),
        ("local=//", "a single label"),
        ("server=/a.example/192.0.2.1", "forwards the name to another server and blocks nothing"),
        ("server=192.0.2.1", "no name between slashes"),
        ("cname=a.example,b.example", "a dnsmasq option that blocks nothing"),
        ("conf-file=/etc/other.conf", "includes another file, which is not read"),
        ("cache-size=1000", "a dnsmasq option that blocks nothing"),
    ],
)
def test_dnsmasq_skips(line: str, reason: str) -> None:
    assert read(line, Format.DNSMASQ) == ([], [reason])


@pytest.mark.parametrize(
    "kind",
    [
        "always_nxdomain", "always_null", "always_refuse", "always_nodata", "always_deny",
        "static", "refuse", "deny", "redirect", "inform_deny", "inform_redirect",
    ],
)  # fmt: skip
@pytest.mark.parametrize("zone", ['"a.example"', '"A.example."', "'a.example'", "a.example."])
def test_an_unbound_zone_that_denies(kind: str, zone: str) -> None:
    assert read(f"local-zone: {zone} {kind}", Format.UNBOUND) == (["block subtree a.example"], [])


@pytest.mark.parametrize(
    ("text", "rules", "reasons"),
    [
        ("server:", [], []),
        ("# a comment", [], []),
        ("server: # a comment", [], []),
        ('server: local-zone: "a.example" static', ["block subtree a.example"], []),
        ('\tlocal-zone: "a.example" static # why', ["block subtree a.example"], []),
        ('local-zone: "a.example" transparent', ["allow subtree a.example"], []),
        ('local-data: "a.example A 0.0.0.0"', ["block exact a.example"], []),
        ('local-data: "a.example. 300 IN AAAA ::"', ["block exact a.example"], []),
        (
            'local-zone: "a.example" redirect\nlocal-data: "a.example A 0.0.0.0"',
            ["block subtree a.example"], [],
        ),
        (
            'local-data: "a.example A 0.0.0.0"\nlocal-zone: "a.example" always_null',
            ["block subtree a.example"], [],
        ),
        ('local-zone: "a.example" redirect\nlocal-data: "a.example A 192.0.2.1"', [], [ELSEWHERE]),
        ('local-zone: "a.example" redirect\nlocal-data: "a.example CNAME b.example."', [], [REWRITE]),
        ('local-data: "a.example A 192.0.2.1"\nlocal-zone: "a.example" static', [], [ELSEWHERE]),
        ('local-data: "a.example TXT text"', [], ["a record that is no address"]),
        ('local-zone: "com.mx" refuse', [], [SUFFIX]),
        ('local-zone: "." refuse', [], ["the root"]),
        ('local-zone: "a.example" nodefault', [], ["a type of zone that blocks nothing"]),
        ('local-zone: "a.example"', [], ["a statement that Unbound would not take"]),
        ('local-zone: "a.example static', [], ["a statement that Unbound would not take"]),
        ('local-data: "a.example A x"', [], ["a statement that Unbound would not take"]),
        ("a.example", [], ["a statement that Unbound would not take"]),
        ('include: "/etc/other.conf"', [], ["includes another file, which is not read"]),
        ("verbosity: 1", [], ["an Unbound statement that blocks nothing"]),
    ],
)  # fmt: skip
def test_unbound(text: str, rules: list[str], reasons: list[str]) -> None:
    assert read(text, Format.UNBOUND) == (rules, reasons)

"""The canonical text of rules: one text for each rule, and nothing else is accepted."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.model.rule import Action, NameRule, Scope
from filterd.policy.canonical import (
    AddressRule,
    CanonicalError,
    Rule,
    canonical_name,
    canonical_prefix,
    line_of,
    parse,
    parse_line,
    table_prefixes,
    text_of,
    wire_of,
    write,
)

RULES: list[tuple[Rule, bytes]] = [
    (NameRule("example.com", Scope.SUBTREE), b"example.com\n"),
    (NameRule("example.com", Scope.EXACT), b"example.com exact\n"),
    (NameRule("example.com", Scope.BELOW), b"example.com below\n"),
    (NameRule("example.com", Scope.SUBTREE, Action.ALLOW), b"example.com allow\n"),
    (NameRule("example.com", Scope.EXACT, Action.ALLOW), b"example.com exact allow\n"),
    (NameRule("example.com", Scope.BELOW, Action.ALLOW), b"example.com below allow\n"),
    (NameRule(".", Scope.SUBTREE), b".\n"),
    (NameRule("a\\032b\\.c.test", Scope.SUBTREE), b"a\\032b\\046c.test\n"),
    (AddressRule("192.0.2.0/24"), b"@192.0.2.0/24\n"),
    (AddressRule("2001:db8::/32", Action.ALLOW), b"@2001:db8::/32 allow\n"),
]

labels = st.binary(min_size=1, max_size=12)
wires = st.lists(labels, max_size=6).map(
    lambda parts: b"".join(bytes([len(part)]) + part.lower() for part in parts) + b"\0"
)


@pytest.mark.parametrize(("rule", "line"), RULES)
def test_line(rule: Rule, line: bytes) -> None:
    assert line_of(rule) == line
    assert line_of(parse_line(line[:-1])) == line


@pytest.mark.parametrize(
    "line",
    [
        b"", b" ", b"Example.com", b"example.com.", b"a..b", b".a", b"example.com  exact",
        b"example.com subtree",
        b"example.com block", b"example.com allow exact", b"example.com exact exact", b"example.com ", b"@",
        b"@192.0.2.1/24", b"@192.0.2.0/24 exact", b"@192.0.2.0", b"@2001:DB8::/32",
        b"@::ffff:192.0.2.7/128", b"@fe80::%a/64",
        b"a\\97b", b"a\\097b",
        b"a\\065b", b"a\\256b", b"a\\.b", b"a@b", b"caf\xc3\xa9.test", b"a\tb", b"x" * 64,
        b".".join([b"x" * 63] * 4),
        b"# comment", b"a\\",
    ],
)  # fmt: skip
def test_lines_that_are_not_canonical(line: bytes) -> None:
    with pytest.raises(CanonicalError, match="not a canonical rule"):
        parse_line(line)


def test_write_sorts_and_takes_each_rule_once() -> None:
    text = write([rule for rule, _line in RULES * 2])
    assert text == b"".join(sorted(line for _rule, line in RULES))
    assert b"".join(line_of(rule) for rule in parse(text)) == text


@pytest.mark.parametrize("text", [b"b.test\na.test\n", b"a.test\na.test\n"])
def test_parse_refuses_disorder(text: bytes) -> None:
    with pytest.raises(CanonicalError, match="repeats or is out of order"):
        list(parse(text))


def test_parse_refuses_a_cut_text() -> None:
    with pytest.raises(CanonicalError, match="cut"):
        list(parse(b"a.test\nb.te"))


def test_a_rewrite_has_no_line() -> None:
    with pytest.raises(CanonicalError, match="rewrite"):
        line_of(NameRule("a.test", Scope.EXACT, Action.REWRITE))


@given(wires)
@settings(deadline=None)
def test_every_wire_name_has_one_text(wire: bytes) -> None:
    text = text_of(wire)
    assert wire_of(text) == wire
    assert canonical_name(text) == text
    assert line_of(parse_line(text.encode())) == text.encode() + b"\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("EXAMPLE.com", "example.com"),
        ("example.com.", "example.com"),
        ("a\\.b.test", "a\\046b.test"),
        ("a\\\\.test.", "a\\092.test"),
        ("\\097.test", "a.test"),
        ("\\065.test", "a.test"),
        (".", "."),
        ("x" * 63 + ".test", "x" * 63 + ".test"),
    ],
)
def test_canonical_name(text: str, name: str) -> None:
    assert canonical_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "..", "a..b", "x" * 64, "a." * 127 + "b.c", "caf\u00e9.test", "a\\25", "a\\300b"]
)
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(CanonicalError, match="a name"):
        canonical_name(text)


def test_canonical_prefix() -> None:
    assert canonical_prefix("192.0.2.7") == "192.0.2.7/32"
    assert canonical_prefix("2001:DB8:0::/48") == "2001:db8::/48"
    assert canonical_prefix("::ffff:192.0.2.7") == "::ffff:c000:207/128"
    assert canonical_prefix("::ffff:0:0/96") == "::ffff:0:0/96"
    assert line_of(parse_line(b"@::ffff:c000:207/128")) == b"@::ffff:c000:207/128\n"


@pytest.mark.parametrize("text", ["192.0.2.1/24", "192.0.2.0/33", "010.1.1.1", "fe80::1%eth0", "a.test", ""])
def test_what_is_no_prefix(text: str) -> None:
    with pytest.raises(CanonicalError, match="no address prefix"):
        canonical_prefix(text)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("2001:db8::/48", 4),
        ("2001:db8:8000::/49", 4),
        ("2001:db8::7/128", 4),
        ("192.0.2.0/24", 2),
        ("192.0.2.8/29", 2),
    ],
)
def test_a_prefix_stands_in_tables_under_few_lengths(text: str, step: int) -> None:
    whole = ip_network(text)
    parts = table_prefixes(whole)
    assert sum(part.num_addresses for part in parts) == whole.num_addresses
    assert all(part.network_address in whole for part in parts)
    assert len(set(parts)) == len(parts) <= 8
    assert {part.prefixlen % step for part in parts} == {0}

"""Adblock lists: the rule that each form of line gives, and the precedence among a list's rules."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.feed.names import NOT_EXECUTABLE
from filterd.feed.parsing import ParseReport, parse
from filterd.feed.source import line_blocks
from filterd.model.rule import Action, NameRule, Scope
from filterd.policy.canonical import wire_of
from filterd.policy.documents import Format
from filterd.policy.fingerprint_reference import suffix_fingerprints
from filterd.policy.snapshot_reference import MANDATORY_TARGET, RuleTable, match_name
from filterd.policy.suffixes import Suffixes
from tests.worlds.examples import examples

SUFFIXES = Suffixes(exact=frozenset({"com", "com.mx"}), parents=frozenset({"ck"}))
KEY = bytes(range(16))


def read(text: str) -> tuple[set[tuple[str, str, str]], dict[str, int]]:
    """The rules as words, and the reasons of what was skipped."""
    report = ParseReport()
    runs = parse(line_blocks([text.encode()]), Format.ADBLOCK, Scope.EXACT, SUFFIXES, report)
    rules = {(run.action.word, run.scope.word, name) for run in runs for name in run.names.decode().split()}
    return rules, dict(report.reasons)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("||a.example^", "block subtree a.example"),
        ("||A.Example.^", "block subtree a.example"),
        ("||niño.mx^", "block subtree xn--nio-8ma.mx"),
        ("||a.example", "block subtree a.example"),
        ("||a.example^|", "block subtree a.example"),
        ("||a.example^*", "block subtree a.example"),
        ("||a.example/", "block subtree a.example"),
        ("||a.example/*", "block subtree a.example"),
        ("||*.a.example^", "block below a.example"),
        (".a.example^", "block below a.example"),
        ("*.a.example", "block below a.example"),
        ("|https://a.example^|", "block exact a.example"),
        ("|http://a.example/", "block exact a.example"),
        ("://a.example^", "block exact a.example"),
        ("|a.example|", "block exact a.example"),
        ("a.example^", "block subtree a.example"),
        ("a.example", "block exact a.example"),
        ("0.0.0.0 a.example", "block exact a.example"),
        (":: a.example # why", "block exact a.example"),
        ("||a.example^$important", "block subtree a.example"),
        ("||a.example^$all", "block subtree a.example"),
        ("||a.example^$dnsrewrite=NXDOMAIN", "block subtree a.example"),
        ("||a.example^$dnsrewrite=REFUSED;;", "block subtree a.example"),
        ("||a.example^$dnsrewrite=NOERROR;;", "block subtree a.example"),
        ("||a.example^$dnsrewrite=0.0.0.0", "block subtree a.example"),
        ("||a.example^$dnsrewrite=NOERROR;AAAA;::", "block subtree a.example"),
        ("@@||a.example^", "allow subtree a.example"),
        ("@@|a.example^", "allow exact a.example"),
        ("@@a.example", "allow subtree a.example"),
        ("a.example$important", "block subtree a.example"),
        ("@@||a.example^$important", "allow subtree a.example"),
    ],
)
def test_a_line_that_is_a_rule(line: str, rule: str) -> None:
    action, scope, name = rule.split()
    assert read(line) == ({(action, scope, name)}, {})


@pytest.mark.parametrize(
    "line",
    [
        "", "! a comment", "# a comment", "#a comment", "####", "[Adblock Plus 2.0]", "[AdBlock]",
        "[uBlock Origin]", "127.0.0.1 localhost",
    ],
)  # fmt: skip
def test_a_line_that_says_nothing(line: str) -> None:
    assert read(line) == (set(), {})


OPTION = "an option that a resolver cannot honour"
WILDCARD = "a wildcard in a place where none can stand"
NO_HOST = "a pattern that is no whole host name"
COSMETIC = "a cosmetic rule: changes pages, not names"
REWRITE = "a rewrite to another name or address"
SPARING = "a $denyallow that no rule can express"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.example##.advert", COSMETIC),
        ("###banner", COSMETIC),
        ("a.example#@#.advert", COSMETIC),
        ("a.example#?#div:has(> a)", COSMETIC),
        ("a.example#%#window.x = 1", COSMETIC),
        ("a.example$$script[x]", COSMETIC),
        (r"/^ad[0-9]+\./", "a regular expression"),
        (r"@@/x\.example$/$important", "a regular expression"),
        ("||a.example/path", NOT_EXECUTABLE),
        ("||a.example^/path", NOT_EXECUTABLE),
        ("||a.example?x=1", NOT_EXECUTABLE),
        ("/banner.", NOT_EXECUTABLE),
        ("advert.js", NOT_EXECUTABLE),
        ("||a.example:8080^", "a port: DNS knows only names"),
        ("||ad*.a.example^", WILDCARD),
        ("||a.*^", WILDCARD),
        ("||a.", WILDCARD),
        ("*", WILDCARD),
        ("-advert-", NO_HOST),
        ("-advert.example^", NO_HOST),
        ("^a.example^", NO_HOST),
        ("||", NO_HOST),
        ("||192.0.2.1^", "an IP address"),
        ("||com^", "a single label"),
        ("||com.mx^", "a public suffix: would block all that is registered below it"),
        ("@@||com.mx^", "a public suffix: would lift the list for all that is registered below it"),
        ("||a.example^$third-party", OPTION),
        ("||a.example^$script,domain=b.example", OPTION),
        ("||a.example^$document", OPTION),
        ("@@||a.example^$all", OPTION),
        ("||a.example^$dnstype=AAAA", "for some DNS types only ($dnstype)"),
        (r"||a.example^$client='Mary\, phone'", "for some clients only ($client, $ctag)"),
        ("||a.example^$ctag=device_tv", "for some clients only ($client, $ctag)"),
        ("||a.example^$dnsrewrite=192.0.2.1", REWRITE),
        ("||a.example^$dnsrewrite=b.example", REWRITE),
        ("||a.example^$dnsrewrite=NOERROR;CNAME;b.example", REWRITE),
        ("||a.example^$dnsrewrite=NOERROR;HTTPS;1 .", REWRITE),
        ("||a.example^$dnsrewrite", REWRITE),
        ("||a.example^$denyallow=x.a.example,important", SPARING),
        ("||a.example^$denyallow=com", SPARING),
        ("||a.example^$denyallow=a.example", "a $denyallow that spares the whole rule"),
        ("!#include other.txt", "includes another file, which is not read"),
        ("192.0.2.1 a.example", "points the name to an address and blocks nothing"),
    ],
)
def test_a_line_that_dns_cannot_honour_is_skipped_with_the_reason(line: str, reason: str) -> None:
    assert read(line) == (set(), {reason: 1})


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("||a.example^\n@@||a.example^", ["allow subtree a.example"]),
        ("@@||a.example^\n||x.a.example^", ["allow subtree a.example"]),
        ("||a.example^\n@@|a.example^", ["block below a.example", "allow exact a.example"]),
        ("||a.example^$important\n@@||x.a.example^", ["block subtree a.example"]),
        (
            "||a.example^$important\n@@||x.a.example^$important",
            ["block subtree a.example", "allow subtree x.a.example"],
        ),
        ("||a.example^$badfilter\n||a.example^\n||b.example^", ["block subtree b.example"]),
        ("||a.example^\n||a.example^$important,badfilter", ["block subtree a.example"]),
        ("@@||a.example^\n||a.example^\n@@||a.example^$badfilter", ["block subtree a.example"]),
        ("||a.example^$dnsrewrite=NXDOMAIN\n@@||a.example^", ["block subtree a.example"]),
        ("||a.example^$dnsrewrite=NXDOMAIN\n@@||a.example^$dnsrewrite", []),
        (
            "||a.example^$denyallow=x.a.example|other.example",
            ["block subtree a.example", "allow subtree x.a.example"],
        ),
        (
            "||a.example^$denyallow=x.a.example\n||x.a.example^",
            ["block subtree a.example", "block subtree x.a.example"],
        ),
        ("||a.example^$denyallow=x.a.example\n||a.example^$denyallow=x.a.example,badfilter", []),
        ("||a.example^$denyallow=b.example\n||a.example^$badfilter", ["block subtree a.example"]),
    ],
)
def test_precedence(text: str, rules: list[str]) -> None:
    assert read(text)[0] == {tuple(rule.split()) for rule in rules}


LABELS = st.sampled_from(["a", "b"])
NAMES = st.lists(LABELS, max_size=3).map(lambda labels: ".".join([*labels, "t", "example"]))
LINES = st.builds(
    "{}{}{}^{}".format,
    st.sampled_from(["", "@@"]),
    st.sampled_from(["||", "|", "||*."]),
    NAMES,
    st.sampled_from(["", "", "$important", "$badfilter", "$important,badfilter"]),
)
SPARING_LINES = st.builds("||{}^$denyallow={}|{}".format, NAMES, NAMES, NAMES)


@settings(max_examples=examples(100))
@given(st.lists(st.one_of(LINES, LINES, SPARING_LINES), max_size=8), NAMES)
def test_the_rules_say_of_every_name_what_the_list_says(lines: list[str], name: str) -> None:
    """The list is judged by its ranks, line by line; its rules by the matcher's readable twin."""
    rules = [NameRule(n, Scope[s.upper()], Action[a.upper()]) for a, s, n in read("\n".join(lines))[0]]
    assert blocked_by(rules, name) == said_by(lines, name)


def blocked_by(rules: Iterable[NameRule], name: str) -> bool:
    """The matcher's verdict."""
    table = RuleTable(
        (suffix_fingerprints(KEY, wire_of(rule.name))[0], 9, rule.scope, rule.action) for rule in rules
    )
    return 9 in match_name(table, None, KEY, wire_of(name), b"").bits


def said_by(lines: list[str], name: str) -> bool:
    """The list's own verdict: important exceptions, important blocks, exceptions, blocks."""
    standing = [
        line
        for line in lines
        if not line.endswith("badfilter")
        and f"{line}$badfilter" not in lines
        and f"{line},badfilter" not in lines
    ]
    matching = [line for line in standing if covers(line, name)]
    for rank in ("$important", ""):
        here = [line for line in matching if line.endswith("$important") == bool(rank)]
        if any(line.startswith("@@") for line in here):
            return False
        if here:
            return True
    return False


def covers(line: str, name: str) -> bool:
    """True if the pattern of a line fits the name and its options do not spare it."""
    pattern, _, options = line.removeprefix("@@").partition("^")
    own = pattern.lstrip("|").removeprefix("*.")
    below = name.endswith(f".{own}")
    fits = below if "*" in pattern else name == own or (below and pattern.startswith("||"))
    spared = options.partition("denyallow=")[2].split("|") if "denyallow" in options else []
    return fits and not any(name == each or name.endswith(f".{each}") for each in spared)


def test_an_exception_opens_nothing_that_another_list_blocks() -> None:
    """Mandatory lists too: an exception takes its own list's block away, and no other's."""
    one = read("||a.example^\n@@||x.a.example^")[0]
    other = read("||x.a.example^\n||b.example^")[0]
    table = RuleTable(
        (suffix_fingerprints(KEY, wire_of(name))[0], target, Scope[scope.upper()], Action[action.upper()])
        for target, rules in ((MANDATORY_TARGET + 1, one), (MANDATORY_TARGET + 2, other), (9, one))
        for action, scope, name in rules
    )

    def lists(name: str) -> set[int]:
        found = match_name(table, None, KEY, wire_of(name), b"")
        return {number for number, _, _ in found.mandatory} | set(found.bits)

    assert lists("a.example") == {1, 9}
    assert lists("x.a.example") == {2}
    assert lists("deep.x.a.example") == {2}
    assert lists("y.a.example") == {1, 9}

"""The list formats: what each line gives, that a bad line costs no good one, and that blocks equal lines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed import parsing
from filterd.feed.parsing import PARSERS, ParseReport, parse
from filterd.feed.source import MAX_LINE, TooLargeError, line_blocks
from filterd.model.rule import Action, NameRule, Scope
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes

SUFFIXES = Suffixes(
    exact=frozenset({"com", "com.mx"}), parents=frozenset({"ck"}), exceptions=frozenset({"www.ck"})
)


def rules(text: str | bytes, form: Format, scope: Scope | None = None) -> tuple[list[NameRule], ParseReport]:
    """The list's rules in order of the file (within a run), and its report with everything kept."""
    content = text.encode() if isinstance(text, str) else text
    report = ParseReport(keep=None)
    runs = parse(
        line_blocks([content]), form, form.default_scope if scope is None else scope, SUFFIXES, report
    )
    found = [
        NameRule(name, run.scope, run.action) for run in runs for name in run.names.decode().split("\n")[:-1]
    ]
    return found, report


def names(text: str | bytes, form: Format) -> list[str]:
    """The names alone."""
    return [rule.name for rule in rules(text, form)[0]]


def skipped(text: str | bytes, form: Format) -> list[tuple[int, str, str]]:
    """Line, text and reason of all that was skipped."""
    return [(each.line, each.text, each.reason) for each in rules(text, form)[1].kept]


DOMAINS = """\
# a comment
! another
; and another
// and one more

example.com
  Sub.Example.ORG.   # inline
example.net#close
.dotted.example
niño.mx
*.wild.example
two words.example
https://example.com/page
192.0.2.1
com.mx
localhost
anything.ck
www.ck
"""


def test_domains() -> None:
    found, report = rules(DOMAINS, Format.DOMAINS)
    assert found == [
        NameRule("example.com", Scope.SUBTREE),
        NameRule("sub.example.org", Scope.SUBTREE),
        NameRule("example.net", Scope.SUBTREE),
        NameRule("dotted.example", Scope.SUBTREE),
        NameRule("xn--nio-8ma.mx", Scope.SUBTREE),
        NameRule("www.ck", Scope.SUBTREE),
    ]
    assert [(each.line, each.text) for each in report.kept] == [
        (11, "*.wild.example"),
        (12, "two words.example"),
        (13, "https://example.com/page"),
        (14, "192.0.2.1"),
        (15, "com.mx"),
        (16, "localhost"),
        (17, "anything.ck"),
    ]
    assert report.count == sum(report.reasons.values()) == 7


def test_a_leading_dot_is_a_subtree_in_any_feed() -> None:
    found, _ = rules("a.example\n.b.example\n", Format.DOMAINS, Scope.EXACT)
    assert found == [NameRule("a.example", Scope.EXACT), NameRule("b.example", Scope.SUBTREE)]


def test_wildcard() -> None:
    text = "*.Example.com\nplain.example\n.dot.example\n*\n*.\na*.example\n*.com.mx\n*.a.*.example\n"
    found, report = rules(text, Format.WILDCARD)
    assert found == [
        NameRule("example.com", Scope.SUBTREE),
        NameRule("plain.example", Scope.SUBTREE),
        NameRule("dot.example", Scope.SUBTREE),
    ]
    assert [each.line for each in report.kept] == [4, 5, 6, 7, 8]
    strict, _ = rules("*.example.com\n", Format.WILDCARD, Scope.BELOW)
    assert strict == [NameRule("example.com", Scope.BELOW)]


HOSTS = """\
127.0.0.1 localhost localhost.localdomain
::1 ip6-localhost ip6-loopback
fe80::1%lo0 localhost
ff02::1 ip6-allnodes
255.255.255.255 broadcasthost
0.0.0.0 0.0.0.0
0.0.0.0 one.example
127.0.0.1\ttwo.example three.example # and a comment
:: four.example
192.0.2.7 real.example
five.example
0.0.0.0
0.0.0.0 192.0.2.9
0.0.0.0 six.example com seven.example
"""


def test_hosts() -> None:
    found, report = rules(HOSTS, Format.HOSTS)
    assert [rule.name for rule in found] == [
        f"{n}.example" for n in ("one", "two", "three", "four", "six", "seven")
    ]
    assert {rule.scope for rule in found} == {Scope.EXACT}
    assert [(each.line, each.reason) for each in report.kept] == [
        (10, "points the name to an address and blocks nothing"),
        (11, "no address at the start of the line"),
        (12, "an address without a name"),
        (13, "an IP address"),
        (14, "a single label"),
    ]


LINES = {
    Format.HOSTS: "0.0.0.0 a.example",
    Format.DNSMASQ: "address=/a.example/#",
    Format.UNBOUND: 'local-zone: "a.example" always_nxdomain',
}


@pytest.mark.parametrize("form", list(Format))
def test_crlf_bom_and_no_last_newline(form: Format) -> None:
    line = LINES.get(form, "a.example")
    for text in (f"{line}", f"\ufeff{line}\r\n", f"# c\r\n{line}\r\n", f"{line}\n\n\n"):
        assert names(text, form) == ["a.example"]
        assert skipped(text, form) == []


def test_lines_that_are_no_text() -> None:
    content = b"a.example\n\xff\xfe.example\nb\x00.example\n" + b"x" * (MAX_LINE + 1) + b"\nc.example\n"
    assert names(content, Format.DOMAINS) == ["a.example", "c.example"]
    assert [(line, reason) for line, _, reason in skipped(content, Format.DOMAINS)] == [
        (2, "not UTF-8"),
        (3, "a character that no host name has"),
        (4, "a line too long"),
    ]
    assert max(len(text) for _, text, _ in skipped(content, Format.DOMAINS)) <= 200


def test_a_line_that_would_steer_a_terminal() -> None:
    (found,) = rules("a\x1b[2Jb.example\n", Format.DOMAINS)[1].kept
    assert found.text == "a\x1b[2Jb.example"
    assert str(found) == "1: a character that no host name has: a?[2Jb.example"


def test_the_report_keeps_the_first_and_counts_all() -> None:
    report = ParseReport(keep=2)
    list(parse(line_blocks([b"bad\n" * 10]), Format.DOMAINS, Scope.EXACT, SUFFIXES, report))
    assert (report.count, len(report.kept)) == (10, 2)
    assert report.reasons == {"a single label": 10}


def test_line_numbers_go_on_over_blocks() -> None:
    report = ParseReport()
    blocks = [b"a.example\nb.example\n", b"bad\n", b"c.example\nworse\n"]
    runs = list(parse(blocks, Format.DOMAINS, Scope.EXACT, SUFFIXES, report))
    assert [(each.line, each.text) for each in report.kept] == [(3, "bad"), (5, "worse")]
    assert [run.count for run in runs] == [2, 1]
    assert {run.action for run in runs} == {Action.BLOCK}


NAME = st.from_regex(r"[a-z0-9_-]{1,6}(\.[a-z0-9-]{1,4})?\.(com|example|ck|com\.mx|1)", fullmatch=True)
LINE = st.one_of(
    st.builds(
        str.format,
        st.sampled_from(
            [
                "||{}^",
                "||{}",
                "@@||{}^",
                "||{}^$important",
                "||{}^$badfilter",
                "|{}^",
                "||{}/x",
                "address=/{}/#",
                "address=/{}/",
                "address=/{}/0.0.0.0",
                "local=/{}/",
                "server=/{}/#",
                "address=/{}/1.2.3.4",
                'local-zone: "{}" always_null',
                'local-zone: "{}." always_nxdomain',
                'local-zone: "{}" static',
                'local-data: "{} A 0.0.0.0"',
                'local-zone: "{}" transparent',
            ]
        ),
        NAME,
    ),
    st.from_regex(
        r"(0\.0\.0\.0 |127\.0\.0\.1 |\*\.|\.)?[a-z0-9_.-]{1,20}(\.com|\.example|\.ck)?", fullmatch=True
    ),
    st.from_regex(r"localhost\.[a-z]{1,5}", fullmatch=True),
    st.sampled_from(
        ["com.mx", "0.0.0.0 com.mx", "*.com.mx", "# c", "", "0.0.0.0 localhost.localdomain", "1.2.3.4"]
    ),
    st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=30),
)


@given(st.lists(LINE, max_size=12), st.sampled_from(list(Format)))
def test_whole_blocks_give_what_single_lines_give(lines: list[str], form: Format) -> None:
    """A block that begins with a comment is read line by line. Formats in which lines act on one another
    are read as a whole both times."""
    text = "".join(f"{line}\n" for line in lines)
    together, whole = rules(text, form, Scope.EXACT)
    apart, report = rules(f"# read line by line\n{text}", form, Scope.EXACT)
    assert sorted(map(key, together)) == sorted(map(key, apart))
    assert whole.reasons == report.reasons


@pytest.mark.parametrize("form", [each for each, parser in PARSERS.items() if parser.bulk])
@pytest.mark.parametrize("odd", [0, 31, 32, 700, 1999])
def test_an_odd_line_in_a_long_list_costs_no_other(form: Format, odd: int) -> None:
    """Stretches before and behind it are taken whole; its number and that of a bad one are right."""
    bulk = PARSERS[form].bulk[0]
    lines = [f"{bulk.prefix.decode()}n{number}.example{bulk.suffix.decode()}" for number in range(2000)]
    lines[odd:odd] = ["# a comment", "bad..name", lines[0].replace("n0.example", "com.mx")]
    assert sorted(names("\n".join(lines), form)) == sorted(f"n{number}.example" for number in range(2000))
    assert [line for line, _, _ in skipped("\n".join(lines), form)] == [odd + 2, odd + 3]


def key(rule: NameRule) -> tuple[str, Scope, Action]:
    """The parts of a rule, to sort by."""
    return (rule.name, rule.scope, rule.action)


@pytest.mark.parametrize("form", [each for each, parser in PARSERS.items() if parser.bulk])
def test_every_bulk_form_is_taken_whole(form: Format) -> None:
    """Else the test above would compare one reader with itself."""
    for bulk in PARSERS[form].bulk:
        block = b"".join(bulk.prefix + name + bulk.suffix + b"\n" for name in (b"a.example", b"b-c.example"))
        found = bulk.lines.match(block)
        assert found is not None
        assert found.end() == len(block)
        assert sorted(names(block, form)) == ["a.example", "b-c.example"]
        assert {rule.scope for rule in rules(block, form, bulk.scope)[0]} == {
            Scope.SUBTREE if bulk.scope is None and form is not Format.HOSTS else bulk.scope or Scope.EXACT
        }


@given(st.binary(max_size=300), st.sampled_from(list(Format)))
def test_any_bytes_are_read(content: bytes, form: Format) -> None:
    """Invariant: rules in the policy's form, or a reason with a line that exists; never an exception."""
    found, report = rules(content, form)
    lines = content.count(b"\n") + 1
    assert all(1 <= each.line <= lines and each.reason for each in report.kept)
    for rule in found:
        assert rule.name == rule.name.lower()
        assert rule.name.isascii()
        assert rule.name not in SUFFIXES


def test_every_format_has_a_parser() -> None:
    assert set(PARSERS) == set(Format)


def test_a_list_with_too_many_skipped_lines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reading would hold up other lists; the message names the usual reason."""
    monkeypatch.setattr(parsing, "MOST_SKIPPED", 5_000)
    taken = 0

    def blocks(good: bytes, bad: int) -> Iterator[bytes]:
        nonlocal taken
        for number in range(100):
            taken = number
            yield good * 1_000 + b"-\n" * bad

    report = ParseReport()
    names = sum(
        run.count
        for run in parse(blocks(b"a.example\n", 50), Format.DOMAINS, Scope.SUBTREE, Suffixes(), report)
    )
    assert (report.count, names >= 1) == (5_000, True)
    with pytest.raises(TooLargeError, match="more than 5,000 of its lines give no rule"):
        list(parse(blocks(b"a.example\n", 500), Format.DOMAINS, Scope.SUBTREE, Suffixes(), ParseReport()))
    assert taken < 20

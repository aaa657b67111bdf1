"""Whole lists as they are published, against a count by other means; skipped where they are not at hand."""

from __future__ import annotations

import lzma
import re
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import pytest

from filterd.config.policies import icann_suffixes
from filterd.feed.parsing import ParseReport, parse
from filterd.feed.reading import Form, read_list
from filterd.feed.rules import collect
from filterd.feed.source import NotAListError, line_blocks, read_chunks
from filterd.policy.documents import Format

LISTS = Path(__file__).parents[4] / "shared" / "data" / "lists"
FILES = sorted(
    path for path in LISTS.glob("*.xz") if path.name.split(".")[1] in ("domains", "wildcard", "hosts")
)
pytestmark = pytest.mark.skipif(not FILES, reason="no published lists beside the project")


def by_other_means(path: Path, form: Format) -> set[str]:
    """The names that a reader without any of the parser's code finds: words of lines, by plain tests."""
    found = set()
    for line in lzma.decompress(path.read_bytes()).decode("utf-8").splitlines():
        words = re.sub(r"#.*|^[!;].*", "", line).split()
        for word in words[1:] if form is Format.HOSTS else words[:1]:
            name = word.lower().removeprefix("*.").strip(".")
            if "." in name and not is_address(name) and name != "localhost.localdomain":
                found.add(name)
    return found


def is_address(name: str) -> bool:
    """True if it is an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@pytest.mark.ring("night")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_published_list(path: Path) -> None:
    form = Format(path.name.split(".")[1])
    suffixes, report = icann_suffixes(), ParseReport(keep=None)
    runs = parse(line_blocks(read_chunks(path)), form, form.default_scope, suffixes, report)
    names = {rule.name for rule in collect(runs).rules()}
    expected = by_other_means(path, form)
    assert names <= expected
    refused = {name for name in expected - names if name not in suffixes}
    assert refused == set()
    assert len(names) > 10_000
    assert report.count < 100


def read(path: Path, form: Format) -> tuple[Counter[tuple[str, str]], set[str], ParseReport]:
    """The number of rules by action and scope, their names, and the report."""
    report = ParseReport()
    rules = collect(read_list(path, Form(form, form.default_scope), icann_suffixes(), report))
    kinds = Counter((rule.action.word, rule.scope.word) for rule in rules.rules())
    return kinds, {rule.name for rule in rules.rules()}, report


@pytest.mark.ring("night")
@pytest.mark.parametrize(
    ("name", "form", "line"),
    [
        ("hagezi-light-2022.adblock.xz", Format.ADBLOCK, r"\|\|(.+)\^"),
        ("stevenblack-2022.dnsmasq.xz", Format.DNSMASQ, r"address=/(.+)/#"),
        ("easylist-2022.unbound.conf.xz", Format.UNBOUND, r'local-zone: "(.+)\." always_null'),
    ],
)
def test_a_published_list_for_resolvers(name: str, form: Format, line: str) -> None:
    text = lzma.decompress((LISTS / name).read_bytes()).decode()
    suffixes = icann_suffixes()
    expected = {each for each in re.findall(f"(?m)^{line}$", text) if each not in suffixes}
    kinds, names, report = read(LISTS / name, form)
    assert names == expected
    assert kinds == {("block", "subtree"): len(expected)}
    assert len(expected) > 50_000
    assert report.count <= 1


@pytest.mark.ring("night")
def test_one_list_published_in_two_formats_gives_the_same_names() -> None:
    adblock = read(LISTS / "hagezi-light-2022.adblock.xz", Format.ADBLOCK)
    wildcard = read(LISTS / "hagezi-light-2022.wildcard.xz", Format.WILDCARD)
    assert adblock[:2] == wildcard[:2]


def test_a_list_for_browsers_is_mostly_counted() -> None:
    """Every line is a rule, a comment, or counted; only whole hosts without browser options become rules."""
    path = LISTS / "easylist.adblock.xz"
    text = lzma.decompress(path.read_bytes()).decode()
    hosts = set(re.findall(r"(?m)^\|\|([a-z0-9.-]+\.[a-z]+)\^$", text))
    kinds, names, report = read(path, Format.ADBLOCK)
    assert hosts <= names
    assert kinds["block", "subtree"] < 1.1 * len(hosts)
    lines = [line for line in text.splitlines() if line and line[0] not in "![" and line[:1] != "#"]
    assert sum(kinds.values()) + report.count <= len(lines)
    assert report.count > 0.95 * len(lines)
    assert report.not_executable > 10_000


def test_a_list_of_urls_gives_no_name() -> None:
    kinds, _, report = read(LISTS / "ut1-phishing.urls.xz", Format.DOMAINS)
    assert not kinds
    assert report.not_executable == report.count > 19_000


@pytest.mark.parametrize("path", sorted(LISTS.glob("*.rpz.xz")), ids=lambda path: path.name)
def test_a_zone_is_refused_as_what_it_is(path: Path) -> None:
    with pytest.raises(NotAListError, match="looks like a list of format rpz"):
        read(path, Format.DOMAINS)

"""Whole lists as they are published, against a count by other means; skipped where they are not at hand."""

from __future__ import annotations

import lzma
import re
from ipaddress import ip_address
from pathlib import Path

import pytest

from filterd.config.policies import icann_suffixes
from filterd.feed.parsing import ParseReport, parse
from filterd.feed.rules import collect
from filterd.feed.source import line_blocks, read_chunks
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

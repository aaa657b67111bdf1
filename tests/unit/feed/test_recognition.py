"""A file that is no list is refused whole, with its likeness; a list is not."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from filterd.feed.parsing import ParseReport, Run
from filterd.feed.reading import Form, read_list
from filterd.feed.recognition import START, likeness
from filterd.feed.rules import collect
from filterd.feed.source import NotAListError
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes

NAMES = [f"name{number}.example" for number in range(100)]
LINES = {
    Format.DOMAINS: "{}\n",
    Format.WILDCARD: "*.{}\n",
    Format.HOSTS: "0.0.0.0 {}\n",
    Format.ADBLOCK: "||{}^\n",
    Format.DNSMASQ: "address=/{}/#\n",
    Format.UNBOUND: 'local-zone: "{}" always_null\n',
}


def read(path: Path, form: Format) -> tuple[int, ParseReport]:
    """The number of rules, and the report."""
    report = ParseReport()
    wanted = Form(form, form.default_scope)
    return collect(read_list(path, wanted, Suffixes(), report)).count, report


@pytest.mark.parametrize("form", [each for each in Format if each is not Format.UT1])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"\xef\xbb\xbf \r\n\n", "an empty file"),
        (b"<!DOCTYPE html>\n<html><body>gone</body></html>", "an HTML page"),
        (b"\xef\xbb\xbf\n  <HTML lang=es>", "an HTML page"),
        (b"<!-- cached -->\n<html>", "an HTML page"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "an HTML page"),
        (b"<html><form method=post><input type=password></form>", "an HTML page with a form to log in"),
        (b'{"message": "Not Found"}', "a JSON document"),
        (b'[{"a": 1}]', "a JSON document"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG image"),
        (b"\x7fELF" + bytes(100), "a program"),
        (bytes(range(32)) * 10, "a binary file"),
        (gzip.compress(gzip.compress(b"a.example\n")), "a gzip file inside a compressed one"),
        (gzip.compress(lzma.compress(b"a.example\n")), "a xz file inside a compressed one"),
        (bytes(257) + b"ustar\x0000" + bytes(300), "a tar archive"),
        ("a.example\n".encode("utf-16"), "text in UTF-16"),
        (b"untrusted comment: signature\nRUQ\n", "a minisign signature"),
    ],
)
def test_no_list(tmp_path: Path, form: Format, content: bytes, kind: str) -> None:
    file = tmp_path / "list"
    file.write_bytes(content)
    with pytest.raises(NotAListError, match=f"is no list: it looks like {kind}"):
        read(file, form)


@pytest.mark.parametrize("unit", [b"<!---->", b"<!--", b"<?xml>", b"<", b"[! ", b"a -->"])
def test_a_start_that_resists_recognition_is_judged_at_once(unit: bytes) -> None:
    """An expression that tries every division of its text would take years."""
    assert likeness((unit * START)[:START]) is None


@pytest.mark.parametrize("written", list(LINES))
@pytest.mark.parametrize("asked", list(LINES))
def test_a_list_of_another_format(tmp_path: Path, written: Format, asked: Format) -> None:
    """A format that takes the lines of another keeps them."""
    file = tmp_path / "list"
    file.write_text("# a comment\n" + "".join(LINES[written].format(name) for name in NAMES))
    taken = {
        (Format.DOMAINS, Format.WILDCARD), (Format.DOMAINS, Format.ADBLOCK), (Format.HOSTS, Format.ADBLOCK),
        (Format.WILDCARD, Format.ADBLOCK),
    }  # fmt: skip
    if written is asked or (written, asked) in taken:
        assert read(file, asked)[0] == len(NAMES)
        return
    with pytest.raises(NotAListError, match=f"looks like a list of format {written}, .* says {asked}"):
        read(file, asked)


@pytest.mark.parametrize("form", [Format.DOMAINS, Format.HOSTS])
def test_a_response_policy_zone(tmp_path: Path, form: Format) -> None:
    file = tmp_path / "zone"
    file.write_text("$TTL 60\n@ IN SOA a. b. 1 2 3 4 5\n" + "".join(f"{name} CNAME .\n" for name in NAMES))
    with pytest.raises(NotAListError, match="looks like a list of format rpz"):
        read(file, form)


@pytest.mark.parametrize("form", list(LINES))
def test_bad_lines_alone_refuse_no_list(tmp_path: Path, form: Format) -> None:
    """A few, or many of no known format: they are counted, and the guard judges the rest."""
    file = tmp_path / "list"
    other = next(each for each in LINES if each not in (form, Format.DOMAINS, Format.WILDCARD))
    few = "".join(LINES[other].format(name) for name in NAMES[:19])
    file.write_text(few)
    assert read(file, form)[1].count in (0, 19)
    file.write_text("".join(LINES[form].format(name) for name in NAMES[:10]) + few)
    assert read(file, form)[0] >= 10
    file.write_text("two words and more\n" * 100)
    assert (read(file, form)[0], read(file, form)[1].count) == (0, 100)


def test_a_list_of_urls_is_counted_and_never_widened(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text("".join(f"{name}/page\nhttps://{name}/\n" for name in NAMES))
    count, report = read(file, Format.DOMAINS)
    assert (count, report.not_executable, report.count) == (0, 200, 200)


def test_a_refusal_comes_when_all_was_read(tmp_path: Path) -> None:
    """Also behind lines that give names."""
    file = tmp_path / "list"
    file.write_text("one.example\n" + "".join(LINES[Format.HOSTS].format(name) for name in NAMES))
    seen: list[Run] = []
    with pytest.raises(NotAListError):
        seen.extend(
            read_list(file, Form(Format.DOMAINS, Format.DOMAINS.default_scope), Suffixes(), ParseReport())
        )

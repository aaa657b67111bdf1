"""The page that names a list under a moving address, its control file, and the list's lines."""

from __future__ import annotations

import hashlib

import pytest

from filterd.feed.registers import list_page
from filterd.feed.registers.control_file import (
    MAX_CONTROL,
    ControlFileError,
    ListDigest,
    read_control,
    require_sound,
)
from filterd.feed.registers.list_page import (
    MAX_LINKS,
    MAX_PAGE,
    ListPageError,
    Marks,
    NamedFiles,
    named_files,
)
from filterd.feed.registers.listed import parse_listed
from filterd.feed.registers.parsed import LONGEST_ENTRY, RegisterSyntaxError

BASE = "https://authority.example/portale/siti-inibiti"
MARKS = Marks("elenco_siti.txt", "elenco_siti.sha-256")
PAGE = """<!DOCTYPE html><p>Elenco</p><a href="/documents/elenco_siti.pdf/11-aa">PDF</a>
<!-- <a href="/documents/elenco_siti.txt/old">before</a> -->
<A class=x HREF='/documents/elenco_siti.txt/22-bb?t=1&amp;d=2#top'>TXT</A>
<a href=/documents/elenco_siti.sha-256/33-cc>control</a>"""


def led_to(address: str) -> bytes:
    """The page with that address of the list."""
    return PAGE.replace("/documents/elenco_siti.txt/22-bb", address).encode()


def test_the_current_addresses_are_those_of_this_reading_of_the_page() -> None:
    found = named_files(PAGE.encode(), BASE, MARKS)
    assert found == NamedFiles(
        "https://authority.example/documents/elenco_siti.txt/22-bb?t=1&d=2",
        "https://authority.example/documents/elenco_siti.sha-256/33-cc",
    )
    moved = PAGE.replace("22-bb", "44-dd").encode()
    assert "44-dd" in named_files(moved, BASE, MARKS).list_address


@pytest.mark.parametrize("tag", [b"<a ", b"<a href", b"<a x=", b"<a\thref=' "])
def test_a_page_of_beginnings_is_read_once(tag: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Counting:
        def search(self, text: str) -> None:
            seen.append(len(text))

    monkeypatch.setattr(list_page, "_HREF", Counting())
    page = (tag * 300 + b">") * 20 + tag * 5_000 + b">"
    with pytest.raises(ListPageError):
        named_files(page, BASE, MARKS)
    assert 20 <= len(seen) <= 21
    assert sum(seen) <= len(page)


def test_a_link_behind_the_beginning_of_another_is_found() -> None:
    for stray in (b"<a ", b"<a " + b"x" * 4_090, b"<a " + b"x" * 9_000):
        assert named_files(stray + PAGE.encode(), BASE, MARKS).list_address.endswith("t=1&d=2")


def test_links_are_found_by_their_words_and_in_a_plain_index() -> None:
    words = b'<a href="/d/1"><b>The  list</b></a><a href="/d/2">Its control file</a>'
    assert named_files(words, BASE, Marks("the  LIST", "control file")) == NamedFiles(
        "https://authority.example/d/1", "https://authority.example/d/2"
    )
    index = b"https://authority.example/7/names.txt\nhttps://authority.example/7/names.txt.sha256\n"
    assert named_files(index, BASE, Marks("names.txt", "names.txt.sha256")).list_address.endswith(
        "/7/names.txt"
    )


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (led_to("http://authority.example/elenco_siti.txt"), "https"),
        (led_to("https://u:p@authority.example/elenco_siti.txt"), "https"),
        (led_to("//elsewhere.example/elenco_siti.txt"), "another host"),
        (b"", "no list"),
        (PAGE.replace("elenco_siti.sha-256", "x").encode(), "no control file"),
        ((PAGE + '<a href="/documents/elenco_siti.txt/55">other</a>').encode(), "2 list"),
        (b"x" * (MAX_PAGE + 1), "bytes"),
        (b"<a href=/x>y</a>" * (MAX_LINKS + 1), "links"),
        (b"\xff\xfe\x00<a href=" + b"<!--" * 100_000, "no list"),
        (b'<a href="//[::1/elenco_siti.txt">x</a><a href="https://a:99999/elenco_siti.txt">x</a>', "no list"),
    ],
)  # fmt: skip
def test_a_page_that_names_no_single_list_is_refused(page: bytes, says: str) -> None:
    with pytest.raises(ListPageError, match=says):
        named_files(page, BASE, MARKS)


def test_another_host_counts_where_the_register_allows_it() -> None:
    page = led_to("//files.example/elenco_siti.txt")
    marks = Marks(MARKS.list_mark, MARKS.control_mark, ("files.example",))
    assert named_files(page, BASE, marks).list_address.startswith("https://files.example/")


LIST = b"0000311_2026.11.26\r\nbetting.example\r\n"
DIGEST = hashlib.sha256(LIST).hexdigest()


@pytest.mark.parametrize(
    "control",
    [
        DIGEST,
        f"\ufeff{DIGEST.upper()}\r\n",
        f"{DIGEST}  elenco_siti.txt\n",
        f"{DIGEST} *./elenco_siti.txt\n{'0' * 64}  elenco_siti.pdf\n",
        f"SHA256 (elenco_siti.txt) = {DIGEST}",
        f"SHA-256: {DIGEST}",
    ],
)
def test_every_usual_form_of_a_control_file_is_read(control: str) -> None:
    found = read_control(control.encode(), "https://authority.example/documents/elenco_siti.txt/22-bb")
    assert found == ListDigest("sha256", DIGEST)
    require_sound(LIST, found)
    with pytest.raises(ControlFileError, match="does not have the digest"):
        require_sound(LIST[:-1], found)


@pytest.mark.parametrize(
    ("control", "says"),
    [
        (b"", "no digest"),
        (b"<html>moved</html>", "no digest"),
        (b"0" * 32, "MD5"),
        (b"a" * 40, "SHA-1"),
        (b"a" * 63, "no known length"),
        (f"{'0' * 64}\n{'1' * 64}\n".encode(), "no digest"),
        (f"{'0' * 64}  names.txt\n{'1' * 64}  names.txt\n".encode(), "several"),
        (b"\n" * (MAX_CONTROL + 1), "bytes"),
    ],
)
def test_a_control_file_that_proves_nothing_is_refused(control: bytes, says: str) -> None:
    with pytest.raises(ControlFileError, match=says):
        read_control(control, "https://authority.example/names.txt")


def test_each_line_is_an_item_with_its_number() -> None:
    found = parse_listed(
        b"\xef\xbb\xbf0000311_2026.11.26\r\nBetting.example\rhttps://casino.example/\n\n# note\n"
        b"0000311_2026.11.26\nno\x07name\nca\xc3\xb1on.example\n" + b"a" * (LONGEST_ENTRY + 1)
    )
    assert found.whole
    assert [(each.number, each.line, each.entry, bool(each.error)) for each in found.items] == [
        (1, 2, "Betting.example", False),
        (2, 3, "https://casino.example/", False),
        (3, 6, "0000311_2026.11.26", False),
        (4, 7, "no\x07name", True),
        (5, 8, "cañon.example", False),
        (6, 9, "a" * 253, True),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"0000311_2026.11.26\n",
        b"\xef\xbb\xbf <!DOCTYPE html>",
        b"%PDF-1.7\n",
        b"{}",
        b"PK\x03\x04",
        b"a\0b",
    ],
)
def test_what_is_no_list_is_refused_whole(content: bytes) -> None:
    with pytest.raises(RegisterSyntaxError):
        parse_listed(content)

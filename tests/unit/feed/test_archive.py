"""Archives in the UT1 layout: categories, members that are no lists, and archives that mean harm."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed import archive
from filterd.feed.archive import NO_FILE, OUTSIDE
from filterd.feed.names import NOT_EXECUTABLE
from filterd.feed.parsing import ParseReport
from filterd.feed.reading import Form, read_list
from filterd.feed.rules import collect
from filterd.feed.source import MAX_BYTES, DamagedError, NotAListError, SourceError, TooLargeError
from filterd.model.rule import Scope
from filterd.policy.documents import Format
from filterd.policy.suffixes import Suffixes
from tests.unit.feed.test_decompression import PACKERS

MEMBERS = {
    "blacklists/README": b"not read: one.example\n",
    "blacklists/adult/domains": b"a.example\nb.example\n192.0.2.1\n",
    "blacklists/adult/urls": b"c.example/page\nd.example/~user\n",
    "blacklists/adult/expressions": b"(sex|porn)\n",
    "blacklists/adult/usage": b"black\n",
    "blacklists/games/domains": b"g.example\n",
    "blacklists/empty/domains": b"",
}


def tarred(members: dict[str, bytes], *others: tarfile.TarInfo, form: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar archive with the files, and other members without content."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
        for header in others:
            tar.addfile(header)
    return file.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive with the files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


def other(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """The header of a member that is no regular file."""
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header


def read(path: Path, part: str = "", limit: int = MAX_BYTES) -> tuple[set[str], ParseReport]:
    """The names, and the report."""
    report = ParseReport()
    runs = read_list(path, Form(Format.UT1, Scope.SUBTREE, part), Suffixes(), report, limit=limit)
    return {rule.name for rule in collect(runs).rules()}, report


def written(folder: Path, content: bytes) -> Path:
    file = folder / "lists.tar"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    "pack",
    [
        tarred,
        lambda members: tarred(members, form=tarfile.PAX_FORMAT),
        lambda members: tarred(members, form=tarfile.USTAR_FORMAT),
        lambda members: gzip.compress(tarred(members)),
        lambda members: lzma.compress(tarred(members)),
        lambda members: PACKERS["zstd"](tarred(members)),
        zipped,
    ],
)
def test_an_archive(tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes]) -> None:
    file = written(tmp_path, pack(MEMBERS))
    names, report = read(file)
    assert names == {"a.example", "b.example", "g.example"}
    assert report.reasons == {"an IP address": 1, NOT_EXECUTABLE: 2, "a regular expression": 1}
    assert report.not_executable == 2
    assert [(each.member, each.line, each.text) for each in report.kept] == [
        ("blacklists/adult/domains", 3, "192.0.2.1"),
        ("blacklists/adult/urls", 1, "c.example/page"),
        ("blacklists/adult/urls", 2, "d.example/~user"),
        ("blacklists/adult/expressions", 1, "(sex|porn)"),
    ]
    assert read(file, "games") == ({"g.example"}, ParseReport())
    assert read(file, "empty")[0] == set()


def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    link = other("blacklists/porn", tarfile.SYMTYPE, "adult")
    file = written(tmp_path, tarred(MEMBERS, link))
    with pytest.raises(NotAListError, match="has no category sports; it has adult, empty, games"):
        read(file, "sports")
    with pytest.raises(NotAListError, match="porn is a link to 'adult': set part to that"):
        read(file, "porn")


def test_members_that_mean_harm_are_counted_and_not_read(tmp_path: Path) -> None:
    outside = {
        "/etc/adult/domains": b"x.example\n",
        "../adult/domains": b"x.example\n",
        "lists/../../adult/domains": b"x.example\n",
        "lists\\adult/domains": b"x.example\n",
    }
    others = [
        other("lists/x/domains", tarfile.SYMTYPE, "/etc/passwd"),
        other("lists/y/domains", tarfile.LNKTYPE, "lists/adult/domains"),
        other("lists/z/domains", tarfile.CHRTYPE),
        other("lists/f/domains", tarfile.FIFOTYPE),
    ]
    file = written(tmp_path, tarred({"lists/adult/domains": b"a.example\n"} | outside, *others))
    names, report = read(file)
    assert names == {"a.example"}
    assert report.reasons == {OUTSIDE: 4, NO_FILE: 4}
    assert {each.member for each in report.kept} == {*outside, *(each.name for each in others)}
    assert [path.name for path in tmp_path.iterdir()] == ["lists.tar"]


def test_a_path_that_would_steer_a_terminal(tmp_path: Path) -> None:
    name = b"lists/\x1b[2J\xff/domains".decode("utf-8", "surrogateescape")
    _, report = read(written(tmp_path, tarred({name: b"two words\n"})))
    (skipped,) = report.kept
    assert skipped.member == "lists/?[2J?/domains"
    assert str(skipped) == "lists/?[2J?/domains:1: more than one word: two words"


def test_a_confidential_list_keeps_no_text(tmp_path: Path) -> None:
    report = ParseReport(quotes=False)
    file = written(tmp_path, tarred(MEMBERS))
    collect(read_list(file, Form(Format.UT1, Scope.SUBTREE), Suffixes(), report))
    assert len(report.kept) == 4
    assert {each.text for each in report.kept} == {""}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (b"a.example\nb.example\n", "a plain list"),
        (b"<html>gone</html>", "an HTML page"),
        (b"\x1f\x8b\x08\x00\x00", "damaged"),
    ],
)
def test_no_archive(tmp_path: Path, content: bytes, kind: str) -> None:
    with pytest.raises(SourceError, match=kind):
        read(written(tmp_path, content))


def test_an_archive_of_other_things(tmp_path: Path) -> None:
    with pytest.raises(NotAListError, match="has no member CATEGORY/domains"):
        read(written(tmp_path, tarred({"domains": b"a.example\n", "source/list.py": b"x\n"})))


def test_a_member_that_is_a_page(tmp_path: Path) -> None:
    file = written(tmp_path, tarred(MEMBERS | {"blacklists/ads/domains": b"<html>gone</html>"}))
    with pytest.raises(NotAListError, match=r"blacklists/ads/domains in .* looks like an HTML page"):
        read(file)
    assert read(file, "games")[0] == {"g.example"}


@pytest.mark.parametrize("end", [100, 512, 1100, 3000, 5000])
def test_an_archive_that_is_cut_off_loses_no_category_in_silence(tmp_path: Path, end: int) -> None:
    with pytest.raises(SourceError):
        read(written(tmp_path, tarred(MEMBERS)[:end]))


def test_a_broken_header_in_the_middle(tmp_path: Path) -> None:
    """tarfile would take it for the end."""
    content = bytearray(tarred(MEMBERS))
    content[content.index(b"blacklists/games/domains")] ^= 1
    with pytest.raises(DamagedError, match="bad checksum"):
        read(written(tmp_path, bytes(content)))


def test_damage_behind_the_last_member_is_seen(tmp_path: Path) -> None:
    packed = gzip.compress(tarred(MEMBERS))
    with pytest.raises(DamagedError):
        read(written(tmp_path, packed[:-4] + bytes(4)))


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = {"lists/adult/domains": b"a.example\n" * 1_000_000}
    for packed in (gzip.compress(tarred(big)), zipped(big)):
        file = written(tmp_path, packed)
        with pytest.raises(TooLargeError, match="larger than 1000000 bytes"):
            read(file, limit=1_000_000)
    long_name = tarfile.TarInfo("x" * 100_000 + "/domains")
    with pytest.raises(DamagedError, match="a header of 100009 bytes"):
        read(written(tmp_path, tarred({"lists/a/domains": b"a.example\n"}, long_name)))
    monkeypatch.setattr(archive, "MAX_MEMBERS", 5)
    with pytest.raises(DamagedError, match="more than 5 members"):
        read(written(tmp_path, tarred(MEMBERS)))


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=8), st.booleans())
def test_an_altered_archive_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], as_zip: bool
) -> None:
    """Invariant: names or SourceError, never another exception."""
    content = bytearray(zipped(MEMBERS) if as_zip else tarred(MEMBERS))
    for place, octet in changes:
        content[place % len(content)] = octet
    try:
        read(written(tmp_path_factory.mktemp("altered"), bytes(content)))
    except SourceError as error:
        assert str(error)

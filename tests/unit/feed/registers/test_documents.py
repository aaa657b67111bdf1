"""The readers of registers: every row has its item or its error, and hostile bytes do no harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.registers.parsed import LONGEST_ENTRY, ParsedDocument, RegisterSyntaxError
from filterd.feed.registers.reading import parse
from filterd.model.register import ItemAct, RegisterKind
from tests.unit.operations.registers.test_lists import register_xml

WARSAW = "Europe/Warsaw"
CSV, JSON, POLAND = RegisterKind.CSV, RegisterKind.JSON, RegisterKind.POLAND


def read(kind: RegisterKind, data: bytes) -> ParsedDocument:
    """The document, as a whole list of Poland's, else as a document."""
    return parse(kind, data, zone=WARSAW, whole=kind is POLAND)


def test_csv_and_json_say_the_same() -> None:
    rows = [(7, "block", "one.example"), (9, "unblock", "two.example")]
    text = "item,document,official,action,entry\n" + "".join(f"{n},D-1,A. O.,{a},{e}\n" for n, a, e in rows)
    value = {
        "document": "D-1",
        "official": "A. O.",
        "items": [{"item": n, "action": a, "entry": e} for n, a, e in rows],
    }
    found = read(CSV, b"\xef\xbb\xbf" + text.encode()), read(JSON, json.dumps(value).encode())
    for each in found:
        assert (each.document, each.official, each.errors) == ("D-1", "A. O.", ())
        assert [(item.number, item.place, item.act, item.entry) for item in each.items] == [
            (1, "7", ItemAct.BLOCK, "one.example"),
            (2, "9", ItemAct.UNBLOCK, "two.example"),
        ]
    assert [item.line for item in found[0].items] == [2, 3]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("1,block,", "it has no entry"),
        ("x,block,a.example", "no number"),
        ("1,drop,a.example", "neither block nor unblock"),
        ("1,block", "2 cells"),
        (f"1,block,{'a' * (LONGEST_ENTRY + 1)}", "longer than"),
        ("1,block,a\x00b.example", "characters that no name has"),
    ],
)
def test_a_bad_row_is_an_item_with_its_line(row: str, error: str) -> None:
    found = read(CSV, f"item,action,entry\n2,block,good.example\n{row}\n".encode())
    assert [each.line for each in found.errors] == [3]
    assert error in found.errors[0].error
    assert found.items[0].error == ""


def test_numbers_that_stand_twice() -> None:
    again = [{"item": 1, "entry": "a.example"}, {"item": 1, "entry": "b.example"}, "c.example"]
    found = read(JSON, json.dumps({"items": again}).encode())
    assert [bool(each.error) for each in found.items] == [False, True, True]
    xml = register_xml(["a.example", "b.example"]).replace(b'Lp="2"', b'Lp="1"')
    assert [each.error for each in read(POLAND, xml).items] == ["", "Lp 1 stands twice"]


def test_an_entry_is_judged_whatever_its_number_is() -> None:
    again = [{"item": 1, "entry": "a.example"}, {"item": 1, "entry": "\ud800"}]
    found = read(JSON, json.dumps({"items": again}).encode())
    assert [each.error for each in found.items] == ["", "its entry has characters that no name has"]


BILLION = (
    b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Rejestr><PozycjaRejestru>'
    b"<AdresDomeny>&b;</AdresDomeny></PozycjaRejestru></Rejestr>"
)
OUTSIDE = b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Rejestr/>'
WHOLE = register_xml(["a.example", "b.example"])


@pytest.mark.parametrize(
    ("kind", "data", "error"),
    [
        (POLAND, BILLION, "DOCTYPE"),
        (POLAND, OUTSIDE, "DOCTYPE"),
        (POLAND, b"<Rejestr>&unknown;</Rejestr>", "undefined entity"),
        (POLAND, WHOLE[:-4], "line 5"),
        (POLAND, b"", "no element found"),
        (POLAND, b"<html><body>busy</body></html>", "its root is 'html'"),
        (POLAND, b"<Rejestr>" + b"<a>" * 20, "too deep"),
        (POLAND, register_xml(["a" * 5000]), "longer than"),
        (POLAND, b'<?xml version="1.0" encoding="utf-99"?><Rejestr/>', "encoding"),
        (CSV, b"entry\n\xff\xfe\n", "line 2: the document is not UTF-8"),
        (CSV, b"entry,entry\n", "stands twice"),
        (CSV, b'entry\n"a.example\n', "line 2"),
        (CSV, b"document,entry\nD-1,a.example\nD-2,b.example\n", "line 3: another document"),
        (JSON, b"[" * 100_000, "nested too deeply"),
        (JSON, b'{"items": [], "items": []}', "a key twice"),
        (JSON, b'{"items": NaN}', "NaN"),
        (JSON, b'{"items": ' + b"9" * 5000 + b"}", "too long"),
        (JSON, b'{"items": [\n', "line 2"),
        (JSON, b'{"list": []}', "an unknown key"),
    ],
)
def test_what_is_no_document_is_refused_as_a_whole(kind: RegisterKind, data: bytes, error: str) -> None:
    with pytest.raises(RegisterSyntaxError, match=error):
        read(kind, data)


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2027-01-15T08:00:00", 1_799_996_400),
        ("2027-07-15T08:00:00", 1_815_631_200),
        ("2027-10-31T02:30:00", 1_824_942_600),  # it comes twice: the first one, in summer time
        ("2027-03-28T02:30:00", 1_806_197_400),  # it never comes: 03:30 in summer time
        ("2027-01-15T08:00:00Z", 1_800_000_000),
        ("2027-01-15T08:00:00.5+01:00", 1_799_996_400.5),
    ],
)
def test_times_without_a_zone_are_those_of_the_pack(written: str, utc: float) -> None:
    (item,) = read(POLAND, register_xml(["a.example"], at=written)).items
    assert (item.at, item.error) == (utc, "")


def test_a_removal_date_and_times_that_are_none() -> None:
    (item,) = read(POLAND, register_xml(["a.example"], removed="2027-01-15T08:00:00")).items
    assert (item.act, item.at) == (ItemAct.UNBLOCK, 1_799_996_400)
    for wrong in ("", "yesterday", "0001-01-01T00:00:00"):
        (item,) = read(POLAND, register_xml(["a.example"], at=wrong)).items
        assert item.error.startswith("no time")


@pytest.mark.ring("merge")
def test_fifty_thousand_entries_are_read_and_told() -> None:
    told: list[int] = []
    names = [f"n{number}.example" for number in range(50_000)]
    data = register_xml(names)
    found = parse(POLAND, data, zone=WARSAW, whole=True, tell=told.append)
    assert [each.entry for each in found.items] == names
    assert found.items[-1].line == 50_002
    assert told == list(range(5_000, 50_001, 5_000))


@given(st.binary(max_size=300), st.sampled_from([CSV, JSON, POLAND]))
def test_any_bytes_are_read_or_refused(data: bytes, kind: RegisterKind) -> None:
    try:
        found = read(kind, data)
    except RegisterSyntaxError:
        return
    assert [each.number for each in found.items] == list(range(1, len(found.items) + 1))

"""The compiler: from the text of lists to a snapshot that says what it holds, and the digests."""

from __future__ import annotations

import hashlib
import hmac
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.feed.parsing import ParseReport, parse
from filterd.feed.rules import collect
from filterd.model.rule import Scope
from filterd.model.verdict import Kind
from filterd.operations.feeds.rule_files import canonical_text
from filterd.policy.canonical import CanonicalError, wire_of
from filterd.policy.classes import Classes, ListClass, from_meta
from filterd.policy.compiler import Compiled, CompileError, ListSource, compile_snapshot, whole_lines
from filterd.policy.digests import list_digest, policy_digest
from filterd.policy.documents import Format
from filterd.policy.snapshot import Snapshot, match_wire
from filterd.policy.suffixes import Suffixes

KEY = bytes(range(16))
ADULT = ListClass("adult-one", Kind.CATEGORY, 9, "adult")
POLICE = ListClass("police", None, 3)
TEXT = b"@192.0.2.0/24\na.test\nb.test exact\n"


def compiled(*sources: ListSource, **meta: Any) -> Compiled:
    return compile_snapshot(sources, KEY, revision=11, built_at=22, meta=meta)


def opened(result: Compiled) -> Snapshot:
    content = b"".join(result.pieces)
    assert len(content) == result.size
    return Snapshot.read(io.BytesIO(content), len(content), KEY)


def test_a_snapshot_says_what_it_holds() -> None:
    snapshot = opened(
        compiled(
            ListSource((ADULT,), "v1", [TEXT], title="Adult names"),
            ListSource((POLICE,), "7", [b"b.test\n"], secret=b"s" * 32),
            mandates=[{"id": 3}],
        )
    )
    assert (snapshot.built_at_revision, snapshot.built_at) == (11, 22)
    assert snapshot.meta == {
        "lists": [
            {
                "id": "adult-one",
                "kind": "category",
                "bit": 9,
                "category": "adult",
                "version": "v1",
                "digest": hashlib.sha256(TEXT).hexdigest(),
                "names": 3,
                "confidential": False,
                "title": "Adult names",
            },
            {
                "id": "police",
                "kind": "mandatory",
                "mandatory_id": 3,
                "version": "7",
                "digest": hmac.new(b"s" * 32, b"b.test\n", "sha256").hexdigest(),
                "names": 1,
                "confidential": True,
                "title": "",
            },
        ],
        "mandates": [{"id": 3}],
        "address_prefixes": {"4": [24], "6": []},
    }
    assert from_meta(snapshot.meta["lists"]) == Classes((ADULT, POLICE))
    found = match_wire(snapshot, None, KEY, wire_of("b.test"), b"")
    assert found.bits == {9}
    assert found.mandatory == ((3, 1, 0),)


def test_the_policy_digest_is_that_of_the_lists() -> None:
    one = compiled(ListSource((ADULT,), "v1", [TEXT]), ListSource((POLICE,), "7", [b"b.test\n"]))
    other = compiled(ListSource((POLICE,), "7", [b"b.test\n"]), ListSource((ADULT,), "v1", [TEXT]), more=1)
    assert one.digest == other.digest == opened(one).digest
    triples = [(str(e["id"]), str(e["version"]), str(e["digest"])) for e in one.lists]
    assert one.digest == policy_digest(reversed(triples))
    for changed in (
        ListSource((ADULT,), "v2", [TEXT]),
        ListSource((ADULT,), "v1", [TEXT + b"c.test\n"]),
        ListSource((ListClass("adult-two", Kind.CATEGORY, 9, "adult"),), "v1", [TEXT]),
    ):
        assert compiled(changed, ListSource((POLICE,), "7", [b"b.test\n"])).digest != one.digest


def test_the_digest_has_nothing_to_do_with_the_key_or_the_moment() -> None:
    sources = [ListSource((ADULT,), "v1", [TEXT])]
    one = compile_snapshot(sources, KEY, revision=1, built_at=2)
    other = compile_snapshot(sources, bytes(16), revision=3, built_at=4)
    assert one.digest == other.digest
    assert one.pieces != other.pieces


def test_a_list_in_several_categories() -> None:
    both = (ADULT, ListClass("adult-one", Kind.CATEGORY, 10, "dating"))
    result = compiled(ListSource(both, "v1", [TEXT]))
    assert [entry["bit"] for entry in result.lists] == [9, 10]
    assert match_wire(opened(result), None, KEY, wire_of("a.test"), b"").bits == {9, 10}


@pytest.mark.parametrize("size", [1, 2, 7, 13, 1000])
def test_runs_may_be_cut_anywhere(size: int) -> None:
    runs = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
    assert b"".join(whole_lines(runs)) == TEXT
    assert all(run.endswith(b"\n") for run in whole_lines(runs))
    assert (
        compiled(ListSource((ADULT,), "1", runs)).lists == compiled(ListSource((ADULT,), "1", [TEXT])).lists
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a.test\nA.test\n", "the list adult-one, version v3: line 2 is no canonical rule"),
        (b"a.test\nb.te", "the list adult-one, version v3: the text is cut"),
        (b"a" * 2000, "the list adult-one, version v3: a line longer than"),
    ],
)
def test_a_damaged_list_is_named(text: bytes, reason: str) -> None:
    with pytest.raises(CompileError, match=reason):
        compiled(ListSource((ADULT,), "v3", [text]))


def test_the_longest_rule_is_a_line() -> None:
    labels = ["\\255" * 63] * 3 + ["\\255" * 61]
    line = f"{'.'.join(labels)} below allow\n".encode()
    assert compiled(ListSource((ADULT,), "1", [line[:900], line[900:]])).lists[0]["names"] == 1
    with pytest.raises(CanonicalError, match="longer than"):
        list(whole_lines([b"a" * 1101]))


def test_list_digest() -> None:
    assert list_digest(b"") == hashlib.sha256(b"").hexdigest()
    assert list_digest(TEXT, b"x" * 40) == hmac.new(b"x" * 40, TEXT, "sha256").hexdigest()
    with pytest.raises(ValueError, match="32 bytes or more, not 5"):
        list_digest(TEXT, b"short")


listed = st.from_regex(r"[a-z0-9_.*@\\-]{1,70}(?:\.[a-z0-9-]{1,64}){0,3}\.[a-z0-9]{1,5}\.?", fullmatch=True)


@given(st.lists(listed))
@settings(deadline=None)
def test_whatever_a_list_parser_lets_through_compiles(lines: list[str]) -> None:
    """No line of a feed may stop a compile: what the parsers accept is canonical once it is stored."""
    block = "".join(f"{line}\n" for line in lines).encode()
    for form in (Format.DOMAINS, Format.WILDCARD):
        runs = list(parse([block], form, Scope.SUBTREE, Suffixes(), ParseReport()))
        rules = collect(runs)
        pieces = list(canonical_text(rules))
        result = compiled(ListSource((ADULT,), "1", pieces))
        assert result.lists[0]["names"] == rules.count

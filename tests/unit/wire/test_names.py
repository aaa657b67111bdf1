"""Names between text and wire form (RFC 1035 §5.1)."""

from __future__ import annotations

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.wire.names import NameTextError, name_from_text, name_to_text


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (".", b"\0"),
        ("Example", b"\7example\0"),
        ("www.EXAMPLE.", b"\3www\7example\0"),
        ("a\\.b.c", b"\3a.b\1c\0"),
        ("\\000\\255", b"\2\0\xff\0"),
        ("\\A", b"\1a\0"),
        ("_dns.x", b"\4_dns\1x\0"),
    ],
)
def test_from_text(text: str, wire: bytes) -> None:
    assert name_from_text(text) == wire


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "a..b",
        ".a",
        "a" * 64,
        ".".join(["a" * 63] * 4),
        "ñandú.example",
        "\\256",
        "\\2",
        "\\25x",
        "a\\",
    ],
)
def test_no_name(text: str) -> None:
    with pytest.raises(NameTextError):
        name_from_text(text)


def test_longest() -> None:
    text = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(name_from_text(text)) == 255
    with pytest.raises(NameTextError):
        name_from_text(text + "b")


labels = st.lists(st.binary(min_size=1, max_size=12), max_size=6)


@given(labels)
def test_there_and_back(parts: list[bytes]) -> None:
    wire = b"".join(bytes([len(part)]) + part for part in parts).lower() + b"\0"
    text = name_to_text(wire)
    assert name_from_text(text) == wire
    assert text == "." or not text.endswith(".") or text.endswith("\\.")
    assert dns.name.from_text(text).to_wire() == wire

"""Names between text and wire form (RFC 1035 §5.1)."""

from __future__ import annotations

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.wire.names import NameTextError, name_from_text, name_to_text
from filterd.wire.status import Status


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


@pytest.mark.parametrize(
    ("text", "says", "status"),
    [
        ("", "name is empty", Status.BAD_LABEL),
        ("ñandú.example", "name is not ASCII", Status.BAD_LABEL),
        ("a..b", "label of 0 bytes, 1 to 63 are allowed", Status.BAD_LABEL),
        ("a" * 64, "label of 64 bytes, 1 to 63 are allowed", Status.BAD_LABEL),
        ("\\256", r"escape \256 is above 255", Status.BAD_LABEL),
        ("\\25", "unfinished escape", Status.BAD_LABEL),
        (
            ".".join(["a" * 63] * 3 + ["b" * 62]),
            "name of 256 bytes, at most 255 are allowed",
            Status.NAME_TOO_LONG,
        ),
    ],
)
def test_why_it_is_no_name(text: str, says: str, status: Status) -> None:
    with pytest.raises(NameTextError) as caught:
        name_from_text(text)
    assert (str(caught.value), caught.value.status) == (says, status)


@pytest.mark.parametrize("length", [1, 62, 63])
def test_labels_of_every_length_that_is_allowed(length: int) -> None:
    assert name_from_text("a" * length) == bytes([length]) + b"a" * length + b"\0"


def test_longest() -> None:
    text = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(name_from_text(text)) == 255
    assert name_to_text(name_from_text(text)) == text


@pytest.mark.parametrize(
    ("byte", "text"),
    [
        (0x00, "\\000"),
        (0x20, "\\032"),
        (0x21, "!"),
        (0x22, '\\"'),
        (0x24, "\\$"),
        (0x28, "\\("),
        (0x29, "\\)"),
        (0x2E, "\\."),
        (0x3B, "\\;"),
        (0x40, "\\@"),
        (0x5C, "\\\\"),
        (0x7E, "~"),
        (0x7F, "\\127"),
        (0xFF, "\\255"),
    ],
)
def test_bytes_of_a_label_as_text(byte: int, text: str) -> None:
    assert name_to_text(bytes([1, byte, 0])) == text
    assert name_from_text(text) == bytes([1, byte, 0])


labels = st.lists(st.binary(min_size=1, max_size=12), max_size=6)


@given(labels)
def test_there_and_back(parts: list[bytes]) -> None:
    wire = b"".join(bytes([len(part)]) + part for part in parts).lower() + b"\0"
    text = name_to_text(wire)
    assert name_from_text(text) == wire
    assert text == "." or not text.endswith(".") or text.endswith("\\.")
    assert dns.name.from_text(text).to_wire() == wire

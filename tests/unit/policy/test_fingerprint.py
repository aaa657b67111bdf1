"""Keyed fingerprints: the published vectors, on the native code and on its twin."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filterd.policy import fingerprint, fingerprint_reference
from filterd.policy.canonical import wire_of

KEY = bytes(range(16))
VECTORS = {
    # From the test vectors of the SipHash reference code, 128-bit output: key 00..0f, input 00..n-1.
    0: "a3817f04ba25a8e66df67214c7550293",
    1: "da87c1d86b99af44347659119b22fc45",
    2: "8177228da4a45dc7fca38bdef60affe4",
    3: "9c70b60c5267a94e5f33b6b02985ed51",
    7: "a1f1ebbed8dbc153c0b84aa61ff08239",
    8: "3b62a9ba6258f5610f83e264f31497b4",
    15: "5493e99933b0a8117e08ec0f97cfc3d9",
    16: "6ee2a4ca67b054bbfd3315bf85230577",
    63: "5150d1772f50834a503e069a973fbd7c",
}


@pytest.mark.parametrize("of", [fingerprint.fingerprint, fingerprint_reference.fingerprint])
@pytest.mark.parametrize(("length", "expected"), VECTORS.items())
def test_published_vectors(of: Callable[[bytes, bytes], bytes], length: int, expected: str) -> None:
    assert of(KEY, bytes(range(length))).hex() == expected


def test_a_name_is_hashed_in_its_wire_form() -> None:
    assert fingerprint.fingerprint_name(KEY, "Example.com.") == fingerprint.fingerprint(
        KEY, b"\x07example\x03com\x00"
    )


def test_suffixes_go_down_to_the_root() -> None:
    found = fingerprint.suffix_fingerprints(KEY, wire_of("a.b.test"))
    assert found == [
        fingerprint.fingerprint(KEY, wire_of(text)) for text in ("a.b.test", "b.test", "test", ".")
    ]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"", "1 to 255 bytes"),
        (b"\x00" * 256, "1 to 255 bytes"),
        (b"\x03abc", "root byte"),
        (b"\x03ab", "root byte"),
        (b"\x00\x00", "root byte"),
        (b"\x40" + b"a" * 64 + b"\x00", "at most 63 bytes"),
        (b"\xc0\x0c", "at most 63 bytes"),
    ],
)
def test_what_is_no_wire_name(wire: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        fingerprint.suffix_fingerprints(KEY, wire)


def test_bits_beyond_the_prefix_do_not_count() -> None:
    one = fingerprint.prefix_fingerprint(KEY, 4, 20, bytes([192, 0, 0x1F, 255]))
    assert one == fingerprint.prefix_fingerprint(KEY, 4, 20, bytes([192, 0, 0x10, 0]))
    assert one != fingerprint.prefix_fingerprint(KEY, 4, 21, bytes([192, 0, 0x10, 0]))
    assert one != fingerprint.prefix_fingerprint(KEY, 4, 20, bytes([192, 0, 0x20, 0]))


@pytest.mark.parametrize(
    ("family", "length", "size"), [(4, 33, 4), (6, 129, 16), (4, 8, 16), (5, 8, 4), (4, -1, 4)]
)
def test_what_is_no_prefix(family: int, length: int, size: int) -> None:
    with pytest.raises(ValueError, match="no prefix"):
        fingerprint.prefix_fingerprint(KEY, family, length, bytes(size))


def test_a_key_has_sixteen_bytes() -> None:
    with pytest.raises(ValueError, match="16 bytes, not 15"):
        fingerprint.fingerprint(bytes(15), b"")

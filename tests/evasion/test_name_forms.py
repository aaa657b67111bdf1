"""How a blocked name is written in the question: letter case, escapes, bytes, lengths, compression."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.evasion import names
from tests.evasion.form import Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ORDERED
from tests.evasion.packets import of_name, packed


def label(content: bytes) -> bytes:
    return bytes([len(content)]) + content


def behind(*labels: bytes, of: str = ORDERED) -> Form:
    """What is asked is the ordered name behind these labels, byte by byte."""
    written = b"".join(label(each) for each in labels)
    return Form("", name=of, build=of_name(lambda name: written + packed(name)))


def mixed(name: str) -> bytes:
    bits = random.Random(name)
    return packed("".join(bits.choice((letter.lower(), letter.upper())) for letter in name))


ROOM = 255 - len(packed(ORDERED))
LONGEST = [b"x" * 63] * (ROOM // 64) + [b"x" * (ROOM % 64 - 1)] * (ROOM % 64 > 1)
LABELS = {
    "plain-below": [b"www"],
    "service-labels": [b"_443", b"_tcp"],
    "wildcard": [b"*"],
    "dot-in-label": [b"a.b"],
    "dots-alone": [b"..."],
    "backslash": [b"a\\b"],
    "escape-that-is-none": [b"\\046"],
    "zero-byte": [b"\0"],
    "zero-byte-at-the-end": [b"www\0"],
    "control-bytes": [bytes(range(32))],
    "high-bytes": [bytes(range(128, 191))],
    "every-byte": [bytes(range(k, k + 32)) for k in range(0, 192, 32)],
    "utf8": ["ñandú".encode()],
    "bad-utf8": [b"\xff\xfe\xc0\x80"],
    "space": [b"a b"],
    "tab-and-newline": [b"\t\n"],
    "hyphens": [b"-"],
    "idn": [b"xn--mller-kva"],
    "at-sign": [b"user@host"],
    "quote": [b'"'],
    "looks-like-a-pointer": [b"\xc0\x0c"],
    "longest-label": [b"x" * 63],
    "longest-name": LONGEST,
    "most-labels": [b"x"] * (ROOM // 2),
    "numbers": [b"203", b"0", b"113", b"66"],
    "another-name-before": [b"open", b"example"],
    "itself-twice": [b"ordered", b"example"],
    "protected-name-before": [b"help", b"example"],
    "suffix-before": [b"com", b"mx"],
    "reverse": [b"66", b"113", b"0", b"203", b"in-addr", b"arpa"],
}
CASES: dict[str, Callable[[str], bytes]] = {
    "upper": lambda name: packed(name.upper()),
    "title": lambda name: packed(name.title()),
    "swapped": lambda name: packed(name.swapcase()),
}
FORMS = (
    *(Form(word, name=ORDERED, build=behind(*labels).build) for word, labels in LABELS.items()),
    *(Form(f"case-{word}", name=ORDERED, build=of_name(change)) for word, change in CASES.items()),
    Form("case-mixed", name=f"www.{ORDERED}", build=of_name(mixed)),
    Form("case-mixed-exact", name=names.ORDERED_EXACT, build=of_name(mixed)),
    Form("case-mixed-list", name=f"x.{names.ADOPTED}", build=of_name(mixed)),
    Form("case-mixed-confidential", name=names.CONFIDENTIAL, build=of_name(mixed)),
    Form(
        "the-name-as-one-label",
        Gets.SERVED,
        name=ORDERED,
        build=of_name(lambda name: label(name.encode()) + b"\0"),
    ),
    Form(
        "a-dot-for-a-border",
        Gets.SERVED,
        name=ORDERED,
        build=of_name(lambda name: label(b"x.ordered") + label(b"example") + b"\0"),
    ),
    Form("longer-at-the-front", Gets.SERVED, name=f"not{ORDERED}"),
    Form("longer-at-the-end", Gets.SERVED, name="ordered.example2"),
    Form(
        "a-zero-byte-behind",
        Gets.SERVED,
        name=ORDERED,
        build=of_name(lambda name: label(b"ordered\0") + label(b"example") + b"\0"),
    ),
    Form(
        "pointer-to-itself", Gets.FORMERR, name=ORDERED, build=of_name(lambda name: b"\xc0\x0c"), edns=False
    ),
    Form(
        "pointer-forward",
        Gets.FORMERR,
        name=ORDERED,
        build=of_name(lambda name: b"\xc0\x12" + packed(name)),
        edns=False,
    ),
    Form(
        "pointer-into-the-header",
        Gets.FORMERR,
        name=ORDERED,
        build=of_name(lambda name: packed(name)[:-1] + b"\xc0\x04"),
        edns=False,
    ),
    Form(
        "pointer-to-its-own-end",
        Gets.FORMERR,
        name=ORDERED,
        build=of_name(lambda name: packed(name)[:-1] + b"\xc0\x1b"),
        edns=False,
    ),
    Form(
        "extended-label",
        Gets.FORMERR,
        name=ORDERED,
        build=of_name(lambda name: b"\x41\x01x" + packed(name)),
        edns=False,
    ),
    Form(
        "label-of-64",
        Gets.FORMERR,
        name=ORDERED,
        build=of_name(lambda name: b"\x40" + b"x" * 64 + packed(name)),
        edns=False,
    ),
    Form(
        "name-of-256",
        Gets.FORMERR,
        name=ORDERED,
        build=of_name(lambda name: label(b"x" * 63) * 4 + packed(name)),
        edns=False,
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

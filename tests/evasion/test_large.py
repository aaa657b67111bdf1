"""Answers that are long: a blocked name or address behind so much that nobody would look so far."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import pairwise

import pytest

from tests.evasion import names
from tests.evasion.form import FOR_THE_OWNER, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ADDRESS, ADDRESS6, CLEAN, FORBIDDEN, ORDERED, WORDS
from tests.evasion.packets import Raw, packed, raw, service
from tests.evasion.scripted import Says, chain, links

V4, V6, FINE = ip_address(ADDRESS).packed, ip_address(ADDRESS6).packed, ip_address(CLEAN).packed
FORBIDDEN4 = ip_address(FORBIDDEN).packed


def stopped(id: str, *records: Raw, rtype: str = "A", gets: Gets = Gets.STOPPED) -> Form:
    return Form(id, gets, raw(*records), rtype=rtype, kept=False)


def https(count: int, last: bytes) -> list[Raw]:
    """So many records, the last with what is hidden."""
    return [
        *(("@", "HTTPS", service(n, f"s{n}.other.example")) for n in range(1, count)),
        ("@", "HTTPS", last),
    ]


def long_alias(count: int) -> list[Raw]:
    """A chain of so many aliases, the last of them the ordered name."""
    owners = ["@", *(f"{link}." for link in links(count - 1)), f"{ORDERED}."]
    aliases = [(owner, "CNAME", packed(target)) for owner, target in pairwise(owners)]
    return [*aliases, (owners[-1], "A", FORBIDDEN4)]


TEXT = [f'TXT "{"x" * 200}"'] * 20
FORMS = (
    *(
        stopped(
            f"hint-behind-{count}", ("@", "HTTPS", service(1, ".", (4, FINE * count + V4))), rtype="HTTPS"
        )
        for count in (50, 250, 1000, 4000)
    ),
    *(
        stopped(
            f"hint6-behind-{count}",
            ("@", "HTTPS", service(1, ".", (6, (bytes(15) + b"\2") * count + V6))),
            rtype="HTTPS",
        )
        for count in (50, 1000)
    ),
    stopped("hint-behind-16000", ("@", "HTTPS", service(1, ".", (4, FINE * 16_000 + V4))), rtype="HTTPS"),
    stopped(
        "clean-but-beyond-any-judgement",
        ("@", "HTTPS", service(1, ".", (4, FINE * 16_000))),
        rtype="HTTPS",
        gets=Gets.FAILED,
    ),
    *(
        stopped(f"address-behind-{count}", *([("@", "A", FINE)] * count), ("@", "A", V4))
        for count in (70, 200, 1000, 2400)
    ),
    stopped(
        "address6-behind-1000", *([("@", "AAAA", bytes(15) + b"\2")] * 1000), ("@", "AAAA", V6), rtype="AAAA"
    ),
    *(
        stopped(f"target-behind-{count}", *https(count, service(999, ORDERED)), rtype="HTTPS")
        for count in (20, 100, 800)
    ),
    *(stopped(f"alias-behind-{count}", *long_alias(count), gets=Gets.ANYTHING) for count in (40, 150, 600)),
    stopped(
        "text-before-an-alias",
        *([("@", "TXT", b"\xc8" + b"x" * 200)] * 100),
        ("@", "CNAME", packed(ORDERED)),
        (ORDERED, "A", FORBIDDEN4),
        gets=Gets.ANYTHING,
    ),
    Form("cut-then-over-tcp", says=chain(ORDERED, last=(*TEXT, f'TXT "{WORDS}"')), rtype="TXT", kept=False),
    Form(
        "cut-then-over-tcp-midway",
        says=chain(ORDERED, "cdn.other.example", last=(*TEXT, f'TXT "{WORDS}"')),
        rtype="TXT",
        kept=False,
    ),
    Form(
        "cut-then-over-tcp-own-deny",
        FOR_THE_OWNER,
        chain(names.MINE, last=(*TEXT, f'TXT "{WORDS}"')),
        name="#.cut-own.example",
        rtype="TXT",
        kept=False,
    ),
    Form(
        "cut-on-both",
        Gets.ANYTHING,
        raw(("@", "CNAME", packed(ORDERED)), (ORDERED, "A", FORBIDDEN4), flags=0x8380),
        kept=False,
    ),
    Form(
        "cut-with-data",
        Gets.ANYTHING,
        Says([f"{ORDERED}. A {FORBIDDEN}", *[f"@ {text}" for text in TEXT]]),
        kept=False,
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

"""Aliases: chains of CNAME that lead to a blocked name, in every length and place."""

from __future__ import annotations

import pytest

from tests.evasion import names
from tests.evasion.form import FOR_BOTH_LINES, FOR_THE_CHILD, FOR_THE_OWNER, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import CLEAN, FORBIDDEN, WORDS
from tests.evasion.scripted import Says, chain, links

FORMS = (
    *(
        Form(f"length-{length}", says=chain(*links(length - 1), f"x.{names.ORDERED}"))
        for length in (1, 2, 3, 4, 5, 6, 7, 8)
    ),
    *(
        Form(f"long-{length}", Gets.ANYTHING, chain(*links(length - 1), f"x.{names.ORDERED}"), kept=False)
        for length in (9, 10, 12, 16, 24)
    ),
    *(
        Form(f"ordered-at-{place}", says=chain(*links(place), names.ORDERED, *links(6)[place:]))
        for place in range(6)
    ),
    Form("exact", says=chain(names.ORDERED_EXACT)),
    Form("below-exact-is-free", Gets.SERVED, chain(f"x.{names.ORDERED_EXACT}")),
    Form("below", says=chain(f"x.{names.ORDERED_BELOW}")),
    Form("name-of-below-is-free", Gets.SERVED, chain(names.ORDERED_BELOW)),
    Form("confidential", says=chain(names.CONFIDENTIAL)),
    Form("null-order", says=chain(names.NULLED)),
    Form("sinkhole-order", says=chain(names.SUNK)),
    Form("adopted", says=chain(f"cdn.{names.ADOPTED}")),
    Form("mixed-case", says=chain("X.oRdErEd.ExAmPlE")),
    Form(
        "mixed-case-in-the-chain",
        says=Says(
            [
                "@ CNAME A.oTHeR.eXAMPLe.",
                f"a.OThEr.ExamplE. CNAME X.{names.ORDERED.upper()}.",
                f"x.{names.ORDERED}. A {FORBIDDEN}",
            ]
        ),
    ),
    Form("deep", says=chain("a.b.c.d.e.f.g.h." + names.ORDERED)),
    Form("text", says=chain(names.ORDERED, last=(f'TXT "{WORDS}"',)), rtype="TXT"),
    Form("ipv6", says=chain(names.ORDERED, last=(f"AAAA {names.FORBIDDEN6}",)), rtype="AAAA"),
    Form("asked-as-cname", says=Says([f"@ CNAME {names.ORDERED}."]), rtype="CNAME"),
    Form("asked-as-any", says=chain(names.ORDERED), rtype="ANY"),
    Form(
        "order-turned",
        says=Says([f"{names.ORDERED}. A {FORBIDDEN}", f"@ CNAME {names.ORDERED}."]),
    ),
    Form(
        "alias-in-the-middle-turned",
        says=Says(
            [
                f"{names.ORDERED}. A {FORBIDDEN}",
                f"b.other.example. CNAME {names.ORDERED}.",
                "@ CNAME b.other.example.",
            ]
        ),
    ),
    Form(
        "loop-with-data",
        Gets.ANYTHING,
        Says(["@ CNAME a.other.example.", "a.other.example. CNAME @", f"{names.ORDERED}. A {FORBIDDEN}"]),
        kept=False,
    ),
    Form("self-loop", Gets.ANYTHING, Says(["@ CNAME @", f"{names.ORDERED}. A {FORBIDDEN}"]), kept=False),
    Form("two-aliases", says=Says([f"@ CNAME {names.ORDERED}.", f"{names.ORDERED}. A {FORBIDDEN}"])),
    Form(
        "two-targets",
        Gets.ANYTHING,
        Says(
            [
                "@ CNAME clean.other.example.",
                f"@ CNAME {names.ORDERED}.",
                f"clean.other.example. A {CLEAN}",
                f"{names.ORDERED}. A {FORBIDDEN}",
            ]
        ),
        kept=False,
    ),
    Form("dangling", says=Says([f"@ CNAME {names.ORDERED}."]), kept=False),
    Form("category", FOR_THE_CHILD, chain(f"cdn.{names.ADULT}")),
    Form("category-behind-four", FOR_THE_CHILD, chain(*links(4), names.ADULT)),
    Form("service", FOR_THE_CHILD, chain(names.CHAT)),
    Form("bypass", FOR_BOTH_LINES, chain(names.CANARY)),
    Form(
        "security",
        {**FOR_THE_OWNER, names.CHILD: Gets.BLOCKED, names.STRANGER: Gets.BLOCKED, names.OWNER: Gets.SERVED},
        chain(names.MALWARE),
    ),
    Form(
        "own-deny", FOR_THE_OWNER, chain(f"x.{names.MINE}", last=(f"A {FORBIDDEN}",)), name="#.alias.example"
    ),
    Form("own-deny-behind-four", FOR_THE_OWNER, chain(*links(4), names.MINE), name="#.alias-of-four.example"),
    Form("order-before-category", says=chain(names.ADULT, names.ORDERED)),
    Form("order-behind-allowed", says=chain(names.OPEN, names.ORDERED)),
    Form("order-behind-protected", says=chain(names.HELP, names.ORDERED)),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

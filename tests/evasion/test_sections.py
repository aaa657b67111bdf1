"""Data of blocked names in sections where nobody asked for it: additional, authority, beside the answer."""

from __future__ import annotations

import pytest

from tests.evasion import names
from tests.evasion.form import Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ADDRESS, CLEAN, FORBIDDEN, FORBIDDEN6, ORDERED, WORDS
from tests.evasion.scripted import Says

GLUE = (f"{ORDERED}. A {FORBIDDEN}", f"{ORDERED}. AAAA {FORBIDDEN6}")
POINTING = {
    "mx": ("MX", f"10 {ORDERED}."),
    "srv": ("SRV", f"1 1 5060 {ORDERED}."),
    "naptr": ("NAPTR", f'10 10 "A" "SIP+D2U" "" {ORDERED}.'),
    "ns": ("NS", f"{ORDERED}."),
    "ptr": ("PTR", f"{ORDERED}."),
    "rp": ("RP", f"{ORDERED}. other.example."),
    "afsdb": ("AFSDB", f"1 {ORDERED}."),
    "kx": ("KX", f"1 {ORDERED}."),
}
LISTED = {
    "adult": names.ADULT,
    "chat": names.CHAT,
    "canary": names.CANARY,
    "malware": names.MALWARE,
    "adopted": names.ADOPTED,
    "confidential": names.CONFIDENTIAL,
    "mine": names.MINE,
}
FORMS = (
    *(
        Form(f"glue-of-{word}", Gets.WITHHELD, Says([f"@ {rtype} {data}"], (), GLUE), rtype=rtype)
        for word, (rtype, data) in POINTING.items()
    ),
    *(
        Form(
            f"glue-{word}",
            Gets.WITHHELD,
            Says([f"@ MX 10 {name}."], (), [f"{name}. A {FORBIDDEN}", f"{name}. AAAA {FORBIDDEN6}"]),
            rtype="MX",
        )
        for word, name in LISTED.items()
    ),
    Form(
        "glue-of-many",
        Gets.WITHHELD,
        Says(
            [*(f"@ MX {number} m{number}.other.example." for number in range(8)), f"@ MX 9 {ORDERED}."],
            (),
            [*(f"m{number}.other.example. A {CLEAN}" for number in range(8)), *GLUE],
        ),
        rtype="MX",
    ),
    Form(
        "glue-with-an-ordered-address",
        Gets.WITHOUT,
        Says(["@ MX 10 mail.other.example."], (), [f"mail.other.example. A {ADDRESS}"]),
        rtype="MX",
    ),
    Form(
        "glue-mixed-case",
        Gets.WITHHELD,
        Says(["@ MX 10 oRdErEd.ExAmPlE."], (), [f"OrDeReD.eXaMpLe. A {FORBIDDEN}"]),
        rtype="MX",
    ),
    Form(
        "glue-behind-an-alias",
        Gets.WITHHELD,
        Says(["@ MX 10 mail.other.example."], (), [f"mail.other.example. CNAME {ORDERED}.", *GLUE]),
        rtype="MX",
    ),
    Form("additional-of-an-address", Gets.WITHHELD, Says([f"@ A {CLEAN}"], (), GLUE)),
    Form("additional-text", Gets.WITHHELD, Says([f"@ A {CLEAN}"], (), [f'{ORDERED}. TXT "{WORDS}"'])),
    Form(
        "additional-of-the-question", Gets.WITHOUT, Says([f"@ A {CLEAN}"], (), [f"@ AAAA {names.ADDRESS6}"])
    ),
    Form(
        "authority-name-servers",
        Gets.WITHHELD,
        Says([f"@ A {CLEAN}"], [f"way.example. NS ns.{ORDERED}."], [f"ns.{ORDERED}. A {FORBIDDEN}"]),
    ),
    Form("authority-addresses", Gets.WITHHELD, Says([f"@ A {CLEAN}"], GLUE)),
    Form("authority-text", Gets.WITHHELD, Says([f"@ A {CLEAN}"], [f'@ TXT "{WORDS}"'])),
    Form(
        "authority-of-nothing",
        Gets.ANYTHING,
        Says((), ["way.example. SOA ns.example. host.example. 1 3600 600 86400 60", *GLUE]),
    ),
    Form("answer-beside", Gets.WITHHELD, Says([f"@ A {CLEAN}", *GLUE])),
    Form("answer-before", Gets.ANYTHING, Says([*GLUE, f"@ A {CLEAN}"])),
    Form("answer-of-another-name-alone", Gets.ANYTHING, Says([GLUE[0]]), kept=False),
    Form(
        "service-glue",
        Gets.WITHOUT,
        Says(["@ HTTPS 1 clean.other.example."], (), [f"clean.other.example. A {ADDRESS}"]),
        rtype="HTTPS",
    ),
    Form("any-with-glue", Gets.WITHHELD, Says([f"@ MX 10 {ORDERED}."], (), GLUE), rtype="ANY"),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

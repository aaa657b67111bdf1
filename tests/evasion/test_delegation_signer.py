"""DS: the parent's data passes at exactly the name of a rule, and nothing else comes with it."""

from __future__ import annotations

import pytest

from tests.evasion import names
from tests.evasion.form import FOR_BOTH_LINES, FOR_THE_OWNER, Expected, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import FORBIDDEN, ORDERED
from tests.evasion.scripted import DATA, Says

DIGEST = DATA["DS"]


def signer(id: str, gets: Expected, name: str, says: Says | None = None) -> Form:
    return Form(id, gets, says, name=name, rtype="DS")


BELOW: dict[str, tuple[str, Expected]] = {
    "order": (ORDERED, Gets.CENSORED),
    "below-order": (names.ORDERED_BELOW, Gets.CENSORED),
    "null-order": (names.NULLED, Gets.CENSORED),
    "confidential-order": (names.CONFIDENTIAL, Gets.CENSORED),
    "adopted": (names.ADOPTED, Gets.CENSORED),
    "category": (names.ADULT, FOR_BOTH_LINES),
    "service": (names.CHAT, FOR_BOTH_LINES),
    "security": (names.MALWARE, Gets.BLOCKED),
    "own-deny": (names.MINE, FOR_THE_OWNER),
}
FORMS = (
    *(
        signer(f"at-{word}", Gets.SERVED, name)
        for word, name in {
            "order": ORDERED,
            "exact-order": names.ORDERED_EXACT,
            "null-order": names.NULLED,
            "sinkhole-order": names.SUNK,
            "confidential-order": names.CONFIDENTIAL,
            "adopted": names.ADOPTED,
            "category": names.ADULT,
            "service": names.CHAT,
            "security": names.MALWARE,
            "own-deny": names.MINE,
            "bypass": names.CANARY,
        }.items()
    ),
    *(signer(f"below-{word}", gets, f"#.{name}") for word, (name, gets) in BELOW.items()),
    signer("far-below", Gets.CENSORED, f"#.a.b.{ORDERED}"),
    signer(
        "alias-of-an-order", Gets.CENSORED, "", Says([f"@ CNAME x.{ORDERED}.", f"x.{ORDERED}. DS {DIGEST}"])
    ),
    signer(
        "with-glue",
        Gets.WITHHELD,
        "",
        Says(
            ["@ DS 1 8 2 " + "ab" * 32],
            ["way.example. NS ns.ordered.example."],
            [f"{ORDERED}. A {FORBIDDEN}", f"ns.{ORDERED}. A {FORBIDDEN}"],
        ),
    ),
    signer(
        "with-an-address-beside",
        Gets.WITHHELD,
        "",
        Says(["@ DS 1 8 2 " + "ab" * 32, f"{ORDERED}. A {FORBIDDEN}"]),
    ),
    Form("other-types-at-an-order", name=ORDERED, rtype="DNSKEY"),
    Form("key-of-the-parent-at-an-order", name=ORDERED, rtype="CDS"),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

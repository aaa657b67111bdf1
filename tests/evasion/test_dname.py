"""DNAME: a whole tree that is an alias of a blocked one, with and without the CNAME that it makes."""

from __future__ import annotations

import pytest

from tests.evasion import names
from tests.evasion.form import FOR_THE_CHILD, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import CLEAN, FORBIDDEN, ORDERED, WAY
from tests.evasion.scripted import Says


def tree(form: str, target: str = ORDERED, *, made: bool = True, data: str = f"A {FORBIDDEN}") -> list[str]:
    """DNAME of the form's own tree, the CNAME that it makes, and the data."""
    alias = [f"@ CNAME %.{target}."] if made else []
    return [f"{form}.{WAY}. DNAME {target}.", *alias, f"%.{target}. {data}"]


_MIXED = "oRdErEd.eXaMpLe"
FORMS = (
    Form("whole", says=Says(tree("whole"))),
    Form("without-cname", Gets.ANYTHING, Says(tree("without-cname", made=False)), kept=False),
    Form("mixed-case", says=Says(tree("mixed-case", _MIXED))),
    Form("deep", says=Says(tree("deep", f"a.b.c.{ORDERED}"))),
    Form("ipv6", says=Says(tree("ipv6", data=f"AAAA {names.FORBIDDEN6}")), rtype="AAAA"),
    Form("confidential", says=Says(tree("confidential", names.CONFIDENTIAL))),
    Form("below", says=Says(tree("below", names.ORDERED_BELOW))),
    Form("category", FOR_THE_CHILD, Says(tree("category", names.ADULT))),
    Form(
        "cname-elsewhere",
        Gets.ANYTHING,
        Says(
            [
                f"cname-elsewhere.{WAY}. DNAME {ORDERED}.",
                "@ CNAME clean.other.example.",
                f"clean.other.example. A {CLEAN}",
                f"%.{ORDERED}. A {FORBIDDEN}",
            ]
        ),
        kept=False,
    ),
    Form(
        "cname-to-the-order-dname-elsewhere",
        Gets.CENSORED,
        Says(
            [
                f"cname-to-the-order-dname-elsewhere.{WAY}. DNAME other.example.",
                f"@ CNAME x.{ORDERED}.",
                f"x.{ORDERED}. A {FORBIDDEN}",
            ]
        ),
    ),
    Form(
        "owner-far-above",
        says=Says(
            [f"{WAY}. DNAME {ORDERED}.", f"@ CNAME %.far.{ORDERED}.", f"%.far.{ORDERED}. A {FORBIDDEN}"]
        ),
    ),
    Form(
        "root-owner",
        says=Says([f". DNAME {ORDERED}.", f"@ CNAME x.{ORDERED}.", f"x.{ORDERED}. A {FORBIDDEN}"]),
    ),
    Form(
        "behind-a-cname",
        says=Says(
            [
                "@ CNAME %.tree.other.example.",
                f"tree.other.example. DNAME {ORDERED}.",
                f"%.tree.other.example. CNAME %.{ORDERED}.",
                f"%.{ORDERED}. A {FORBIDDEN}",
            ]
        ),
        kept=False,
    ),
    Form(
        "two-trees",
        says=Says(
            [
                f"two-trees.{WAY}. DNAME tree.other.example.",
                "@ CNAME %.tree.other.example.",
                f"tree.other.example. DNAME {ORDERED}.",
                f"%.tree.other.example. CNAME %.{ORDERED}.",
                f"%.{ORDERED}. A {FORBIDDEN}",
            ]
        ),
        kept=False,
    ),
    Form(
        "substitution-too-long",
        Gets.ANYTHING,
        Says(tree("substitution-too-long"), rcode="YXDOMAIN"),
        kept=False,
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

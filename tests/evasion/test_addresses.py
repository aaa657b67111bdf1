"""Addresses under an order: in every record, behind aliases, and inside IPv6 addresses."""

from __future__ import annotations

import pytest

from tests.evasion import names
from tests.evasion.embedded import FORMS as EMBEDDED
from tests.evasion.form import FOR_BOTH_LINES, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ADDRESS, ADDRESS6, CLEAN, FORBIDDEN6
from tests.evasion.scripted import Says


def among(last: str, count: int) -> list[str]:
    return [*(f"@ A 198.51.100.{number}" for number in range(count)), f"@ A {last}"]


FORMS = (
    Form("ipv4", says=Says([f"@ A {ADDRESS}"])),
    Form("ipv6", says=Says([f"@ AAAA {ADDRESS6}"]), rtype="AAAA"),
    Form("last-of-30", says=Says(among(ADDRESS, 29))),
    Form("last-of-60", says=Says(among(ADDRESS, 59))),
    Form("first-of-10", says=Says([f"@ A {ADDRESS}", *among(CLEAN, 9)])),
    Form("behind-an-alias", says=Says(["@ CNAME a.other.example.", f"a.other.example. A {ADDRESS}"])),
    Form(
        "behind-an-alias-ipv6",
        says=Says(["@ CNAME a.other.example.", f"a.other.example. AAAA {ADDRESS6}"]),
        rtype="AAAA",
    ),
    Form("both-families-in-one-answer", says=Says([f"@ A {CLEAN}", f"@ AAAA {ADDRESS6}"]), rtype="ANY"),
    Form(
        "of-a-protected-name-midway", says=Says([f"@ CNAME x.{names.HELP}.", f"x.{names.HELP}. A {ADDRESS}"])
    ),
    Form("bypass-address", FOR_BOTH_LINES, Says([f"@ A {names.BYPASS_ADDRESS}", f"@ A {names.FORBIDDEN}"])),
    Form(
        "bypass-address-in-a-hint",
        FOR_BOTH_LINES,
        Says([f"@ HTTPS 1 . ipv4hint={names.BYPASS_ADDRESS},{names.FORBIDDEN}"]),
        rtype="HTTPS",
    ),
    *(Form(word, says=Says([f"@ AAAA {address}"]), rtype="AAAA") for word, address in EMBEDDED.items()),
    *(
        Form(f"{word}-in-a-hint", says=Says([f"@ HTTPS 1 . ipv6hint={address}"]), rtype="HTTPS")
        for word, address in EMBEDDED.items()
    ),
    *(
        Form(
            f"{word}-behind-an-alias",
            says=Says(["@ CNAME a.other.example.", f"a.other.example. AAAA {address}"]),
            rtype="AAAA",
        )
        for word, address in EMBEDDED.items()
    ),
    Form(
        "embedded-elsewhere-is-free",
        Gets.SERVED,
        Says([f"@ AAAA {FORBIDDEN6}", "@ AAAA 2001:db8:cb00:7142::1"]),
        rtype="AAAA",
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

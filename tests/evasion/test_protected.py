"""Protected names: a help line stays reachable, and lends its protection to nobody who leads to it."""

from __future__ import annotations

import pytest

from tests.evasion import names
from tests.evasion.form import FOR_BOTH_LINES, FOR_THE_OWNER, Expected, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ADDRESS, ADDRESS6, ADULT, FORBIDDEN, HELP, ORDERED
from tests.evasion.scripted import Says, chain

ORDERED_ADDRESS = f"A {ADDRESS}"


def of_help(id: str, gets: Expected, says: Says, rtype: str = "A") -> Form:
    """The help line is asked."""
    return Form(id, gets, says, name=f"#.{id}.{HELP}", rtype=rtype)


FORMS = (
    Form("itself", Gets.SERVED, name=HELP),
    of_help("alias-of-an-order", Gets.SERVED, chain(ORDERED)),
    of_help(
        "alias-of-four",
        Gets.SERVED,
        chain("a.other.example", "b.other.example", f"x.{ORDERED}", "c.other.example"),
    ),
    of_help("alias-of-a-category", Gets.SERVED, chain(ADULT)),
    of_help("alias-of-security", Gets.SERVED, chain(names.MALWARE)),
    of_help("alias-of-an-adopted-list", Gets.SERVED, chain(names.ADOPTED)),
    of_help("ordered-address", Gets.SERVED, Says([f"@ {ORDERED_ADDRESS}"])),
    of_help("ordered-address-ipv6", Gets.SERVED, Says([f"@ AAAA {ADDRESS6}"]), "AAAA"),
    of_help(
        "ordered-address-behind-an-alias", Gets.SERVED, chain("cdn.other.example", last=(ORDERED_ADDRESS,))
    ),
    of_help("ordered-hint", Gets.SERVED, Says([f"@ HTTPS 1 . ipv4hint={ADDRESS}"]), "HTTPS"),
    of_help("ordered-target", Gets.SERVED, Says([f"@ HTTPS 1 {ORDERED}. ipv4hint={FORBIDDEN}"]), "HTTPS"),
    of_help("alias-of-bypass", FOR_BOTH_LINES, chain(names.CANARY)),
    of_help("alias-of-a-service", FOR_BOTH_LINES, chain(names.CHAT)),
    of_help("alias-of-an-own-name", FOR_THE_OWNER, chain(names.MINE)),
    Form("midway-before-an-order", says=chain(HELP, ORDERED)),
    Form("midway-behind-an-order", says=chain(ORDERED, HELP)),
    Form("midway-with-an-ordered-address", says=chain(HELP, last=(ORDERED_ADDRESS,))),
    Form("midway-ipv6", says=chain(f"x.{HELP}", last=(f"AAAA {ADDRESS6}",)), rtype="AAAA"),
    Form("midway-hint", says=chain(HELP, last=(f"HTTPS 1 . ipv4hint={ADDRESS}",)), rtype="HTTPS"),
    Form("target-is-protected", says=Says([f"@ HTTPS 1 {HELP}. ipv4hint={ADDRESS}"]), rtype="HTTPS"),
    Form("order-asked-leads-to-help", name=f"#.{ORDERED}", says=None),
    Form("midway-security", Gets.BLOCKED, chain(HELP, names.MALWARE), name="#.midway-security.example"),
    Form("midway-category", FOR_BOTH_LINES, chain(HELP, ADULT), name="#.midway-category.example"),
    Form(
        "suffix-below-is-not-protected",
        FOR_BOTH_LINES,
        chain("x.com.mx", ADULT),
        name="#.below-suffix.com.mx",
    ),
    Form("suffix-does-not-protect-addresses", says=Says([f"@ A {ADDRESS}"]), name="#.addressed.com.mx"),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

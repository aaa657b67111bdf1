"""Safe search: ways to the unsafe host past the rewrite, and what comes with the safe one."""

from __future__ import annotations

from collections.abc import Mapping

import dns.message
import pytest

from tests.evasion import names
from tests.evasion.form import Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import (
    CHILD,
    FORBIDDEN,
    FORBIDDEN6,
    ORDERED,
    OWNER,
    SAFE,
    SEARCH,
    STRANGER,
    UNSAFE,
    WORDS,
)
from tests.evasion.packets import of_name, packed
from tests.evasion.scripted import Says, served

REWRITTEN = {CHILD: Gets.SAFE, OWNER: Gets.SAFE, STRANGER: Gets.SERVED}
WITHOUT_DATA = {CHILD: Gets.ANYTHING, OWNER: Gets.ANYTHING, STRANGER: Gets.SERVED}
THE_SAFE_HOST_IS_ORDERED: Mapping[str, Gets] = {
    CHILD: Gets.CENSORED,
    OWNER: Gets.CENSORED,
    STRANGER: Gets.SERVED,
}
GLUE = (f"{UNSAFE}. A {FORBIDDEN}", f"{UNSAFE}. AAAA {FORBIDDEN6}")


def safe_host(query: dns.message.Message) -> bytes:
    """The safe host is fine for addresses, and has an order's alias, target or address for other types."""
    word = query.question[0].rdtype.name
    found = {
        "TXT": Says([f"@ CNAME {ORDERED}.", f'{ORDERED}. TXT "{WORDS}"']),
        "HTTPS": Says([f"@ HTTPS 1 . ipv4hint={names.ADDRESS}"]),
        "MX": Says([f"@ MX 10 {ORDERED}."], (), [f"{ORDERED}. A {FORBIDDEN}"]),
    }.get(word)
    return found(query) if found else served(query)


FORMS = (
    Form("plain", REWRITTEN, name=SEARCH, says=None),
    Form("plain-other-name", REWRITTEN, name=UNSAFE),
    Form("mixed-case", REWRITTEN, name=UNSAFE, build=of_name(lambda name: packed(name.swapcase()))),
    Form("ipv6-only", REWRITTEN, name=UNSAFE, rtype="AAAA"),
    Form("alias", WITHOUT_DATA, Says([f"@ CNAME {UNSAFE}.", GLUE[0]])),
    Form("alias-ipv6", WITHOUT_DATA, Says([f"@ CNAME {UNSAFE}.", GLUE[1]]), rtype="AAAA"),
    Form(
        "alias-of-four",
        WITHOUT_DATA,
        Says(
            [
                "@ CNAME a.other.example.",
                "a.other.example. CNAME b.other.example.",
                f"b.other.example. CNAME {SEARCH}.",
                f"{SEARCH}. A {FORBIDDEN}",
            ]
        ),
    ),
    Form("service-target", WITHOUT_DATA, Says([f"@ HTTPS 1 {UNSAFE}. ipv4hint={FORBIDDEN}"]), rtype="HTTPS"),
    Form(
        "service-alias",
        {CHILD: Gets.ANYTHING, OWNER: Gets.ANYTHING, STRANGER: Gets.WITHHELD},
        Says([f"@ HTTPS 0 {UNSAFE}."], (), GLUE),
        rtype="HTTPS",
    ),
    Form("mail-glue", Gets.WITHHELD, Says([f"@ MX 10 {UNSAFE}."], (), GLUE), rtype="MX"),
    Form("service-record-glue", Gets.WITHHELD, Says([f"@ SRV 1 1 443 {UNSAFE}."], (), GLUE), rtype="SRV"),
    Form("name-server-glue", Gets.WITHHELD, Says([f"@ NS {UNSAFE}."], (), GLUE), rtype="NS"),
    Form("naptr-glue", Gets.WITHHELD, Says([f'@ NAPTR 1 1 "A" "x" "" {UNSAFE}.'], (), GLUE), rtype="NAPTR"),
    Form("additional", Gets.WITHHELD, Says([f"@ A {names.CLEAN}"], (), GLUE)),
    Form("safe-host-leads-to-an-order", THE_SAFE_HOST_IS_ORDERED, name=UNSAFE, rtype="TXT"),
    Form("safe-host-hints-at-an-order", THE_SAFE_HOST_IS_ORDERED, name=UNSAFE, rtype="HTTPS"),
    *(
        Form(f"type-{rtype.lower()}", WITHOUT_DATA, name=UNSAFE, rtype=rtype, kept=False)
        for rtype in ("ANY", "SVCB", "SRV", "NAPTR", "NS", "SOA", "CAA", "DNAME", "TYPE65280")
    ),
    Form("safe-host-with-glue", WITHOUT_DATA, name=UNSAFE, rtype="MX"),
    Form("other-service-label-is-another-name", Gets.SERVED, name="_443._tcp.search.example"),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    lab.upstream.says[SAFE] = safe_host
    form.run(lab)

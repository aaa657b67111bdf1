"""Every type of question, and classes other than IN, for a blocked name and for an alias of one."""

from __future__ import annotations

import pytest

from tests.evasion import names
from tests.evasion.form import FOR_BOTH_LINES, Builder, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ORDERED, WORDS
from tests.evasion.packets import message, packed, question
from tests.evasion.scripted import DATA, Says

TYPES = [
    "A",
    "AAAA",
    "HTTPS",
    "SVCB",
    "TXT",
    "MX",
    "SRV",
    "NAPTR",
    "CAA",
    "NS",
    "SOA",
    "CNAME",
    "DNAME",
    "PTR",
    "DNSKEY",
    "DS",
    "CDS",
    "CDNSKEY",
    "CSYNC",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "RRSIG",
    "SSHFP",
    "TLSA",
    "SMIMEA",
    "OPENPGPKEY",
    "URI",
    "SPF",
    "HINFO",
    "LOC",
    "RP",
    "KEY",
    "SIG",
    "CERT",
    "DHCID",
    "APL",
    "EUI48",
    "ZONEMD",
    "AMTRELAY",
    "HIP",
    "ANY",
    "TYPE65280",
    "TYPE65534",
]
ALIASED = ["AAAA", "HTTPS", "SVCB", "TXT", "MX", "SRV", "NAPTR", "CAA", "NS", "SOA", "DNSKEY", "TYPE65280"]


def data_of(rtype: str) -> str:
    unknown = rf"\# {len(WORDS)} {WORDS.encode().hex()}"
    return DATA.get(rtype, unknown).format(v4=names.FORBIDDEN, v6=names.FORBIDDEN6, words=WORDS)


def of_class(number: int) -> Builder:
    return lambda name, rtype: message(question(packed(name), rtype, number))


FORMS = (
    *(Form(f"type-{rtype.lower()}", name=f"www.{ORDERED}", rtype=rtype) for rtype in TYPES),
    *(
        Form(
            f"alias-{rtype.lower()}",
            says=Says([f"@ CNAME {ORDERED}.", f"{ORDERED}. {rtype} {data_of(rtype)}"]),
            rtype=rtype,
        )
        for rtype in ALIASED
    ),
    *(
        Form(f"category-{rtype.lower()}", FOR_BOTH_LINES, name=f"www.{names.ADULT}", rtype=rtype, kept=False)
        for rtype in ("A", "HTTPS", "TXT", "MX")
    ),
    Form("exact-name", name=names.ORDERED_EXACT, rtype="HTTPS"),
    *(
        Form(f"transfer-{rtype.lower()}", gets, name=ORDERED, rtype=rtype, edns=False)
        for rtype, gets in {"AXFR": Gets.ANYTHING, "IXFR": Gets.ANYTHING}.items()
    ),
    *(
        Form(f"class-{word}", Gets.ANYTHING, name=ORDERED, build=of_class(number), edns=False)
        for word, number in {"ch": 3, "hs": 4, "none": 254, "any": 255, "zero": 0, "unknown": 4711}.items()
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

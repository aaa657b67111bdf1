"""Addresses under an order behind NAT64 prefixes of the operator's own, of all lengths (RFC 6052)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.evasion.embedded import translated
from tests.evasion.form import Form, word_of
from tests.evasion.lab import Lab, laboratory
from tests.evasion.scripted import Says

PREFIXES = {
    32: "2001:db8::/32",
    40: "2001:db9:100::/40",
    48: "2001:dba:122::/48",
    56: "2001:dbb:122:300::/56",
    64: "2001:dbc:122:344::/64",
    96: "2001:dbd:122:344::/96",
}
FORMS = (
    *(
        Form(f"prefix-{length}", says=Says([f"@ AAAA {translated(prefix)}"]), rtype="AAAA")
        for length, prefix in PREFIXES.items()
    ),
    *(
        Form(
            f"prefix-{length}-in-a-hint",
            says=Says([f"@ HTTPS 1 . ipv6hint={translated(prefix)}"]),
            rtype="HTTPS",
        )
        for length, prefix in PREFIXES.items()
    ),
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A resolver with these prefixes."""
    with laboratory(tmp_path_factory.mktemp("translation"), nat64=list(PREFIXES.values())) as made:
        yield made


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

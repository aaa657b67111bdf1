"""HTTPS and SVCB: targets, alias mode, address hints in every place, parameters that nobody knows."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tests.evasion import names
from tests.evasion.form import FOR_BOTH_LINES, FOR_THE_CHILD, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import ADDRESS, ADDRESS6, CLEAN, CLEAN6, FORBIDDEN, ORDERED
from tests.evasion.packets import raw, service
from tests.evasion.scripted import Says

V4, V6 = ip_address(ADDRESS).packed, ip_address(ADDRESS6).packed
FINE4, FINE6 = ip_address(CLEAN).packed, ip_address(CLEAN6).packed


def https(id: str, *records: str, rtype: str = "HTTPS") -> Form:
    return Form(id, says=Says([f"@ {rtype} {record}" for record in records]), rtype=rtype)


def odd(id: str, *records: bytes, gets: Gets = Gets.CENSORED, kept: bool = True) -> Form:
    """Records of which a library would say that they are malformed or that it does not know them."""
    return Form(id, gets, raw(*(("@", "HTTPS", record) for record in records)), rtype="HTTPS", kept=kept)


SIXTEEN = ",".join(f"192.0.2.{100 + number}" for number in range(16))
FORMS = (
    https("target", f"1 x.{ORDERED}. alpn=h2"),
    https("target-mixed-case", "1 X.oRdErEd.ExAmPlE. alpn=h2"),
    https(
        "target-of-the-last",
        *(f"{number} s{number}.other.example. alpn=h2" for number in range(1, 9)),
        f"9 {ORDERED}. alpn=h2",
    ),
    https("target-confidential", f"1 {names.CONFIDENTIAL}."),
    https("target-exact", f"1 {names.ORDERED_EXACT}."),
    https("target-below", f"1 x.{names.ORDERED_BELOW}."),
    https("alias-mode", f"0 {ORDERED}."),
    https("alias-mode-mixed-case", "0 CDN.oRdErEd.ExAmPlE."),
    https("alias-mode-behind-service-mode", "1 . alpn=h2", f"0 {ORDERED}."),
    https("hint", f"1 . alpn=h2 ipv4hint={ADDRESS}"),
    https("hint6", f"1 . alpn=h2 ipv6hint={ADDRESS6}"),
    https("hint-second", f"1 . alpn=h2 ipv4hint={CLEAN},{ADDRESS}"),
    https("hint-after-sixteen", f"1 . alpn=h2 ipv4hint={SIXTEEN},{ADDRESS}"),
    https("hint6-after-a-clean-hint", f"1 . alpn=h2 ipv4hint={CLEAN} ipv6hint={CLEAN6},{ADDRESS6}"),
    https(
        "hint-of-the-last-record",
        *(f"{number} . ipv4hint={CLEAN}" for number in range(1, 9)),
        f"9 . ipv4hint={ADDRESS}",
    ),
    https("hint-of-a-clean-target", f"1 clean.other.example. ipv4hint={ADDRESS}"),
    https("hint-with-mandatory", f"1 . mandatory=alpn,ipv4hint alpn=h2 ipv4hint={ADDRESS}"),
    https("hint-with-port", f"1 . alpn=h3 port=8443 ipv4hint={ADDRESS}"),
    odd("hint-behind-ech", service(1, ".", (1, b"\2h2"), (5, bytes(80)), (6, V6))),
    https("hint-before-unknown-keys", f'1 . ipv4hint={ADDRESS} key65280="x" key65534="{"y" * 200}"'),
    https("hint6-mapped", f"1 . ipv6hint=::ffff:{ADDRESS}"),
    https("svcb-target", f"1 x.{ORDERED}. alpn=dot port=853", rtype="SVCB"),
    https("svcb-alias", f"0 {ORDERED}.", rtype="SVCB"),
    https("svcb-hint", f"1 . alpn=dot ipv4hint={ADDRESS}", rtype="SVCB"),
    odd("hint-behind-a-path", service(1, ".", (1, b"\2h2"), (4, V4), (7, b"/q{?dns}"))),
    Form(
        "behind-an-alias",
        says=Says([f"@ CNAME {ORDERED}.", f"{ORDERED}. HTTPS 1 . ipv4hint={FORBIDDEN}"]),
        rtype="HTTPS",
    ),
    Form(
        "alias-then-target",
        says=Says(["@ CNAME a.other.example.", f"a.other.example. HTTPS 1 {ORDERED}."]),
        rtype="HTTPS",
    ),
    Form(
        "target-with-its-address",
        says=Says([f"@ HTTPS 1 {ORDERED}."], (), [f"{ORDERED}. A {FORBIDDEN}"]),
        rtype="HTTPS",
    ),
    Form("asked-as-any", says=Says([f"@ A {CLEAN}", f"@ HTTPS 1 {ORDERED}."]), rtype="ANY"),
    Form(
        "category-target",
        FOR_THE_CHILD,
        Says([f"@ HTTPS 1 {names.ADULT}. ipv4hint={FORBIDDEN}"]),
        rtype="HTTPS",
    ),
    Form(
        "bypass-target",
        FOR_BOTH_LINES,
        Says([f"@ HTTPS 1 {names.CANARY}. ipv4hint={FORBIDDEN}"]),
        rtype="HTTPS",
    ),
    odd("key-twice", service(1, ".", (4, FINE4), (4, V4)), gets=Gets.ANYTHING, kept=False),
    odd("keys-turned", service(1, ".", (6, V6), (4, V4)), gets=Gets.ANYTHING, kept=False),
    odd("hint-with-a-rest", service(1, ".", (4, V4 + b"\1\2")), gets=Gets.ANYTHING, kept=False),
    odd("hint-empty-then-hint6", service(1, ".", (4, b""), (6, V6)), gets=Gets.ANYTHING, kept=False),
    odd("hint-behind-a-long-key", service(1, ".", (1, b"\2h2"), (4, V4), (65000, bytes(900)))),
    odd(
        "parameters-in-alias-mode",
        service(0, "clean.other.example.", (4, V4)),
        gets=Gets.ANYTHING,
        kept=False,
    ),
    odd(
        "five-hundred-clean-hints-then-one",
        service(1, ".", (4, FINE4 * 500 + V4)),
        gets=Gets.ANYTHING,
        kept=False,
    ),
    odd("target-of-root-in-alias-mode", service(0, ".", (6, FINE6 + V6)), gets=Gets.ANYTHING, kept=False),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

"""Names beside, above and below the name of a rule, for each scope and kind."""

from __future__ import annotations

import pytest

from tests.evasion import names
from tests.evasion.form import FOR_BOTH_LINES, Form, Gets, word_of
from tests.evasion.lab import Lab
from tests.evasion.names import CHILD, OWNER, STRANGER

FORMS = (
    Form("subtree-itself", name=names.ORDERED),
    Form("subtree-below", name=f"#.{names.ORDERED}"),
    Form("subtree-far-below", name=f"#.a.b.c.d.e.f.{names.ORDERED}"),
    Form("exact-itself", name=names.ORDERED_EXACT),
    Form("exact-below-is-free", Gets.SERVED, name=f"#.{names.ORDERED_EXACT}"),
    Form("below-itself-is-free", Gets.SERVED, name=names.ORDERED_BELOW),
    Form("below-below", name=f"#.{names.ORDERED_BELOW}"),
    Form("below-far-below", name=f"#.x.y.z.{names.ORDERED_BELOW}"),
    Form("above-is-free", Gets.SERVED, name="#.free.example"),
    Form("confidential", name=f"#.{names.CONFIDENTIAL}"),
    Form("null-mode", name=f"#.{names.NULLED}"),
    Form("null-mode-ipv6", name=f"#.{names.NULLED}", rtype="AAAA"),
    Form("null-mode-other", name=f"#.{names.NULLED}", rtype="TXT"),
    Form("sinkhole-mode", name=f"#.{names.SUNK}"),
    Form("sinkhole-mode-ipv6", name=f"#.{names.SUNK}", rtype="AAAA"),
    Form("sinkhole-mode-https", name=f"#.{names.SUNK}", rtype="HTTPS"),
    Form("adopted", name=f"#.{names.ADOPTED}"),
    Form("security", Gets.BLOCKED, name=f"#.{names.MALWARE}"),
    Form("category", FOR_BOTH_LINES, name=f"#.{names.ADULT}"),
    Form(
        "allowed", {CHILD: Gets.FILTERED, OWNER: Gets.SERVED, STRANGER: Gets.SERVED}, name=f"#.{names.OPEN}"
    ),
    Form("service", FOR_BOTH_LINES, name=f"#.{names.CHAT}"),
    Form("bypass", FOR_BOTH_LINES, name=f"#.{names.CANARY}"),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Form) -> None:
    form.run(lab)

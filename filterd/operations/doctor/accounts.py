"""The desks where people sign in with an account: under an address for which browsers keep passkeys."""

from __future__ import annotations

from collections.abc import Iterator

from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.passkeys.party import party_of

DESKS = ("desk", "regulator")


def check(case: Case) -> Iterator[Finding]:
    """Look at the public URL of each desk that is served."""
    web = case.settings.web
    for name, pages in {} if web is None else web.pages.items():
        if name in DESKS and party_of(pages.public_url) is None:
            yield found("accounts.no_passkeys", key=f"web.{name}.public_url", at=pages.public_url or "-")

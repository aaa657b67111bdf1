"""How one server wants to be asked, found out by asking.

A server whose answers lose the letter case is believed over TCP only; after three in a row its questions are
no longer mixed (its answers then prove themselves by port and id alone), and an hour later it is tried again.
One that knows no EDNS is asked again without (RFC 6891 section 6.2.2). For a quarter of an hour that is then
how it is asked first: at once if it never spoke EDNS, else after three in a row, since a bare refusal is
easier to forge than an answer, and believing it would take DNSSEC from the clients.
"""

from __future__ import annotations

from filterd.dataplane.upstream.message import QueryForm

MISMATCHES = 3
"""in a row"""
PLAIN_CASE = 3600.0
"""seconds"""
REFUSALS = 3
"""in a row, of a server that has spoken EDNS"""
WITHOUT_EDNS = 900.0
"""seconds"""


class Capabilities:
    """What is known of one server. Times: seconds of a clock that goes forward."""

    def __init__(self, *, encrypted: bool) -> None:
        self._encrypted = encrypted
        self._mismatches = 0
        self._plain_case_until = float("-inf")
        self._edns_seen = False
        self._edns_refusals = 0
        self._without_edns_until = float("-inf")

    def form(self, now: float) -> QueryForm:
        """How to ask it now."""
        return QueryForm(
            mixed_case=now >= self._plain_case_until,
            edns=now >= self._without_edns_until,
            padded=self._encrypted,
        )

    def case_lost(self, now: float) -> bool:
        """An answer had another letter case; whether that ends the mixing."""
        self._mismatches += 1
        if self._mismatches < MISMATCHES:
            return False
        self._mismatches = 0
        self._plain_case_until = now + PLAIN_CASE
        return True

    def case_kept(self) -> None:
        """An answer to a mixed question repeated it."""
        self._mismatches = 0

    def edns_refused(self, now: float) -> bool:
        """It answered without EDNS what it would not answer with it; whether it is asked so from now on."""
        self._edns_refusals += 1
        if self._edns_seen and self._edns_refusals < REFUSALS:
            return False
        self._edns_refusals = 0
        self._edns_seen = False
        self._without_edns_until = now + WITHOUT_EDNS
        return True

    def edns_spoken(self) -> None:
        """An answer had an OPT record."""
        self._edns_seen = True
        self._edns_refusals = 0

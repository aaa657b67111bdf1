"""The protocol features that one server supports, learnt from its answers.

Letter case: if an answer does not keep the letter case of the question, the question is repeated over TCP.
After three such answers in a row we send lower case (port and id alone then prove an answer), and try mixed
case again an hour later.
EDNS: a server that does not know it is asked again without (RFC 6891 section 6.2.2), and for a quarter of an
hour it is asked without EDNS from the start. If the server has used EDNS before, that takes three refusals in
a row: a bare refusal is easier to forge than an answer, and believing it would take DNSSEC from the clients.
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
    """The known features of one server. Times: seconds of a monotonic clock."""

    def __init__(self, *, encrypted: bool) -> None:
        self._encrypted = encrypted
        self._mismatches = 0
        self._plain_case_until = float("-inf")
        self._edns_seen = False
        self._edns_refusals = 0
        self._without_edns_until = float("-inf")

    def form(self, now: float) -> QueryForm:
        """The form of a query to it now."""
        return QueryForm(
            mixed_case=now >= self._plain_case_until,
            edns=now >= self._without_edns_until,
            padded=self._encrypted,
        )

    def case_lost(self, now: float) -> bool:
        """Note an answer in another letter case; return whether mixed case ends with it."""
        self._mismatches += 1
        if self._mismatches < MISMATCHES:
            return False
        self._mismatches = 0
        self._plain_case_until = now + PLAIN_CASE
        return True

    def case_kept(self) -> None:
        """Note an answer that repeated a question in mixed case."""
        self._mismatches = 0

    def edns_refused(self, now: float) -> bool:
        """Note a question answered only without EDNS; return whether we stop using EDNS with it."""
        self._edns_refusals += 1
        if self._edns_seen and self._edns_refusals < REFUSALS:
            return False
        self._edns_refusals = 0
        self._edns_seen = False
        self._without_edns_until = now + WITHOUT_EDNS
        return True

    def edns_spoken(self) -> None:
        """Note an answer with an OPT record."""
        self._edns_seen = True
        self._edns_refusals = 0

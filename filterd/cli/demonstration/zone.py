"""The demonstration's own names, so that there is something to ask without the Internet. No I/O.

All are below ``example``, and all addresses are those set aside for documentation (RFC 2606, 5737, 3849).
"""

from __future__ import annotations

import dnslib

APEX = "example"

RECORDS = """
$TTL 60
example.            SOA   ns.example. hostmaster.example. 1 3600 600 86400 60
example.            NS    ns.example.
ns.example.         A     192.0.2.1
library.example.    A     192.0.2.10
library.example.    AAAA  2001:db8::10
library.example.    HTTPS 1 . alpn=h2
adult.example.      A     192.0.2.20
adult.example.      AAAA  2001:db8::20
adult.example.      HTTPS 1 . alpn=h2 ipv4hint=192.0.2.20
casino.example.     A     192.0.2.21
social.example.     A     192.0.2.22
cloaked.example.    CNAME adult.example.
alias.example.      HTTPS 1 adult.example. alpn=h2
shop.example.       A     192.0.2.23
ordered.example.    A     192.0.2.30
ordered.example.    AAAA  2001:db8::30
"""

LISTED = {"adult": ["adult.example"], "gambling": ["casino.example"], "social": ["social.example"]}
"""category -> the names that the demonstration's own lists put in it"""
ORDERED = "ordered.example"
"""the name of the demonstration's mandatory order"""

NXDOMAIN = 3


class Zone:
    """Answers questions about the names above."""

    def __init__(self, text: str = RECORDS) -> None:
        self._records = dnslib.RR.fromZone(text)
        self._names = {_lower(record.rname) for record in self._records}
        self._soa = next(record for record in self._records if record.rtype == dnslib.QTYPE.SOA)

    def holds(self, name: str) -> bool:
        """Return whether ``name`` (lower case, no final dot) is below the apex, and so answered here."""
        return name == APEX or name.endswith("." + APEX)

    def answer(self, name: str, kind: int) -> bytes:
        """The message for a question of class IN: the CNAME chain, or NODATA or NXDOMAIN with the SOA."""
        header = dnslib.DNSHeader(qr=1, aa=1, rd=1, ra=1)
        message = dnslib.DNSRecord(header, q=dnslib.DNSQuestion(name, kind))
        owner, seen = name, {name}
        for record in self._chain(owner, kind, seen):
            message.add_answer(record)
        if not any(record.rtype == kind for record in message.rr):
            message.add_auth(self._soa)
        if not message.rr and name not in self._names:
            message.header.rcode = NXDOMAIN
        return bytes(message.pack())

    def _chain(self, owner: str, kind: int, seen: set[str]) -> list[dnslib.RR]:
        own = [record for record in self._records if _lower(record.rname) == owner]
        found = [record for record in own if record.rtype == kind]
        for alias in own:
            if alias.rtype != dnslib.QTYPE.CNAME or kind == dnslib.QTYPE.CNAME:
                continue
            target = _lower(alias.rdata.label)
            if target not in seen:
                found += [alias, *self._chain(target, kind, seen | {target})]
        return found


def _lower(label: dnslib.DNSLabel) -> str:
    return str(label).rstrip(".").lower()

"""dnsmasq's lease file: one lease a line, the whole file written anew at each change (dnsmasq(8),
--dhcp-leasefile).

A line of IPv4 is ``EXPIRY MAC ADDRESS NAME CLIENT-ID``. Behind the line ``duid SERVER-DUID`` come those of
IPv6, ``EXPIRY IAID ADDRESS NAME CLIENT-DUID``. Expiry 0 is never; ``*`` is nothing.
"""

from __future__ import annotations

from filterd.accounting.leases.lease import (
    NEVER,
    NO_LEASE,
    BadLineError,
    Lease,
    LineParser,
    colons,
    duid_of_client_id,
    hardware_of_duid,
    octets,
    packed,
)

_FIELDS = 5


class DnsmasqParser(LineParser):
    """Reads dnsmasq.leases. It has nothing of relays: ``circuit-id`` and ``remote-id`` are empty."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self._value = value
        self._known = False
        """true: a line of dnsmasq's was read"""

    def fault(self) -> str:
        """NUL bytes, or lines of which none is one of dnsmasq's."""
        return super().fault() or (NO_LEASE if self.skipped and not self._known else "")

    def _line(self, line: bytes) -> Lease | None:
        fields = line.split()
        if not fields or (fields[0] == b"duid" and len(fields) == 2):
            return None
        if len(fields) < _FIELDS:
            msg = "it has too few fields"
            raise BadLineError(msg)
        expiry, hardware, text, name, client = fields[:_FIELDS]
        address = packed(text)
        ends = float(int(expiry)) or NEVER
        parts = _v6_parts(client) if b":" in text else _v4_parts(hardware, client)
        parts["hostname"] = b"" if name == b"*" else name
        self._known = True
        return Lease(address, 128, parts.get(self._value, b""), 0.0, ends, active=True)


def _v4_parts(hardware: bytes, client: bytes) -> dict[str, bytes]:
    identifier = b"" if client == b"*" else octets(client)
    return {
        "hw-address": hardware.rpartition(b"-")[2].lower(),  # ``06-`` before it: a kind other than Ethernet
        "client-id": colons(identifier),
        "duid": colons(duid_of_client_id(identifier)),
    }


def _v6_parts(client: bytes) -> dict[str, bytes]:
    duid = b"" if client == b"*" else octets(client)
    return {"hw-address": hardware_of_duid(duid), "client-id": colons(duid), "duid": colons(duid)}

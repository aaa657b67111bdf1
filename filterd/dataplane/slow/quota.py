"""The quota of queries that wait for an upstream: bounded in total, and shared fairly among clients.

A client may have no more places than are free: one client alone can take half of them, two a third each, and
a new client always finds one (dynamic thresholds, Choudhury and Hahne 1998). So a client that floods unknown
names, over UDP or TCP, fills only its own share. A client is an IPv4 address or an IPv6 /56.
"""

from __future__ import annotations

from enum import StrEnum

_MAPPED = bytes(10) + b"\xff\xff"


class QuotaRefusal(StrEnum):
    """The reasons for refusing a place; the ``reason`` labels of ``filterd_drops_total``."""

    FULL = "too_many_waiting"
    SHARE = "client_waiting"
    """the client has taken its share; others still find a place"""


class WaitingQuota:
    """Counts the places that each client has taken. Owned by the event loop."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken_by: dict[bytes, int] = {}
        self._taken = 0

    def take(self, client: bytes) -> QuotaRefusal | None:
        """Take a place for a client (16 bytes) until :meth:`give`; return the refusal where there is none."""
        free = self.size - self._taken
        if free <= 0:
            return QuotaRefusal.FULL
        key = client_key(client)
        taken = self._taken_by.get(key, 0)
        if taken >= free:
            return QuotaRefusal.SHARE
        self._taken_by[key] = taken + 1
        self._taken += 1
        return None

    def give(self, client: bytes) -> None:
        """Give back a place that was taken for this client."""
        key = client_key(client)
        left = self._taken_by[key] - 1
        if left:
            self._taken_by[key] = left
        else:
            del self._taken_by[key]
        self._taken -= 1


def client_key(client: bytes) -> bytes:
    """The key under which a client (16 bytes) has its share: its IPv4 address, or its IPv6 /56."""
    return client if client.startswith(_MAPPED) else client[:7]

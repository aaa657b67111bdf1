"""EDNS (RFC 6891) sizes for Python code; native code has its own in ``respond.pxd`` and ``codec.pxd``."""

from __future__ import annotations

UDP_SIZE = 1232
"""bytes that we announce, and never exceed over UDP"""
SMALLEST_UDP_SIZE = 512
"""bytes that every client accepts, even if it announces fewer (RFC 6891 §6.2.3)"""


def udp_limit(client_size: int | None) -> int:
    """The longest answer over UDP, in bytes, for a client that announced this size (None: no EDNS)."""
    if client_size is None:
        return SMALLEST_UDP_SIZE
    return min(max(client_size, SMALLEST_UDP_SIZE), UDP_SIZE)

"""The options of an answer in Python; the native struct is ``AnswerOptions`` in ``respond.pxd``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class AnswerOptions(TypedDict, total=False):
    """Every key may be left out; sizes are bytes, times seconds."""

    limit: int
    """the longest answer; default 65,535 (TCP)"""
    capacity: int
    """of the buffer for the answer; default 65,535; an answer that does not fit is truncated"""
    ttl: int
    """of the records that we make; default 30"""
    ttl_cap: int
    """of every record; default none"""
    ttl_floor: int
    """of the records passed on, for stale answers (RFC 8767 §4); the cap still holds"""
    age: int
    """the time that the answer spent in the cache"""
    ad: bool
    """AD on an answer passed on; never set on what we make"""
    ra: bool
    """default True"""
    strip_ech: bool
    """whether to take ECH out of the records that are passed on, see :mod:`filterd.wire.ech_reference`"""
    nsid: bytes
    """the server's identity for a client that asks for it (RFC 5001), at most 255 bytes; default none"""
    cookie: bytes
    """client and server cookie, 24 bytes (RFC 7873); default none"""
    echo_subnet: bool
    """whether to return the query's client subnet, with its own prefix as the scope (RFC 7871 §7.2.1)"""
    keepalive: int
    """idle timeout in units of 100 ms for a client that asks for it (RFC 7828); 0: none"""
    ede: Sequence[tuple[int, bytes]]
    """(code, text) of extended errors (RFC 8914); four at most, texts of at most 255 bytes of UTF-8"""
    ipv4: bytes | None
    """the sinkhole's address, 4 bytes"""
    ipv6: bytes | None
    """the sinkhole's address, 16 bytes"""

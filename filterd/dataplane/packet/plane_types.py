"""The values that Python code exchanges with the native stages: the rules for answers, and the counts."""

from __future__ import annotations

from typing import Protocol, TypedDict


class AnswerRules(Protocol):
    """The settings on which the answers made here depend. TTLs in seconds."""

    @property
    def block_ttl(self) -> int:
        """TTL of the records that are made here."""

    @property
    def max_ttl_opted_in(self) -> int:
        """The cap of all TTLs for a line that has opted in."""

    @property
    def ipv4(self) -> bytes | None:
        """The block page's address, 4 bytes."""

    @property
    def ipv6(self) -> bytes | None:
        """The block page's address, 16 bytes."""

    @property
    def identity(self) -> str:
        """The answer to ``id.server`` and NSID: ASCII, of which 64 characters are used; empty: no answer."""

    @property
    def keepalive(self) -> int:
        """The idle timeout of TCP connections in units of 100 ms (RFC 7828); 0: it is not sent to clients."""

    @property
    def cookie_secrets(self) -> bytes:
        """One or two secrets of 16 bytes for server cookies (RFC 9018); the first one makes them; empty:
        there are no cookies."""


class PlaneCounts(TypedDict):
    """Totals since the start."""

    queries: dict[str, int]
    verdicts: dict[tuple[str, str], int]
    refused: int
    malformed: int
    not_ready: int
    unrecognised: dict[str, int]
    """queries of clients that are no line, by address family"""
    reduced: int
    too_large: int
    """answers of upstreams that are refused because to judge them would take too long"""
    ech_stripped: int
    """answers to lines that ECH was taken out of"""
    categories: dict[str, int]
    observed: dict[str, int]
    """queries for names of observed lists, by list"""
    drops: dict[str, int]
    rate_limited: dict[tuple[str, str], int]
    """clients' queries beyond their limit, by what they got and the prefix length"""
    lookups: dict[str, int]

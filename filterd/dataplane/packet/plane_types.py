"""The values at the edge of the native stages: what they are told at start, and what they count."""

from __future__ import annotations

from typing import Protocol, TypedDict


class AnswerRules(Protocol):
    """What of the settings the answers made here depend on. TTLs in seconds."""

    @property
    def block_ttl(self) -> int:
        """TTL of what is made here."""

    @property
    def max_ttl_opted_in(self) -> int:
        """Cap of all TTLs that a line which opted in gets."""

    @property
    def ipv4(self) -> bytes | None:
        """The block page's address, 4 bytes."""

    @property
    def ipv6(self) -> bytes | None:
        """The same, 16 bytes."""

    @property
    def identity(self) -> str:
        """What ``id.server`` and NSID answer: ASCII, the first 64 characters are used; empty: nothing."""

    @property
    def keepalive(self) -> int:
        """How long an idle TCP connection stays, in units of 100 ms (RFC 7828); 0: no client is told."""

    @property
    def cookie_secrets(self) -> bytes:
        """One or two secrets of 16 bytes for server cookies (RFC 9018), the one that makes them first; empty:
        no cookies are given."""


class PlaneCounts(TypedDict):
    """Totals since the start."""

    queries: dict[str, int]
    verdicts: dict[tuple[str, str], int]
    refused: int
    malformed: int
    not_ready: int
    reduced: int
    categories: dict[str, int]
    drops: dict[str, int]
    rate_limited: dict[tuple[str, str], int]
    """clients' queries beyond their limit, by what they got and the prefix length"""
    lookups: dict[str, int]

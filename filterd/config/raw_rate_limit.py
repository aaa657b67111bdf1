"""The section of the configuration file on the rate limit."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from filterd.config import value_types
from filterd.config.raw_types import Network, Section, key

MAX_RATE = 100_000
"""queries a second of one client"""
MAX_BURST = 1_000_000


class RawRateOverride(Section):
    """Another limit for the clients in a prefix; of several that cover a client the longest holds."""

    prefix: Network = Field(description="Whose clients: 198.51.100.0/24, or 2001:db8::/48.")
    queries_per_second: int = Field(
        description="Of each client in it; 0 is no limit.", ge=0, le=MAX_RATE, strict=True
    )
    burst: int | None = key(
        None, "Queries at once; left out: those of five seconds.", ge=1, le=MAX_BURST, strict=True
    )

    @model_validator(mode="after")
    def _is_one_client(self) -> Self:
        if self.queries_per_second and self.prefix.version == 6 and self.prefix.prefixlen > 64:
            msg = f"{self.prefix} is a part of one client's network: limit its /64, or write 0 for no limit"
            raise ValueError(msg)
        return self


class RawRateLimit(Section):
    """How many queries over UDP a client may ask; beyond that it is told to use TCP, then gets silence.

    Does not hold over TCP, for clients with a valid server cookie, nor for loopback without an override.
    """

    queries_per_second: int = key(
        200,
        "Queries over UDP that one client may ask in the long run; 0 is no limit. What exceeds it is told to "
        "come back over TCP, then gets silence. TCP, clients with a valid cookie and loopback have no limit.",
        ge=0,
        le=MAX_RATE,
        strict=True,
    )
    burst: int = key(1000, "The same at once, after a pause.", ge=1, le=MAX_BURST, strict=True)
    ipv4_prefix: int = key(32, "Bits of an IPv4 address that make one client.", ge=8, le=32, strict=True)
    ipv6_prefix: int = key(56, "Bits of an IPv6 address that make one client.", ge=40, le=64, strict=True)
    overrides: tuple[RawRateOverride, ...] = key(
        (),
        "Other limits for the clients in a prefix, each {prefix, queries_per_second, burst}; the longest "
        "prefix that covers a client holds. Where many lines share an address (CGNAT), write 0: no limit.",
    )

    @field_validator("overrides")
    @classmethod
    def _each_once(cls, value: tuple[RawRateOverride, ...]) -> tuple[RawRateOverride, ...]:
        seen: set[value_types.IPNetwork] = set()
        for each in value:
            if each.prefix in seen:
                msg = f"{each.prefix} stands here twice"
                raise ValueError(msg)
            seen.add(each.prefix)
        return value

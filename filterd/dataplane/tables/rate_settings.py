"""The settings of the rate limit, as it is given them at start and at each reload by ``serve``."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol


class RateOverrideRule(Protocol):
    """Another limit for the clients in a prefix; of several that cover a client the longest holds."""

    @property
    def prefix(self) -> IPv4Network | IPv6Network:
        """The clients that the override is for."""

    @property
    def queries_per_second(self) -> int:
        """Of each client prefix in it; 0: no limit."""

    @property
    def burst(self) -> int:
        """Queries at once."""


class RateSettings(Protocol):
    """The settings that the rate limit depends on."""

    @property
    def queries_per_second(self) -> int:
        """Of each client prefix; 0: no limit but those of overrides."""

    @property
    def burst(self) -> int:
        """Queries at once."""

    @property
    def ipv4_prefix(self) -> int:
        """Bits of an IPv4 address that make one client, at most 32."""

    @property
    def ipv6_prefix(self) -> int:
        """The same for IPv6, at most 64."""

    @property
    def overrides(self) -> Sequence[RateOverrideRule]:
        """In any order."""

"""The parts of a published state that are plain values: its settings, and the mandates in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from ipaddress import IPv6Network
from typing import Any

from filterd.model.blocking_mode import BlockingMode
from filterd.model.mandatory import Mandate

ACTIVE = 0x01
CONFIDENTIAL = 0x08
COMING = 0x10
MODE_SHIFT = 1
"""bits of one byte of an active set; the blocking mode takes two bits"""

WELL_KNOWN_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052, 2.1"""
NAT64_LENGTHS = (32, 40, 48, 56, 64, 96)
"""of prefixes: RFC 6052, 2.2"""
MAX_NAT64 = 8
"""prefixes of a state; native code has the same number"""


@dataclass(frozen=True, slots=True)
class StateSettings:
    """The settings of a published state."""

    security_enabled: bool = False
    security_mode: BlockingMode = BlockingMode.NXDOMAIN
    ready: bool = True
    """the mandatory part is loaded"""
    parental_ready: bool = True
    """lines and their choices are loaded"""
    parental_fail_open: bool = False
    suspended_until: int = 0
    """Unix seconds till which parental filtering is off for every line; 0: it is on"""
    exceptions_end: int = 0
    """the first end of an exception in force, Unix seconds; 0: there is none"""
    canary_zone: str = ""
    """the zone of the canary names of orders; empty: there are none"""
    nat64: tuple[IPv6Network, ...] = (WELL_KNOWN_NAT64,)
    """prefixes of NAT64: the IPv4 addresses behind them are judged; :data:`MAX_NAT64` at most, of
    :data:`NAT64_LENGTHS`"""


def nat64_prefixes(networks: Iterable[IPv6Network]) -> list[bytes]:
    """The octets of each prefix, the longest first, as native code tries them. ``ValueError`` for more than
    there is room for, or a length that there is not."""
    prefixes = sorted(networks, key=lambda each: each.prefixlen, reverse=True)
    if len(prefixes) > MAX_NAT64:
        message = f"{len(prefixes)} NAT64 prefixes, with room for {MAX_NAT64}"
        raise ValueError(message)
    for prefix in prefixes:
        if prefix.prefixlen not in NAT64_LENGTHS:
            message = f"a NAT64 prefix is not {prefix.prefixlen} bits long"
            raise ValueError(message)
    return [prefix.network_address.packed[: prefix.prefixlen // 8] for prefix in prefixes]


def active_set(mandates: Iterable[Mandate], now: int) -> bytes:
    """One byte per mandatory id, as native code reads it.

    An id without a mandate counts as active, so that what is in a snapshot and unknown here does not open. It
    is confidential.
    """
    known = {mandate.id: mandate for mandate in mandates}
    states = bytearray([ACTIVE | CONFIDENTIAL]) * (max(known, default=-1) + 1)
    for number, mandate in known.items():
        states[number] = (
            (ACTIVE if mandate.active(now) else 0)
            | mandate.mode << MODE_SHIFT
            | (CONFIDENTIAL if mandate.confidential else 0)
            | (COMING if mandate.coming(now) else 0)
        )
    return bytes(states)


def next_beginning(mandates: Iterable[Mandate], now: int) -> int:
    """The first moment after ``now`` at which one begins, pending ones among them; 0: none will."""
    moments = (each.not_before for each in mandates if each.coming(now) and each.not_before > now)
    return min(moments, default=0)


def next_change(mandates: Iterable[Mandate], now: int) -> int:
    """The first moment after ``now`` at which one takes effect or expires; 0: none will."""
    moments = (
        moment
        for mandate in mandates
        if not mandate.withdrawn
        for moment in (mandate.not_before, mandate.not_after)
        if moment > now
    )
    return min(moments, default=0)


def mandate_to_meta(mandate: Mandate) -> dict[str, Any]:
    """The mandate as JSON values, for the snapshot's ``mandates``; ``pending`` only of one that is."""
    meta = {**asdict(mandate), "mode": int(mandate.mode)}
    if not mandate.pending:
        del meta["pending"]
    return meta


def mandate_from_meta(meta: Mapping[str, Any]) -> Mandate:
    """The mandate as a snapshot's ``mandates`` states it."""
    return Mandate(**{**meta, "mode": BlockingMode(meta["mode"])})

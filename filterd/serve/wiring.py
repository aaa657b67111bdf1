"""Small parts that the resolver is put together from."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filterd.config.domain import IPNetwork
from filterd.config.settings import ParentalFail, Settings
from filterd.dataplane.nodestate.values import NodePaths
from filterd.dataplane.tables.addresses import Prefixes
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.policy.published import StateSettings
from filterd.telemetry import log
from filterd.telemetry.metric_families import Histogram
from filterd.telemetry.metrics import ENFORCEMENT_BUCKETS

RESERVED_PORTS = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
"""of the kernel (its ip-sysctl): ports that are drawn for nobody"""


def reserved_ports(path: Path = RESERVED_PORTS) -> tuple[int, ...]:
    """The ports that this machine's operator keeps for servers of his own; none where the system has no such
    list, or one that cannot be read."""
    found: list[int] = []
    try:
        for part in path.read_text(encoding="ascii").strip().split(","):
            first, _, last = part.partition("-")
            if part:
                found.extend(range(int(first), min(int(last or first), 65535) + 1))
    except (OSError, ValueError):
        return ()
    return tuple(found)


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self.earliest = 0
        """Unix seconds before which it cannot be: a clock that lost its time must not bring pauses back"""

    def now(self) -> int:
        """Unix seconds."""
        return max(int(time.time()), self.earliest)

    def ticks(self) -> float:
        """Seconds of a clock that does not go back."""
        return time.monotonic()


class LoggingObserver:
    """Writes what happens on the node to the log, and enforcement times to their histogram."""

    def __init__(self) -> None:
        self.enforcement = Histogram(ENFORCEMENT_BUCKETS)

    def note(self, event: str, **fields: object) -> None:
        """One line of the log."""
        log.get().warning(event, **fields)

    def enforced(self, seconds: float) -> None:
        """Count it."""
        self.enforcement.observe(seconds)

    def failed(self, error: Exception) -> None:
        """One line of the log."""
        log.get().error("a turn of the node failed", **log.fault_fields(error))


def versions_of(meta: Mapping[str, Any]) -> dict[str, str]:
    """Version and digest of a snapshot's lists, by id; places that no list fills have none."""
    found: dict[str, str] = {}
    for entry in meta["lists"]:
        if entry.get("digest"):
            # Ids are unique within a kind: a service may be called like a feed.
            name = f"{entry['kind']}:{entry['id']}" if entry["id"] in found else entry["id"]
            found[name] = f"{entry['version']} {entry['digest']}"
    return found


def switches_of(settings: Settings) -> StateSettings:
    """The switches of the published state; what is loaded, the node fills in."""
    return StateSettings(
        security_enabled=settings.security.enabled,
        parental_fail_open=settings.dns.parental_fail is ParentalFail.OPEN,
    )


def node_paths(settings: Settings) -> NodePaths:
    """Where the node keeps and finds things. Raises ``OSError`` and ValueError: no key can be had."""
    store = Path(settings.store.url.partition("///")[2])
    return NodePaths(settings.state_dir, store, FINGERPRINT_KEY.load(settings.state_dir))


def prefixes(networks: tuple[IPNetwork, ...]) -> Prefixes:
    """A set of addresses, seeded anew."""
    return Prefixes(os.urandom(16), map(str, networks))

"""Small parts from which the resolver is put together: clocks, observer, paths and switches."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

from filterd.config.cautions import cautions
from filterd.config.settings import ParentalFail, Settings
from filterd.config.value_types import IPNetwork
from filterd.dataplane.nodestate.node import Node
from filterd.dataplane.nodestate.node_types import NodePaths
from filterd.dataplane.tables.addresses import Prefixes
from filterd.disk.boot import boot_time
from filterd.disk.keys import FINGERPRINT_KEY
from filterd.disk.session_file import FileEntries, read_entries
from filterd.disk.session_place import EPOCH, LIVE, were_used
from filterd.model.mandatory import label_of
from filterd.model.records import FeedInForce
from filterd.policy import canary
from filterd.policy.canary import Canary
from filterd.policy.proof import is_order
from filterd.policy.published import StateSettings
from filterd.telemetry import log
from filterd.telemetry.histogram import ENFORCEMENT_BUCKETS, Histogram

SEALED = ("node", "cache", "store.url", "state_dir", "metrics", "dns.listen", "dns.threads")
"""settings whose change takes a restart"""
KEY_SECONDS = 1.0
"""between two looks at the fingerprint key's file"""
RESERVED_PORTS = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
"""the kernel's list of ports that it never draws for a socket (ip-sysctl)"""


def reserved_ports(path: Path = RESERVED_PORTS) -> tuple[int, ...]:
    """The ports that this machine's operator reserves for servers; none if the list cannot be read."""
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
        self.began = time.time()
        """when the process began, Unix seconds"""
        self.earliest = 0
        """Unix seconds before which it cannot be now: a clock that lost its time must not revive pauses"""

    def now(self) -> int:
        """Unix seconds."""
        return max(int(time.time()), self.earliest)

    def ticks(self) -> float:
        """Seconds of a clock that does not go back."""
        return time.monotonic()


class LoggingObserver:
    """Writes the node's events to the log, and enforcement times to their histogram."""

    def __init__(self) -> None:
        self.enforcement = Histogram(ENFORCEMENT_BUCKETS)

    def note(self, event: str, **fields: object) -> None:
        """Write a warning to the log."""
        log.get().warning(event, **fields)

    def enforced(self, seconds: float) -> None:
        """Count an enforcement time."""
        self.enforcement.observe(seconds)

    def failed(self, error: Exception) -> None:
        """Write an error to the log."""
        log.get().error("a turn of the node failed", **log.fault_fields(error))


def versions_of(meta: Mapping[str, Any]) -> dict[str, str]:
    """Version and digest of a snapshot's lists, by id, or by the label of a confidential one; entries without
    a list are left out."""
    found: dict[str, str] = {}
    for entry in meta["lists"]:
        if entry.get("digest"):
            hidden = bool(entry.get("confidential")) and not is_order(
                entry
            )  # an order's number tells nothing
            label = label_of(entry["id"], confidential=hidden)
            # Ids are unique within a kind: a service may be called like a feed.
            name = f"{entry['kind']}:{label}" if label in found else label
            found[name] = f"{entry['version']} {entry['digest']}"
    return found


def switches_of(settings: Settings) -> StateSettings:
    """The settings of the published state; the node adds what is loaded."""
    return StateSettings(
        security_enabled=settings.security.enabled,
        security_mode=settings.security.mode,
        parental_fail_open=settings.dns.parental_fail is ParentalFail.OPEN,
        nat64=settings.dns.nat64,
        canary_zone=settings.canary.zone or "",
    )


def node_paths(settings: Settings) -> NodePaths:
    """The paths and the key of the node. Raises ``OSError`` and ValueError if there can be no key."""
    store = Path(settings.store.url.partition("///")[2])
    return NodePaths(settings.state_dir, store, FINGERPRINT_KEY.load(settings.state_dir))


def read_sessions(state_dir: Path, clock: SystemClock) -> FileEntries | None:
    """Entries of the sessions file, with what is left of each now; None where there is no file, and never
    was a session. Raises ``OSError`` and ValueError."""
    try:
        return read_entries(state_dir / LIVE, clock.now(), boot=boot_time(), note=state_dir / EPOCH)
    except FileNotFoundError:
        return FileEntries([], f"{state_dir / LIVE} is gone") if were_used(state_dir) else None


def key_changed(paths: NodePaths) -> bool:
    """Return whether another fingerprint key than the node's stands in its file now: a damaged one was put
    back, perhaps."""
    path = FINGERPRINT_KEY.path(paths.state_dir)
    try:
        return FINGERPRINT_KEY.key_in(path.read_bytes(), path) != paths.key
    except (OSError, ValueError):
        return False


async def key_replaced(node: Node, paths: NodePaths) -> None:
    """Wait until no state is in force and the key is another one than at the start, and say so: with the
    wrong key nothing on the disk can be used."""
    while True:
        if node.publisher.state is None and key_changed(paths):
            break
        await asyncio.sleep(KEY_SECONDS)
    log.get().error(
        "the fingerprint key is another one than at the start, and the resolver starts anew",
        file=str(FINGERPRINT_KEY.path(paths.state_dir)),
        remedy="none: it uses what its disk and the store hold for this key",
    )


def in_force(node: Node) -> bool:
    """Return whether the node has a state in force."""
    return node.publisher.state is not None and not node.following.waits


def feeds_of(node: Node) -> tuple[FeedInForce, ...]:
    """The feeds that the node has in force; none while it answers nobody by them."""
    return node.publisher.feeds if in_force(node) else ()


def canaries_of(node: Node) -> tuple[Canary, ...]:
    """The canaries of the snapshot in force; none while the node answers nobody by it."""
    snapshot = node.publisher.snapshot
    return canary.from_meta(snapshot.meta) if snapshot is not None and in_force(node) else ()


def caught_up(node: Node) -> bool:
    """Return whether it also has what the store has, or cannot have that now: it is as ready as a predecessor
    with a state in force was."""
    following = node.following
    return in_force(node) and (following.choices_followed or following.trouble is not None)


def prefixes(networks: tuple[IPNetwork, ...]) -> Prefixes:
    """A set of prefixes with a fresh seed."""
    return Prefixes(os.urandom(16), map(str, networks))


def warn_of_dangers(settings: Settings) -> None:
    """Log what is valid and dangerous in settings that have just taken effect."""
    for each in cautions(settings):
        log.get().warning("a setting is dangerous", reason=str(each), remedy=each.remedy)


def waiting_for_restart(old: Settings, new: Settings) -> list[str]:
    """The settings that have changed and take effect at the next start alone."""
    return [name for name in SEALED if attrgetter(name)(old) != attrgetter(name)(new)]

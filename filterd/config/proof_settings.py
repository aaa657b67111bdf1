"""The settings on the proof of what the nodes have in force."""

from __future__ import annotations

from dataclasses import dataclass

from filterd.config.value_types import CanaryZone, Seconds


@dataclass(frozen=True, slots=True)
class NodesSettings:
    """The watch over what the nodes have in force."""

    drift_after: Seconds
    """how long a node may run other lists than the newest"""
    history: Seconds
    """how long it is kept which list ran on which node"""
    gone_after: Seconds
    """how long a node may be away until no order waits for it any more"""


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """The test of mandatory lists over DNS."""

    zone: CanaryZone | None
    """the zone of the canary names, which the operator serves; None: there are none"""
    interval: Seconds
    """between two tests"""

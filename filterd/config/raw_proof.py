"""The sections of the configuration file on the proof of what the nodes have in force."""

from __future__ import annotations

from filterd.config.raw_types import CanaryZone, Duration, Section, key


class RawNodes(Section):
    """The watch over what the nodes have in force."""

    drift_after: Duration = key(
        "10m",
        "How long a node may run other lists than the newest, or than the other nodes, until it counts as "
        "drifted.",
        ge=60,
    )
    history: Duration = key(
        "1095d",
        "How long it is kept which list ran on which node (`filterd node history`).",
        ge=86400,
    )
    gone_after: Duration = key(
        "1d",
        "How long a node may be away until no order waits for it any more. Up to then it is named as one "
        "that lacks a new order, and no order counts as in force everywhere without it.",
        ge=60,
    )


class RawCanary(Section):
    """The test of mandatory lists over DNS: one canary name for each, which must be blocked."""

    zone: CanaryZone | None = key(
        None,
        "The zone of the canary names, `LIST.canary.isp.example`. It is yours, and serves an address for "
        "every name in it (a wildcard): only then does a blocked name prove that the list blocks. Without it "
        "nothing is tested.",
    )
    interval: Duration = key("1m", "How often each node asks for them.", ge=10, le=86400)

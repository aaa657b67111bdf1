"""The section of the configuration file on the intake of orders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from filterd.config.raw_mail import RawAlarms
from filterd.config.raw_types import Section, key


class RawShortestPrefix(Section):
    """The widest prefixes that an order may have without a second person; a wider one takes two."""

    ipv4: int = key(24, "Bits of an IPv4 prefix.", ge=8, le=32, strict=True)
    ipv6: int = key(48, "Bits of an IPv6 prefix.", ge=16, le=128, strict=True)


class RawOrders(Section):
    """Intake of orders of authorities."""

    approvals: int = key(
        2,
        "How many people an order takes, the one who adds it among them. An order with a wide reach always "
        "takes two.",
        ge=1,
        le=2,
        strict=True,
    )
    shortest_prefix: RawShortestPrefix = Field(default_factory=RawShortestPrefix)
    approval: Literal["session", "passkey"] = key(
        "session",
        "What it takes to stand behind an order on the pages of the duty desk, as its first person or by "
        "an approval: to be signed in, and the passkey of whoever has one (of whoever had one, the token "
        "again); or a passkey of everybody. Commands and the API stay as they are.",
    )
    alarms: RawAlarms = Field(default_factory=RawAlarms)

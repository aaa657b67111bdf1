"""The boot of the machine and the time since: a clock that nobody sets."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class BootTime(NamedTuple):
    """A moment within a boot of the machine."""

    id: bytes
    """16 bytes, random for each boot; zero where the system tells none"""
    seconds: float
    """since the boot, suspended time among them"""


def boot_time() -> BootTime:
    """The present moment."""
    try:
        found = UUID(_BOOT_ID.read_text().strip()).bytes
    except (OSError, ValueError):
        found = bytes(16)
    return BootTime(found, time.clock_gettime(time.CLOCK_BOOTTIME))

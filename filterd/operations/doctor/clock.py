"""The machine's clock: set by others, and not behind what filterd has done already."""

from __future__ import annotations

from collections.abc import Iterator

from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found
from filterd.operations.snapshots import current_file, made_at
from filterd.policy import snapshot_layout

TOLERANCE = 60.0
"""seconds"""


def check(case: Case) -> Iterator[Finding]:
    """Look at the kernel's word on its clock, and at the time of the snapshot in force."""
    if not case.machine.synchronised():
        yield found("clock.unsynchronised")
    path = current_file(case.state / snapshot_layout.DIRECTORY)
    made = made_at(path) if path is not None else 0
    behind = made - case.machine.clock()
    if behind > TOLERANCE:
        yield found("clock.behind", seconds=round(behind))

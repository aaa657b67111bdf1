"""The places of the sessions in the state directory, and the note that there were any.

The note stands beside the directory of the sessions file, so that it outlives that: an installation whose
sessions are gone is another thing than one that never had any.
"""

from __future__ import annotations

from pathlib import Path

from filterd.disk.files import replace_file

LIVE = Path("sessions/live")
"""the file of the sessions that there are now"""
USED = Path("sessions-used")
"""an empty file, from the first session on"""
EPOCH = Path("sessions-epoch")
"""names the epoch of the file of sessions, so that an older copy of it shows"""


def note_use(state_dir: Path) -> None:
    """Note, durably, that lines are known by session here. Raises ``OSError``."""
    replace_file(state_dir / USED, ())


def were_used(state_dir: Path) -> bool:
    """True if a session has ever been known here."""
    return (state_dir / USED).exists()

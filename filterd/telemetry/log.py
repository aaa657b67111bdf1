"""Structured logs, one JSON object a line on standard error, with no name, subscriber or address of a
client in them.

That is held by a closed list of fields: a field that is not on it is not written, whatever a caller passes,
at every level. Texts of unforeseen exceptions may quote what was being handled, so only their type and
place are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

FIELDS = frozenset(
    {
        "pid", "node", "part", "reason", "fault", "place", "seconds",
        "count", "bytes", "revision", "floor", "generation", "digest", "file", "list", "feed", "upstream",
        "listen", "transport", "status", "role_pid", "names", "entries", "remedy", "packets",
    }
)  # fmt: skip
"""what a line may say beside time, level, role and event; ``names`` and ``entries`` are counts, ``packets``
keyed hashes, ``listen`` and ``upstream`` our own addresses"""


def fault_fields(error: BaseException) -> dict[str, str]:
    """What may be said of an unforeseen exception: its type, and the innermost place in our own code."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "filterd" in frame.filename] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return {"fault": type(error).__name__, "place": place}


def loop_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler: asyncio's own writes the exception's text and the task's
    arguments."""
    del loop
    error = context.get("exception")
    fields = fault_fields(error) if isinstance(error, BaseException) else {}
    get().error("a task failed", **fields)


def catch_faults() -> None:
    """Let no thread and no destructor write a traceback onto standard error: its last line quotes."""
    threading.excepthook = lambda caught: _of_thread(caught.exc_value)
    sys.unraisablehook = lambda caught: _of_thread(caught.exc_value)


def _of_thread(error: BaseException | None) -> None:
    get().error("a thread failed", **({} if error is None else fault_fields(error)))


class Log:
    """Writes lines for one process. One write a line, so that threads do not mix theirs."""

    def __init__(self, role: str, stream: TextIO) -> None:
        self._role = role
        self._stream = stream

    def info(self, event: str, **fields: object) -> None:
        """What an operator may want to know later."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """What an operator should look at."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """What does not work."""
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        line = {
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "level": level,
            "role": self._role,
            "event": event,
            **{key: value for key, value in fields.items() if key in FIELDS},
        }
        with contextlib.suppress(OSError):  # nobody reads it any more: no reason to stop the work
            self._stream.write(json.dumps(line, default=str) + "\n")
            self._stream.flush()


_log = Log("", sys.stderr)


def configure(role: str, stream: TextIO | None = None) -> None:
    """Set up the process's logging once, at its start; ``role`` stands in every line."""
    global _log
    _log = Log(role, stream or sys.stderr)


def get() -> Log:
    """The process's log: ``get().warning("snapshot refused", reason=...)``."""
    return _log

"""Structured logs, one JSON object a line on standard error, with no name, subscriber or address of a
client in them.

That is held by a closed list of fields: a field that is not on it is not written, whatever a caller passes,
at every level. Texts of unforeseen exceptions may quote what was being handled, so only their type and
place are kept.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

FIELDS = frozenset(
    {
        "event", "level", "timestamp", "role", "pid", "node", "part", "reason", "fault", "place", "seconds",
        "count", "bytes", "revision", "floor", "generation", "digest", "file", "list", "feed", "upstream",
        "listen", "transport", "status", "role_pid", "names", "entries", "remedy",
    }
)  # fmt: skip
"""what a line may say; ``names`` and ``entries`` are counts, ``listen`` and ``upstream`` our own
addresses"""

Event = MutableMapping[str, Any]


def only_known_fields(logger: Any, method: str, event: Event) -> Event:
    """Drop every field that is not in :data:`FIELDS`."""
    del logger, method
    return {key: value for key, value in event.items() if key in FIELDS}


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


def configure(role: str, stream: TextIO | None = None) -> None:
    """Set up the process's logging once, at its start; ``role`` stands in every line."""

    def with_role(logger: Any, method: str, event: Event) -> Event:
        del logger, method
        event["role"] = role
        return event

    structlog.configure(
        processors=[
            with_role,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_known_fields,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def get() -> Any:
    """A logger: ``get().warning("snapshot refused", reason=...)``."""
    return structlog.get_logger()

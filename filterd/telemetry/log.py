"""Structured logs: one JSON object a line on standard error and nothing else there, without names,
subscribers or client addresses.

A closed list of fields ensures that: at every level, a field that is not on the list is not written. The text
of an unforeseen exception may quote the data being handled, so only its type and place are logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

FIELDS = frozenset(
    {
        "pid", "node", "part", "reason", "fault", "place", "seconds",
        "count", "bytes", "revision", "floor", "generation", "digest", "file", "list", "feed", "upstream",
        "listen", "transport", "status", "role_pid", "names", "entries", "remedy", "packets", "errors",
        "line_number", "order", "duty", "channel", "register", "run", "authority", "kind", "used", "declared",
        "anchor", "webhook", "profile", "lists", "lost", "passkey",
    }
)  # fmt: skip
"""the fields besides time, level, role and event; ``names`` and ``entries`` are counts, ``packets`` keyed
hashes, ``listen`` and ``upstream`` addresses from the configuration, ``errors`` those of its file,
``line_number`` the place of a line in a file, ``order`` the public number of an order, ``duty`` what is due
for it, ``channel`` the way of an alarm, ``register`` and ``authority`` ids from the configuration, ``run``
the number of a document, ``used`` and ``declared`` counts of a room of that ``kind``; ``anchor`` and
``webhook`` ids from the configuration, ``profile``, ``lists`` and ``lost`` ids from the policies, ``passkey``
the number of one"""


def fault_fields(error: BaseException) -> dict[str, str]:
    """The fields of an unforeseen exception: its type, and the innermost place in our own code."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "filterd" in frame.filename] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return {"fault": type(error).__name__, "place": place}


def loop_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler. That of asyncio would log texts and a task's arguments."""
    del loop
    error = context.get("exception")
    fields = fault_fields(error) if isinstance(error, BaseException) else {}
    get().error("a task failed", **fields)


def catch_faults() -> None:
    """Keep the interpreter and libraries from writing text of their own, which may quote data, between the
    lines: tracebacks, warnings, and what is sent to :mod:`logging`."""
    threading.excepthook = lambda caught: _of_thread(caught.exc_value)
    sys.unraisablehook = lambda caught: _of_thread(caught.exc_value)
    sys.excepthook = lambda _kind, error, _trace: get().error("the process failed", **fault_fields(error))
    warnings.showwarning = _of_warning
    logging.lastResort = _FromLibraries(logging.WARNING)


class _FromLibraries(logging.Handler):
    """Takes what libraries send to :mod:`logging`: where it came from is written, its text is not."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        place = f"{record.name} {record.filename}:{record.lineno}"
        error = record.exc_info[1] if record.exc_info else None
        fault = type(error).__name__ if error is not None else ""
        get().warning("a library reports trouble", place=place, fault=fault)


def _of_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del message, file, line
    get().warning(
        "a library reports trouble", fault=category.__name__, place=f"{Path(filename).name}:{lineno}"
    )


def _of_thread(error: BaseException | None) -> None:
    get().error("a thread failed", **({} if error is None else fault_fields(error)))


class Log:
    """Writes the lines of one process, each in one write, so that threads do not mix theirs."""

    def __init__(self, role: str, stream: TextIO | None = None) -> None:
        """``stream``: where the lines go; None is the process's standard error at the time of each line."""
        self._role = role
        self._stream = stream

    def info(self, event: str, **fields: object) -> None:
        """Log something that an operator may want to know later."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log something that an operator should look at."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Log something that does not work."""
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        line = {
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "level": level,
            "role": self._role,
            "event": event,
            **{key: value for key, value in fields.items() if key in FIELDS},
        }
        with contextlib.suppress(OSError):  # nobody reads the log any more: no reason to stop working
            stream = self._stream or sys.stderr
            stream.write(json.dumps(line, default=str) + "\n")
            stream.flush()


_log = Log("")


def configure(role: str, stream: TextIO | None = None) -> None:
    """Set up the process's logging once, at its start; every line has the ``role``."""
    global _log
    _log = Log(role, stream)


def get() -> Log:
    """The process's log: ``get().warning("snapshot refused", reason=...)``."""
    return _log

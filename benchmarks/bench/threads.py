"""Two threads against one, in process: recorded packets into the fast path's batch function, no sockets."""

from __future__ import annotations

import importlib

from bench.machine import CannotRunError

FACE = "filterd.dataplane.fastpath"


def threads() -> float:
    """How many times as much two threads do as one. Raises CannotRunError where it cannot be measured."""
    try:
        importlib.import_module(FACE)
    except ImportError:
        message = f"{FACE} is not there: this build answers on one thread"
        raise CannotRunError(message) from None
    message = f"{FACE} has no face for recorded packets yet"
    raise CannotRunError(message)

"""Keeps the memory of this process from other processes and from core files."""

from __future__ import annotations

import ctypes
import resource

_PR_SET_DUMPABLE = 4


def forbid_dumps() -> None:
    """Forbid core files, and reading or writing our memory by the same user (prctl(2)): it may hold the
    fingerprint key and names of orders. A new program, begun by exec, has to say so again."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

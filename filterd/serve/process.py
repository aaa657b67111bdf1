"""What a role does to its own process before it holds anything secret."""

from __future__ import annotations

import ctypes
import os
import resource
import secrets
from pathlib import Path

from filterd.dataplane.nodestate.files import replace_file

_PR_SET_DUMPABLE = 4
KEY_SIZE = 16
CANNOT_START = 3
"""a role's exit code when trying again will not help: an address in use, a directory that cannot be
written"""


def forbid_dumps() -> None:
    """No core file, and no other process of this user reads our memory: it holds the fingerprint key."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def fingerprint_key(state_dir: Path) -> bytes:
    """The installation's key (16 bytes), made where there is none yet. Raises ``OSError`` and ValueError.

    Both roles may come first and at the same moment: a complete file is linked to its place, which one of
    them does, and both read what stands there. Without the old key all snapshots are unreadable, so a new
    one opens nothing.
    """
    path = state_dir / "keys" / "fingerprint.key"
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != KEY_SIZE:
        remedy = "restore it from a backup, or remove it and build the snapshot anew"
        msg = f"{path} has {len(key)} bytes, not {KEY_SIZE}: {remedy}"
        raise ValueError(msg)
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    replace_file(fresh, (secrets.token_bytes(KEY_SIZE),))
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return  # the other role was first
    finally:
        fresh.unlink()

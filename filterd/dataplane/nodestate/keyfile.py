"""Keys of the installation: one file each, made where there is none, for its owner alone.

Both roles and every command may come first and at the same moment: a complete file is linked to its place,
which one of them does, and all read what stands there. Whatever was made with a key that is gone (snapshots,
the node's state) does not match the new one and is refused, so a lost key opens nothing.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from filterd.dataplane.nodestate.files import replace_file

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def key_in(path: Path, size: int, then: str = "and build the snapshot anew") -> bytes:
    """The key of ``size`` bytes in a file, which is closed to others where it was open to them. Raises
    ``OSError``, and ValueError for a key of another length; ``then``: what comes of removing it."""
    if not path.exists():
        _make(path, size)
    if path.stat().st_mode & _OTHERS:
        path.chmod(0o600)
    key = path.read_bytes()
    if len(key) != size:
        remedy = f"restore it from a backup, or remove it {then}"
        msg = f"{path} has {len(key)} bytes, not {size}: {remedy}"
        raise ValueError(msg)
    return key


def _make(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    replace_file(fresh, (secrets.token_bytes(size),))
    try:
        path.hardlink_to(fresh)  # unlike a rename never in the place of another's
    except FileExistsError:
        return  # another process was first
    finally:
        fresh.unlink()

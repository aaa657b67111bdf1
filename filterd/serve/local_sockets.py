"""Tells the log of the sockets in ``state_dir`` (``disk.local_server``)."""

from __future__ import annotations

from pathlib import Path

from filterd.telemetry import log


def tell_socket(path: Path, failure: str) -> None:
    """Say that a socket is there again (``failure`` is empty), or why it cannot be made."""
    if failure:
        remedy = f"let the service write in {path.parent}; it is tried again each second"
        log.get().error("a socket cannot be made", file=str(path), reason=failure, remedy=remedy)
        return
    remedy = f"see what removes files in {path.parent}, and let it leave the sockets there"
    log.get().warning("a socket was missing, and is made anew", file=str(path), remedy=remedy)

#!/usr/bin/python3
"""The program ``filterd`` as the unit of the resolver sees it: ``config check``, and a main process with one
child, which says which signals came. The child outlives it, as while it hands over; it ends by force only."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

REFUSED = Path("/etc/filterd/refused")
FORKS = Path("/etc/filterd/forks")
"""while it is there, the child is another process every few moments"""
SIGNALS = (signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP)


def tell(state: bytes) -> None:
    """Notify systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
        to.sendto(state, os.environ["NOTIFY_SOCKET"])


def got(number: int, _: object) -> None:
    """Say which signal came, and end where it asks for that."""
    print("main process got", signal.Signals(number).name, flush=True)
    if number != signal.SIGHUP:
        os._exit(0)


def serve() -> None:
    """The main process, and the child that it leaves behind."""
    for number in SIGNALS:
        signal.signal(number, got)
    if os.fork() == 0:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        while True:
            if not FORKS.exists():
                time.sleep(60)
            elif os.fork():
                os._exit(0)
            time.sleep(0.001)
    tell(b"READY=1")
    while True:
        time.sleep(0.2)
        tell(b"WATCHDOG=1")


if sys.argv[1:3] == ["config", "check"]:
    sys.exit(2 if REFUSED.exists() else 0)
serve()

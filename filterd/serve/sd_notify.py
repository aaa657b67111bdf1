"""Notifies the service manager by datagrams to the socket that it names (sd_notify(3)).

The protocol is a datagram of ``KEY=value`` lines: twenty lines of code, no reason for a library.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"
VARIABLE = "NOTIFY_SOCKET"


class Notifier:
    """Sends notifications to the service manager, if there is one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """``environment``: that of the process, in which the manager names its socket."""
        name = environment.get(VARIABLE, "")
        self._address = "\0" + name[1:] if name.startswith("@") else name

    def tell(self, *states: str) -> bool:
        """Send these states; False: there is no manager, or it did not take them."""
        if not self._address.startswith(("/", "\0")):
            return False
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        try:
            with socket.socket(socket.AF_UNIX, kind) as to:
                to.sendto("\n".join(states).encode(), self._address)
        except OSError:
            return False
        return True

"""What the service manager is told, by datagrams to the socket that it names (sd_notify(3)).

Twenty lines by hand: the protocol is a datagram of ``KEY=value`` lines, and a library would bring the same.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"
VARIABLE = "NOTIFY_SOCKET"


class Notifier:
    """Tells the service manager, where there is one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """``environment``: the process's, in which the manager names its socket."""
        name = environment.get(VARIABLE, "")
        self._address = "\0" + name[1:] if name.startswith("@") else name

    def tell(self, *states: str) -> bool:
        """Send them; False: there is no manager, or it did not take them."""
        if not self._address.startswith(("/", "\0")):
            return False
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        try:
            with socket.socket(socket.AF_UNIX, kind) as to:
                to.sendto("\n".join(states).encode(), self._address)
        except OSError:
            return False
        return True

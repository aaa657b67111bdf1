"""Why an address cannot be listened on, in one line that names it."""

from __future__ import annotations

import errno
from ipaddress import IPv4Address, IPv6Address

_REMEDIES = {
    errno.EADDRINUSE: "stop the program that has it (see: ss -lnp), or change the configuration",
    errno.EADDRNOTAVAIL: "no interface of this machine has it",
    errno.EACCES: "a port below 1024 needs CAP_NET_BIND_SERVICE",
}


def cannot_listen(address: IPv4Address | IPv6Address, port: int, error: OSError) -> OSError:
    """The error to raise in the place of a failed bind."""
    host = f"[{address}]" if address.version == 6 else str(address)
    reason = (error.strerror or str(error)).lower()
    remedy = _REMEDIES.get(error.errno or 0)
    return OSError(f"cannot listen on {host}:{port}: {reason}" + (f"; {remedy}" if remedy else ""))

"""One address that asks far more than it may: ``python -m tests.e2e.flood PORT PER_SECOND SECONDS``.

Prints how many questions it sent, and how many whole and truncated answers it got, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time

import dns.message

SOURCE = "127.0.9.9"
BURST = 20
"""questions between two looks at the clock"""


def flood(port: int, per_second: float, seconds: float) -> dict[str, int]:
    """Send at a steady rate, reading what comes on the way."""
    query = dns.message.make_query("p1.popular.example", "A").to_wire()
    sent = whole = truncated = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((SOURCE, 0))
        client.connect(("127.0.0.1", port))
        client.setblocking(False)
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            while sent < now * per_second:
                for _ in range(BURST):
                    with contextlib.suppress(BlockingIOError):
                        client.send(query)
                sent += BURST
            with contextlib.suppress(BlockingIOError):
                while True:
                    cut = client.recv(4096)[2] & 0x02
                    truncated += bool(cut)
                    whole += not cut
            time.sleep(0.001)
    return {"sent": sent, "whole": whole, "truncated": truncated}


if __name__ == "__main__":
    print(json.dumps(flood(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))))

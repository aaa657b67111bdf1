"""The times of DNS answers, one question after another at the steps of a clock: a process of its own."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import dns.message


@dataclass
class Asked:
    """The questions that are asked: names in turns, of type A, from one address."""

    port: int
    source: str
    names: Sequence[str]
    rate: float
    """questions a second"""
    seconds: float


@dataclass
class Found:
    """Seconds of each answer from its question; those without one within a second are lost."""

    seconds: list[float] = field(default_factory=list)
    lost: int = 0


def ask(asked: Asked) -> Found:
    """Ask until the time is over."""
    found = Found()
    queries = [dns.message.make_query(name, "A", id=0).to_wire()[2:] for name in asked.names]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((asked.source, 0))
        client.connect(("127.0.0.1", asked.port))
        client.settimeout(1.0)
        began = time.monotonic()
        for step in range(int(asked.seconds * asked.rate)):
            if (now := time.monotonic()) > began + asked.seconds:
                break
            time.sleep(max(began + step / asked.rate - now, 0))
            _one(client, step & 0xFFFF, queries[step % len(queries)], found)
    return found


def _one(client: socket.socket, number: int, query: bytes, found: Found) -> None:
    head = number.to_bytes(2, "big")
    sent = time.perf_counter()
    client.send(head + query)
    try:
        while client.recv(4096)[:2] != head:
            pass
    except TimeoutError:
        found.lost += 1
    else:
        found.seconds.append(time.perf_counter() - sent)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(ask(Asked(**json.load(sys.stdin))))))

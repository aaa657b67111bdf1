"""Clients of the pages, each over one kept connection, or over a new one for each page: a process of its own.

Requests are due at the steps of a clock, and counted from when they were due. It is written on bare streams:
a library for HTTP would take as much of the processor as the server.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

Kept = dict[tuple[str, int], tuple[asyncio.StreamReader, asyncio.StreamWriter]]
"""address and port -> the connection there"""


@dataclass
class Asked:
    """The load that is asked for."""

    ports: Sequence[tuple[str, int, str]]
    """address, port and path of each page, in turns"""
    rate: float
    """requests a second of all"""
    seconds: float
    clients: int = 64
    keep: bool = True
    """False: each request comes over a connection of its own"""
    raw: Sequence[str] = ()
    """whole requests in Latin-1, one for each of ``ports``, in place of a GET of its path"""
    sources: int = 0
    """addresses in 127.0.2.0/24 that the clients come from; 0: one that the system chooses"""


@dataclass
class Found:
    """The results: seconds of each reply from when it was due, and what was no page."""

    seconds: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    lasted: float = 0.0


async def load(asked: Asked) -> Found:
    """Run the clients until the time is over, and the replies that were under way are there."""
    found = Found()
    began = time.monotonic()
    await asyncio.gather(*(_client(asked, number, began, found) for number in range(asked.clients)))
    found.lasted = time.monotonic() - began
    return found


async def _client(asked: Asked, number: int, began: float, found: Found) -> None:
    between = asked.clients / asked.rate
    kept: Kept = {}
    for step in range(int(asked.seconds / between)):
        due = began + between * (step + number / asked.clients)
        if time.monotonic() > began + asked.seconds:
            break
        await asyncio.sleep(max(due - time.monotonic(), 0))
        place = (step * asked.clients + number) % len(asked.ports)
        try:
            status = await _send(asked, place, number, kept)
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            address, port, _ = asked.ports[place]
            if lost := kept.pop((address, port), None):
                lost[1].close()
            status = type(error).__name__
        found.seconds.append(time.monotonic() - due)
        if status not in ("200", "403"):  # the block page is a refusal by its status
            found.refused[status] = found.refused.get(status, 0) + 1
    for _, writer in kept.values():
        writer.close()


async def _send(asked: Asked, place: int, number: int, kept: Kept) -> str:
    """One page, or one request with its reply, read to its end; its status."""
    address, port, path = asked.ports[place]
    if (address, port) not in kept:
        source = (f"127.0.2.{number % asked.sources + 1}", 0) if asked.sources else None
        kept[address, port] = await asyncio.open_connection(address, port, local_addr=source)
    reader, writer = kept[address, port]
    close = "" if asked.keep else "Connection: close\r\n"
    plain = f"GET {path} HTTP/1.1\r\nHost: {address}\r\n{close}\r\n"
    writer.write((asked.raw[place] if asked.raw else plain).encode("latin-1"))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
    await reader.readexactly(int(length or 0))
    if not asked.keep or b"connection: close" in head:
        writer.close()
        del kept[address, port]
    return head[9:12].decode()


if __name__ == "__main__":
    document = json.load(sys.stdin)
    sys.stdout.write(json.dumps(asdict(asyncio.run(load(Asked(**document))))))

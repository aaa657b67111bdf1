"""Clients of the API that change choices as fast as they are answered, each over one kept connection.

A process of its own, so that its work is told apart from that of the servers. Each client has lines of its
own and goes through :data:`CHANGES` on each of them: every request changes something. It is written on bare
streams: a library for HTTP would take as much of the processor as the server.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import count

UNTIL = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
CHANGES = (
    ("PUT", "choices/differences", {"take": ["service:discord"]}),
    ("PUT", "own-names/own.example", {"action": "block"}),
    ("PUT", "choices/pause", {"until": UNTIL}),
    ("PUT", "choices/differences", {"as_profile": ["service:discord"]}),
    ("DELETE", "choices/pause", None),
    ("PUT", "choices/zone", {"zone": "America/Tijuana"}),
    ("DELETE", "own-names/own.example", None),
    ("PUT", "choices/zone", {"zone": "America/Mexico_City"}),
)


@dataclass
class Asked:
    """The load that is asked for."""

    port: int
    secret: str
    clients: int
    seconds: float
    lines: int
    """of each client"""
    pace: float = 0.0
    """requests in a second of all; 0: as fast as they are answered"""


@dataclass
class Found:
    """The results: seconds of each reply from its request, or from when it was due; and other statuses."""

    seconds: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    lasted: float = 0.0
    cpu: float = 0.0


async def load(asked: Asked) -> Found:
    """Run the clients until the time is over, and the replies that were under way are there."""
    found = Found()
    began = time.monotonic()
    await asyncio.gather(*(_client(asked, number, began, found) for number in range(asked.clients)))
    found.lasted, found.cpu = time.monotonic() - began, time.process_time()
    return found


async def _client(asked: Asked, number: int, began: float, found: Found) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", asked.port)
    between = asked.clients / asked.pace if asked.pace else 0.0
    for step in count():
        due = began + between * (step + number / asked.clients) if between else time.monotonic()
        if due >= began + asked.seconds:
            break
        await asyncio.sleep(max(due - time.monotonic(), 0) if between else 0)
        writer.write(_request(asked, number, step))
        status = await _status(reader)
        found.seconds.append(time.monotonic() - due)
        if status != "200":
            found.refused[status] = found.refused.get(status, 0) + 1
    writer.close()


def _request(asked: Asked, number: int, step: int) -> bytes:
    method, path, document = CHANGES[step // asked.lines % len(CHANGES)]
    body = b"" if document is None else json.dumps(document).encode()
    head = (
        f"{method} /api/v1/subscribers/L-{number * asked.lines + step % asked.lines}/{path} HTTP/1.1\r\n"
        f"Host: 127.0.0.1\r\nAuthorization: Bearer {asked.secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _status(reader: asyncio.StreamReader) -> str:
    """The status of a reply, which is read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
    await reader.readexactly(int(length))
    return head[9:12].decode()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(asyncio.run(load(Asked(**json.load(sys.stdin)))))))

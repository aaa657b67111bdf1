"""``python -m tests.compliance.packets``: hostile packets, asked of every resolver, and where we stand alone.

The public packets beside the repository and seeded mutations of them go to filterd, BIND, Unbound and
Recursor. What counts is the outcome: an rcode, or silence. Printed are the classes in which two of the
others agree with each other and not with filterd; exit code 1 where there are more than ``reasons.PACKETS``
explains.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dns.exception
import dns.message
import dns.rcode

from filterd.wire import codec
from tests.compliance.reasons import PACKETS
from tests.compliance.systems import SYSTEMS
from tests.compliance.table import OURS
from tests.compliance.upstream import scripted
from tests.fuzz.packets import SEED, mutate, public_packets
from tests.worlds.system import PACKAGES, command

MUTATED = 2_500
AT_ONCE = 50
SECONDS = (0.8, 1.5, 1.5)
"""the waits for an answer: who was silent is asked again, since a busy machine loses datagrams"""
QR = 0x80
SILENCE = "silence"


def packets() -> list[bytes]:
    """The public packets and mutations of them, most of these with QR clear so that they are queries."""
    found = sorted(public_packets().items())
    rng = random.Random(SEED)
    made = [packet for _, packet in found]
    for _ in range(MUTATED if found else 0):
        packet = bytearray(mutate(rng, rng.choice(found)[1]))
        if len(packet) > 2 and rng.random() < 0.9:
            packet[2] &= ~QR
        made.append(bytes(packet))
    return made


def outcome(reply: bytes | None) -> str:
    """An rcode's name, its extended bits included where they can be read, or silence."""
    if reply is None:
        return SILENCE
    try:
        return dns.rcode.to_text(dns.message.from_wire(reply, ignore_trailing=True).rcode())
    except (dns.exception.DNSException, ValueError):
        return dns.rcode.to_text(dns.rcode.Rcode(reply[3] & 15))


def _source(number: int) -> str:
    """A client's address for each packet, so that no limit on one client counts."""
    return f"127.{1 + number // 60_000}.{number // 250 % 240}.{1 + number % 250}"


def ask(port: int, batch: Mapping[int, bytes], seconds: float, offset: int) -> dict[int, bytes]:
    """The first replies to these packets, by their numbers."""
    replies: dict[int, bytes] = {}
    with contextlib.ExitStack() as stack:
        waiting: dict[socket.socket, int] = {}
        for number, packet in batch.items():
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            client.bind((_source(offset + number), 0))
            client.connect(("127.0.0.1", port))
            client.send(packet)
            waiting[client] = number
        end = time.monotonic() + seconds
        while waiting and (left := end - time.monotonic()) > 0:
            for client in select.select([*waiting], [], [], left)[0]:
                number = waiting.pop(client)
                with contextlib.suppress(OSError):
                    replies[number] = client.recv(65_535)
    return replies


def outcomes(port: int, sent: Sequence[bytes]) -> list[str]:
    """What one resolver makes of each packet."""
    replies: dict[int, bytes] = {}
    asked = [number for number, packet in enumerate(sent) if len(packet) <= 65_507]
    for attempt, seconds in enumerate(SECONDS):
        for start in range(0, len(asked), AT_ONCE):
            batch = {number: sent[number] for number in asked[start : start + AT_ONCE]}
            replies |= ask(port, batch, seconds, attempt * len(sent))
        asked = [n for n in asked if n not in replies and len(sent[n]) >= 12 and not sent[n][2] & QR]
    return [outcome(replies.get(number)) for number in range(len(sent))]


def apart(results: Mapping[str, Sequence[str]], sent: Sequence[bytes]) -> Counter[str]:
    """Classes in which at least two others agree, and not with us."""
    classes: Counter[str] = Counter()
    for number, packet in enumerate(sent):
        others = Counter(found[number] for system, found in results.items() if system != OURS)
        agreed, times = others.most_common(1)[0]
        ours = results[OURS][number]
        if times >= 2 and agreed != ours:
            classes[f"filterd {ours} ({codec.read(packet)[0].name}), others {agreed}"] += 1
    return classes


def main() -> int:
    """Ask, print; the exit code."""
    sent = packets()
    missing = [PACKAGES[needs] for needs, _ in SYSTEMS.values() if command(needs) is None]
    if missing or not sent:
        print("not asked:", f"apt-get install {' '.join(missing)}" if missing else "no public packets here")
        return 0
    with tempfile.TemporaryDirectory() as folder, scripted() as upstream, contextlib.ExitStack() as stack:
        ports = [
            stack.enter_context(start(Path(folder) / name, upstream)) for name, (_, start) in SYSTEMS.items()
        ]
        with ThreadPoolExecutor(len(ports)) as pool:
            found = pool.map(lambda port: outcomes(port, sent), ports)
            classes = apart(dict(zip(SYSTEMS, found, strict=True)), sent)
    for name, count in classes.most_common():
        print(f"{count:5} {name}")
    print(f"{classes.total()} of {len(sent)} packets: at least two of the others agree, and not with filterd")
    return 1 if classes.total() > len(sent) * PACKETS.percent / 100 else 0


if __name__ == "__main__":
    sys.exit(main())

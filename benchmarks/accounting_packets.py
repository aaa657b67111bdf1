"""How many accounting packets a second one core takes, proves, reads and answers.

``make accounting`` prints three kinds of packets: a Start as a NAS sends it, the same with a
Message-Authenticator, and one as two proxies forward it; first in process, from memory, then over loopback
with one sender, which has WINDOW packets on their way at a time, and pyrad at the first kind. Then the same
Starts of DISTINCT sessions go into the real table of sessions, with its file, from a native sender. Each is
the median of ROUNDS. In process the time is that of the processor. Over loopback it is that of the wall, and
the receiving thread's processor time stands beside it. pyrad does not read the attributes' values.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Network, ip_address
from pathlib import Path

from filterd.accounting.radius_types import MOST_CLIENTS, LineRule, RadiusClient
from filterd.accounting.receiver import Receiver
from filterd.accounting.recorded import RecordedEvents, spin
from filterd.accounting.sessions import Sessions

KEY = bytes(range(16))
SECRET = b"a shared secret of the usual length"
SENDER = bytes(10) + b"\xff\xff\x7f\0\0\1"
ROUNDS = 5
PACKETS = 1024
BAR = 50_000
"""packets a second on one core"""
WINDOW = 64
"""packets of the sender on their way"""
LASTS = 7200
DISTINCT = 100_000
"""sessions that the packets into the table tell of"""
OPEN = 4096
"""packets of the native sender on their way"""
SENDER_BINARY = Path("build/accounting_sender")


def packet(at: int, *, proof: bool = False, proxies: int = 0) -> bytes:
    """A Start with the attributes that a BRAS sends."""
    values: list[tuple[int, bytes]] = [
        (1, b"line-%06d@isp.example" % at),
        (4, ip_address("10.0.0.1").packed),
        (32, b"bras-1.core.isp.example"),
        (5, at.to_bytes(4, "big")),
        (61, b"\0\0\0\x0f"),
        (87, b"xe-0/0/1.demux0.%d:101-%d" % (at, at % 4094)),
        (6, b"\0\0\0\2"),
        (7, b"\0\0\0\1"),
        (8, (0x64400000 + at).to_bytes(4, "big")),
        (97, b"\0\x40\x20\x01\x0d\xb8" + (0x80000000 + at).to_bytes(4, "big")),
        (123, b"\0\x38\x20\x01\x0d\xb8" + at.to_bytes(3, "big") + b"\0"),
        (31, b"00-11-22-%02X-%02X-%02X" % (at >> 16 & 255, at >> 8 & 255, at & 255)),
        (40, b"\0\0\0\1"),
        (41, b"\0\0\0\0"),
        (44, b"%08x" % at),
        (45, b"\0\0\0\1"),
        (55, (1_790_000_000 + at).to_bytes(4, "big")),
        (26, b"\0\0\x0d\xe9\1\x1colt-7 xpon 0/1/0/5:12.1.1"[:4] + b"\1\x1aolt-7 xpon 0/1/0/5:12.1"),
    ]
    values += [(80, bytes(16))] if proof else []
    values += [(33, b"proxy%d" % each) for each in range(proxies)]
    body = b"".join(bytes([number, len(value) + 2]) + value for number, value in values)
    head = bytes([4, at & 255]) + (20 + len(body)).to_bytes(2, "big")
    if proof:
        digest = hmac.digest(SECRET, head + bytes(16) + body, "md5")
        body = body.replace(b"\x50\x12" + bytes(16), b"\x50\x12" + digest)
    return head + hashlib.md5(head + bytes(16) + body + SECRET, usedforsecurity=False).digest() + body


def signed_start(user: str, session: str, address: bytes, stamp: int, secret: bytes) -> bytes:
    """A small Start with what a session needs."""
    values = (
        (40, b"\0\0\0\1"),
        (1, user.encode()),
        (32, b"bras-1"),
        (44, session.encode()),
        (8, address),
        (55, stamp.to_bytes(4, "big")),
    )
    body = b"".join(bytes([number, len(value) + 2]) + value for number, value in values)
    head = b"\4\1" + (20 + len(body)).to_bytes(2, "big")
    return head + hashlib.md5(head + bytes(16) + body + secret, usedforsecurity=False).digest() + body


def receiver(clients: int = 1) -> Receiver:
    """A receiver that knows the sender among so many clients."""
    made = Receiver(RecordedEvents(1), KEY)
    others = [
        RadiusClient(IPv4Network(((10 << 24) + at, 32)), b"secret %d" % at) for at in range(clients - 1)
    ]
    made.configure(
        [RadiusClient(IPv4Network("127.0.0.0/8"), SECRET), *others], LineRule(0, 1, ("realm", "case")), LASTS
    )
    return made


def in_process(packets: list[bytes], clients: int, rounds: int) -> float:
    """Packets a second of processor time, from memory, without a socket."""
    made = receiver(clients)
    recorded = [(SENDER, each) for each in packets]
    begun = time.thread_time()
    answers = spin(made, recorded, rounds, 1_790_000_000_000)
    taken = time.thread_time() - begun
    if answers != len(packets) * rounds:
        sys.exit(f"{answers} answers to {len(packets) * rounds} packets")
    return answers / taken


def thread_seconds(thread: threading.Thread) -> float:
    """The processor time of a thread, user and system."""
    stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / 100


def over_loopback(packets: list[bytes], seconds: float) -> tuple[float, float]:
    """Packets a second of wall time, and of the receiving thread's processor time."""
    made = receiver()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as served,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        served.bind(("127.0.0.1", 0))
        sender.connect(served.getsockname())
        sender.settimeout(1)
        thread = threading.Thread(target=made.run, args=(served.fileno(),))
        thread.start()
        answers = 0
        begun, busy = time.perf_counter(), thread_seconds(thread)
        while time.perf_counter() - begun < seconds:
            for at in range(0, len(packets), WINDOW):
                some = packets[at : at + WINDOW]
                for each in some:
                    sender.send(each)
                answers += sum(1 for _ in some if sender.recv(4096))
        wall, busy = time.perf_counter() - begun, thread_seconds(thread) - busy
        made.stop()
        thread.join()
    return answers / wall, answers / busy


def into_the_table(seconds: float) -> tuple[float, float, int]:
    """Packets a second that the table of sessions took in and that were answered, by the wall and by the
    receiving thread's processor time, and the packets that got no answer. Each processor has one side."""
    stamp = int(time.time())
    with tempfile.TemporaryDirectory() as work:
        packets = Path(work) / "packets"
        with packets.open("wb") as file:
            for at in range(DISTINCT):
                text = signed_start(f"line-{at}", f"{at:08x}", (0x64400000 + at).to_bytes(4), stamp, SECRET)
                file.write(len(text).to_bytes(2) + text)
        table = Sessions(Path(work) / "live", KEY, 2 * DISTINCT, LASTS, time.time)
        try:
            return _fed(table, packets, seconds)
        finally:
            table.close()


def _fed(table: Sessions, packets: Path, seconds: float) -> tuple[float, float, int]:
    made = Receiver(table, KEY)
    client = RadiusClient(IPv4Network("127.0.0.0/8"), SECRET)
    made.configure([client], LineRule(0, 1, ("realm", "case")), LASTS)
    first, *others = sorted(os.sched_getaffinity(0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as served:
        served.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        served.bind(("127.0.0.1", 0))

        def run() -> None:
            os.sched_setaffinity(0, {first})
            made.run(served.fileno())

        thread = threading.Thread(target=run)
        thread.start()
        words = [str(SENDER_BINARY), str(served.getsockname()[1]), str(packets), str(seconds), str(OPEN)]
        pinned = ["taskset", "-c", str((others or [first])[0]), *words]
        busy = thread_seconds(thread)
        found = json.loads(subprocess.run(pinned, capture_output=True, check=True).stdout)
        busy = thread_seconds(thread) - busy
        made.stop()
        thread.join()
    if table.counts().live != min(DISTINCT, found["answered"]):
        sys.exit(f"the table has {table.counts().live} sessions after {found['answered']} answers")
    return found["answered"] / found["seconds"], found["answered"] / busy, found["sent"] - found["answered"]


def pyrad_takes(packets: list[bytes]) -> float:
    """Packets a second that pyrad parses, proves and answers, where it is installed."""
    from pyrad.dictionary import Dictionary
    from pyrad.packet import AcctPacket

    words = Dictionary("/usr/share/freeradius/dictionary.rfc2866", "/usr/share/freeradius/dictionary.rfc2865")
    begun = time.thread_time()
    for each in packets:
        request = AcctPacket(packet=each, secret=SECRET, dict=words)
        if not request.VerifyAcctRequest():
            sys.exit("pyrad does not accept a packet of ours")
        request.CreateReply().ReplyPacket()
    return len(packets) / (time.thread_time() - begun)


def median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(ROUNDS))


def tell(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100, help="of 1024 packets, in process")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round over loopback")
    chosen = parser.parse_args()
    kinds = {
        "a Start": [packet(at) for at in range(PACKETS)],
        "with Message-Authenticator": [packet(at, proof=True) for at in range(PACKETS)],
        "forwarded by two proxies": [packet(at, proof=True, proxies=2) for at in range(PACKETS)],
    }
    tell(f"accounting packets a second, one core; the bar is {BAR:,}")
    for name, packets in kinds.items():
        found = median(partial(in_process, packets, 1, chosen.rounds))
        tell(f"  in process, {name} ({len(packets[0])} bytes): {found:,.0f}")
    found = median(partial(in_process, kinds["a Start"], MOST_CLIENTS, chosen.rounds))
    tell(f"  in process, a Start, {MOST_CLIENTS} clients: {found:,.0f}")
    rounds = [over_loopback(kinds["a Start"], chosen.seconds) for _ in range(ROUNDS)]
    wall, busy = (statistics.median(each[place] for each in rounds) for place in (0, 1))
    tell(f"  over loopback, one Python sender: {wall:,.0f} by the wall")
    tell(f"  over loopback, by the receiving thread's processor time: {busy:,.0f}")
    taken = [into_the_table(chosen.seconds) for _ in range(ROUNDS)]
    wall, busy, lost = (statistics.median(each[place] for each in taken) for place in (0, 1, 2))
    tell(f"  into the table, native sender: {wall:,.0f} by the wall, {lost:,.0f} of a round not answered")
    tell(f"  into the table, by the receiving thread's processor time: {busy:,.0f}")
    try:
        tell(f"  pyrad, in process: {median(partial(pyrad_takes, kinds['a Start'][:256])):,.0f}")
    except (ImportError, OSError) as error:
        tell(f"  pyrad: not measured ({error})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Sends a case to a resolver on loopback and collects what comes back.

Silence is known without waiting long: behind what must get no answer goes an ordinary query, and once that is
answered an answer to the first would have come too.
"""

from __future__ import annotations

import contextlib
import socket
import time

from tests.compliance.asking import ask, framed
from tests.compliance.case import Case, Replies, Reply

SECONDS = 3.0
"""the wait for an answer"""
GRACE = 0.05
"""the wait for one more than there should be"""
SENTINEL = 0x5E5E
_SENTINEL_QUERY = ask("a.c.example", number=SENTINEL)


def perform(case: Case, port: int) -> Replies:
    """What a resolver answers, at most one more than the case waits for."""
    return _over_tcp(case, port) if case.tcp else _over_udp(case, port)


def _over_udp(case: Case, port: int) -> Replies:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        for packet in case.sends:
            client.send(packet)
        if not case.replies:
            client.send(_SENTINEL_QUERY)
        replies: list[Reply] = []
        deadline = time.monotonic() + SECONDS
        wanted = case.replies
        while (left := deadline - time.monotonic()) > 0:
            client.settimeout(left)
            try:
                reply = Reply(client.recv(65535))
            except OSError:
                break
            if reply.id != SENTINEL or case.replies:
                replies.append(reply)
            if len(replies) >= wanted:
                deadline = min(deadline, time.monotonic() + GRACE)
                wanted = 1 << 16
        return tuple(replies)


def _over_tcp(case: Case, port: int) -> Replies:
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # cut while we write: what it answered before still counts
            for number, piece in enumerate(case.sends):
                time.sleep(0.03 if number else 0)
                client.sendall(piece)
            if case.half_close:
                client.shutdown(socket.SHUT_WR)
        replies: list[Reply] = []
        with contextlib.suppress(OSError):
            while len(replies) < case.replies:
                replies.append(Reply(_message(client)))
    return tuple(replies) if case.replies else _after(port)


def _after(port: int) -> Replies:
    """Nothing, if an ordinary query on another connection is answered; else an empty message as a fault."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(framed(_SENTINEL_QUERY))
        try:
            return () if Reply(_message(client)).id == SENTINEL else (Reply(b""),)
        except OSError:
            return (Reply(b""),)


def _message(client: socket.socket) -> bytes:
    """The next message of a connection. OSError at its end."""
    return _exactly(client, int.from_bytes(_exactly(client, 2), "big"))


def _exactly(client: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        piece = client.recv(size - len(content))
        if not piece:
            msg = "the connection ended"
            raise ConnectionError(msg)
        content += piece
    return content
